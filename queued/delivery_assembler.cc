// Deliveries from messages.
#include "queued/delivery_assembler.h"

#include "common/mail/trace.h"

#include <algorithm>
#include <utility>

namespace letterlock::queued {

namespace {

// The fields that go before one account's copy (RFC 5321 §4.4: Return-Path stands first).
Expected<std::string> head_of_copy(const ipc::Begin& begin,
                                   const std::vector<ipc::Recipient>& recipients,
                                   std::uint32_t account, std::string_view trace) {
  mail::ReversePath reverse_path;
  if (!begin.reverse_path.empty()) {
    auto mailbox = mail::Mailbox::parse(begin.reverse_path.view(), mail::Charset::utf8);
    if (!mailbox)
      return fail("a reverse-path that is no mailbox");
    reverse_path = mail::ReversePath(std::move(*mailbox));
  }
  std::string head = mail::return_path_field(reverse_path);
  for (const ipc::Recipient& recipient : recipients) {
    if (recipient.account != account)
      continue;
    const auto mailbox = mail::Mailbox::parse(recipient.address.view(), mail::Charset::utf8);
    if (!mailbox)
      return fail("a recipient that is no mailbox");
    head += mail::delivered_to_field(*mailbox);
  }
  head += trace;
  return head;
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
  // The trace stands between our fields and the content: it must not end either of them early.
  if (trace.find_first_of(std::string_view("\r\0", 2)) != std::string_view::npos ||
      trace.find("\n\n") != std::string_view::npos || trace.starts_with('\n') ||
      (!trace.empty() && !trace.ends_with('\n')))
    return fail("trace fields that are no fields");

  Delivery delivery;
  delivery.transaction = commit.transaction;
  delivery.again = transaction->begin.again;
  delivery.received = static_cast<std::int64_t>(transaction->begin.received);
  delivery.crc = commit.crc;
  delivery.stored_size = commit.size;
  delivery.wire_size = commit.wire_size;
  if (commit.scratch != 0)
    delivery.content = ScratchContent{borrower, ScratchId{commit.scratch}};
  else
    delivery.content = InlineContent{std::move(transaction->content)};
  for (const ipc::Recipient& recipient : transaction->recipients) {
    const AccountId account{recipient.account};
    const bool has_copy = std::any_of(delivery.copies.begin(), delivery.copies.end(),
                                      [&](const Copy& copy) { return copy.account == account; });
    if (has_copy)
      continue;
    auto head = head_of_copy(transaction->begin, transaction->recipients, recipient.account, trace);
    if (!head)
      return std::unexpected(head.error());
    delivery.copies.push_back({account, std::move(*head)});
  }
  return delivery;
}

} // namespace letterlock::queued
