// From the 354 that asks for a message's content to the answer to the message.
#include "smtpd/session.h"

#include "common/base/crc32c.h"

#include <algorithm>
#include <utility>

namespace letterlock::smtpd {

namespace {

const Reply& reply_to(StorageFault fault) {
  switch (fault) {
  case StorageFault::full:
    return replies::storage_full;
  case StorageFault::over_quota:
    return replies::over_quota;
  case StorageFault::failed:
    return replies::storage_failed;
  case StorageFault::refused:
    return replies::message_refused;
  }
  return replies::storage_failed; // not reached: the switch is complete
}

const Reply& reply_to(ContentFault fault) {
  switch (fault) {
  case ContentFault::bad_line_end:
    return replies::bad_line_end;
  case ContentFault::too_big:
    return replies::message_too_big;
  case ContentFault::header_too_big:
    return replies::header_too_big;
  case ContentFault::loop:
    return replies::mail_loop;
  }
  return replies::bad_line_end; // not reached: the switch is complete
}

} // namespace

void Session::start_content() {
  reader_.emplace(settings_->content, Framing::dots);
  crc32c_ = 0;
  phase_ = Phase::content;
  say(replies::go_ahead);
}

void Session::read_content(std::string_view& input) {
  if (chunk_)
    return read_chunk(input);
  const bool ended = reader_->read(input, *this);
  if (reader_->fault())
    drop_content();
  if (ended)
    finish_content();
}

void Session::append(Bytes content) {
  if (!storing_)
    return;
  crc32c_ = crc32c(crc32c_, content);
  if (const auto stored = requests_.append_content(content); !stored) {
    storing_ = false;
    storage_fault_ = stored.error();
  }
}

void Session::refuse_content(StorageFault fault) {
  say(reply_to(fault));
  next_command();
}

void Session::on_storage_refused(StorageFault fault) {
  const bool between_chunks = (phase_ == Phase::command || phase_ == Phase::tarpit) && reader_;
  if (phase_ == Phase::storage && !chunk_) {
    refuse_content(fault);
  } else if (phase_ == Phase::storage || phase_ == Phase::content || between_chunks) {
    storing_ = false;
    storage_fault_ = fault;
    if (phase_ == Phase::storage)
      go_on_with_chunk();
  }
  flush();
}

// A fault of the message goes before one of the storage: trying again would not help it.
void Session::finish_content() {
  if (reader_->fault()) {
    say(reply_to(*reader_->fault()));
    return next_command();
  }
  if (storage_fault_) {
    say(reply_to(*storage_fault_));
    return next_command();
  }
  auto commit = compose_commit();
  accepted_as_ = commit.transaction;
  phase_ = Phase::commit;
  requests_.commit_content(std::move(commit));
}

Commit Session::compose_commit() {
  const auto stamp = requests_.stamp();
  Commit commit;
  commit.transaction = stamp.transaction;
  commit.envelope = std::move(transaction_->envelope);
  commit.counts = reader_->counts();
  commit.crc32c = crc32c_;

  auto& recipients = commit.envelope.recipients;
  std::stable_sort(recipients.begin(), recipients.end(),
                   [](const Recipient& a, const Recipient& b) { return a.account < b.account; });

  mail::Received received;
  received.from_name = hello_->name;
  received.from_address = peer_.address;
  received.by = settings_->hostname;
  received.with = {.extended = hello_->extended,
                   .tls = tls_.has_value(),
                   .authenticated = false,
                   .utf8 = commit.envelope.smtputf8};
  received.tls = tls_;
  received.id = Text<64>::cut(stamp.transaction.hex());
  // With more than one, each would learn of the others.
  if (recipients.size() == 1)
    received.only_for = recipients.front().address;
  received.when = stamp.now;
  commit.trace = mail::received_field(received);
  // Else a reader would take what the message begins with for more of our fields (RFC 5322 §2.1).
  if (commit.counts.starts_with_body)
    commit.trace += '\n';
  return commit;
}

void Session::on_commit(std::expected<void, StorageFault> result) {
  if (phase_ != Phase::commit)
    return;
  if (result) {
    idle_commands_ = 0;
    say({250, "2.0.0", "Accepted " + accepted_as_.hex()});
  } else {
    say(reply_to(result.error()));
  }
  next_command();
  flush();
}

} // namespace letterlock::smtpd
