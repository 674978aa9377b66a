// Deliveries from messages.
#include "queued/delivery_assembler.h"

#include "common/mail/trace.h"

#include <unordered_map>
#include <utility>

namespace letterlock::queued {

namespace {

// RFC 5321 §4.4: Return-Path stands first.
Expected<std::string> return_path(const ipc::Begin& begin) {
  mail::ReversePath reverse_path;
  if (!begin.reverse_path.empty()) {
    auto mailbox = mail::Mailbox::parse_sender(begin.reverse_path.view(), mail::Charset::utf8);
    if (!mailbox)
      return fail("a reverse-path that is no mailbox");
    reverse_path = mail::ReversePath(std::move(*mailbox));
  }
  return mail::return_path_field(reverse_path);
}

} // namespace

Expected<void> DeliveryAssembler::on(const ipc::Begin& begin) {
  if (transaction_)
    return fail("Begin within a transaction");
  transaction_ = Transaction{begin, {}, {}};
  return {};
}

Expected<void> DeliveryAssembler::on(const ipc::Recipient& recipient) {
  if (!transaction_ || !transaction_->content.empty())
    return fail("Recipient out of place");
  if (transaction_->recipients.size() == most_recipients)
    return fail("too many recipients");
  transaction_->recipients.push_back(recipient);
  return {};
}

Expected<void> DeliveryAssembler::on(const ipc::Content& content) {
  if (!transaction_)
    return fail("Content out of place");
  if (transaction_->content.size() + content.part.bytes().size() > most_inline)
    return fail("too much content as frames");
  transaction_->content += as_text(content.part.bytes());
  return {};
}

Expected<Delivery> DeliveryAssembler::on(const ipc::Commit& commit, Borrower borrower) {
  auto transaction = std::exchange(transaction_, std::nullopt);
  if (!transaction || commit.transaction != transaction->begin.transaction)
    return fail("Commit without its Begin");
  if (transaction->recipients.empty())
    return fail("Commit without recipients");
  if (commit.scratch != 0 && !transaction->content.empty())
    return fail("content both as frames and in a scratch file");
  const std::string_view trace = as_text(commit.trace.bytes());
  // The trace stands between our fields and the content: it must not end either of them early. An
  // empty line at its end is the header's, of a message that has none of its own.
  if (trace.find_first_of(std::string_view("\r\0", 2)) != std::string_view::npos ||
      trace.substr(0, trace.size() - trace.ends_with("\n\n")).find("\n\n") !=
          std::string_view::npos ||
      trace.starts_with('\n') || (!trace.empty() && !trace.ends_with('\n')))
    return fail("trace fields that are no fields");

  Delivery delivery;
  delivery.transaction = commit.transaction;
  delivery.again = transaction->begin.again;
  delivery.received = static_cast<std::int64_t>(transaction->begin.received);
  delivery.crc = commit.crc;
  delivery.stored_size = commit.size;
  delivery.wire_size = commit.wire_size;
  delivery.header_size = commit.header_size;
  if (commit.scratch != 0)
    delivery.content = ScratchContent{borrower, ScratchId{commit.scratch}};
  else
    delivery.content = InlineContent{std::move(transaction->content)};
  const auto first_field = return_path(transaction->begin);
  if (!first_field)
    return std::unexpected(first_field.error());
  std::unordered_map<std::uint32_t, std::size_t> place; // of an account's copy
  for (const ipc::Recipient& recipient : transaction->recipients) {
    const auto mailbox = mail::Mailbox::parse(recipient.address.view(), mail::Charset::utf8);
    if (!mailbox)
      return fail("a recipient that is no mailbox");
    const auto [at, is_new] = place.try_emplace(recipient.account, delivery.copies.size());
    if (is_new)
      delivery.copies.push_back({AccountId{recipient.account}, *first_field});
    delivery.copies[at->second].head += mail::delivered_to_field(*mailbox);
  }
  for (Copy& copy : delivery.copies)
    copy.head += trace;
  return delivery;
}

} // namespace letterlock::queued
