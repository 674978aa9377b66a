// A smtpd that was taken over sends Begin, Recipient, Content and Commit in any order and with
// anything in them: what is assembled holds what was sent, in fields of whole lines, and only that.
#include "common/mail/mailbox.h"
#include "queued/delivery_assembler.h"
#include "tests/fuzz/fuzz.h"

#include <deque>
#include <set>

using namespace letterlock;
using namespace letterlock::queued;
using fuzz::require;

namespace {

// What the assembler should have by now, kept in the simplest way.
struct Sent {
  bool begun = false;
  Id128 transaction;
  std::string reverse_path;
  std::vector<std::pair<std::uint32_t, std::string>> recipients;
  std::string content;
};

Id128 id_of(std::uint8_t octet) {
  Id128 id;
  id.bytes[0] = octet;
  return id;
}

// The fields before the content are lines, none of them empty; the last one may be, which ends the
// header of a message that has none of its own.
void check_head(std::string_view head, std::string_view trace) {
  require(head.starts_with("Return-Path: <") && head.ends_with(trace));
  const std::size_t end = head.find("\n\n");
  require(head.ends_with('\n') && (end == head.npos || end == head.size() - 2));
  require(head.find_first_of(std::string_view("\r\0", 2)) == head.npos);
}

void check(const Delivery& delivery, const Sent& sent, const ipc::Commit& commit) {
  require(delivery.transaction == sent.transaction && delivery.crc == commit.crc);
  require(delivery.stored_size == commit.size && delivery.wire_size == commit.wire_size);
  require(delivery.header_size == commit.header_size);
  if (const auto* content = std::get_if<InlineContent>(&delivery.content))
    require(commit.scratch == 0 && content->bytes == sent.content);
  else
    require(commit.scratch != 0 && sent.content.empty());
  std::set<AccountId> accounts;
  std::size_t fields = 0;
  for (const Copy& copy : delivery.copies) {
    require(accounts.insert(copy.account).second); // one copy for each
    check_head(copy.head, as_text(commit.trace.bytes()));
    for (const auto& [account, address] : sent.recipients) {
      const auto mailbox = mail::Mailbox::parse(address, mail::Charset::utf8);
      const std::string field = "\nDelivered-To: " + mailbox->text() + "\n";
      fields += account == number_of(copy.account);
      require(account != number_of(copy.account) || copy.head.find(field) != std::string::npos);
    }
  }
  require(fields == sent.recipients.size() && fields > 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  DeliveryAssembler assembler;
  Sent sent;
  while (!input.at_end()) {
    bool goes_on = false;
    switch (input.octet() % 4) {
    case 0: {
      ipc::Begin begin{};
      begin.transaction = id_of(input.octet());
      begin.reverse_path = ipc::AddressText::cut(input.line());
      goes_on = assembler.on(begin).has_value();
      require(goes_on == !sent.begun);
      sent = {true, begin.transaction, std::string(begin.reverse_path.view()), {}, {}};
      break;
    }
    case 1: {
      ipc::Recipient recipient{};
      recipient.account = input.octet() % 4u;
      recipient.address = ipc::AddressText::cut(input.line());
      goes_on = assembler.on(recipient).has_value();
      require(goes_on == (sent.begun && sent.content.empty()));
      sent.recipients.emplace_back(recipient.account, recipient.address.view());
      break;
    }
    case 2: {
      const std::string_view part = input.counted_text();
      ipc::Content content;
      content.part = *decltype(content.part)::of(as_bytes(part));
      goes_on = assembler.on(content).has_value();
      require(goes_on == sent.begun);
      sent.content += part;
      break;
    }
    default: {
      ipc::Commit commit{};
      commit.transaction = id_of(input.octet());
      commit.scratch = input.octet() % 2u;
      commit.size = input.number<std::uint16_t>();
      commit.wire_size = input.number<std::uint16_t>();
      commit.header_size = input.number<std::uint16_t>();
      commit.crc = input.number<std::uint16_t>();
      const std::string_view trace = input.counted_text();
      commit.trace = *decltype(commit.trace)::of(as_bytes(trace));
      const auto delivery = assembler.on(commit, Borrower{});
      goes_on = delivery.has_value();
      if (delivery) {
        require(sent.begun && sent.transaction == commit.transaction);
        check(*delivery, sent, commit);
      }
      sent = {};
    }
    }
    if (!goes_on)
      return 0; // that costs the link
  }
  return 0;
}
