// Stand-ins for what surrounds the SMTP machines: a sink that keeps content, and an adapter that
// writes down all it is asked and answers as it is told.
#pragma once

#include "common/mail/trace.h"
#include "smtpd/session.h"
#include "smtpd/session_requests.h"

#include <optional>
#include <string>
#include <string_view>

namespace letterlock::smtpd {

class KeepingSink final : public ContentSink {
public:
  void append(Bytes content) override { kept += as_text(content); }
  std::string kept;
};

// What the client sees is in WIRE; what the session asked is in LOG, one word or phrase a request,
// separated by spaces. Content is kept apart, so that its cutting does not show.
class Recorder final : public SessionRequests {
public:
  void send(std::string_view replies) override {
    wire += replies;
    ++sends;
  }
  void start_tls() override { note("tls"); }
  bool admit_message() override { return admits; }
  void offence() override { note("offence"); }
  std::expected<StorageStart, StorageFault> begin_content(std::uint64_t declared) override {
    content.clear();
    note("begin(" + std::to_string(declared) + ")");
    if (begin_fault)
      return std::unexpected(*begin_fault);
    return start;
  }
  std::expected<void, StorageFault> append_content(Bytes bytes) override {
    content += as_text(bytes);
    if (content.size() > room)
      return std::unexpected(StorageFault::full);
    return {};
  }
  void abort_content() override { note("abort"); }
  Stamp stamp() override {
    Stamp stamp;
    stamp.transaction.bytes[15] = static_cast<std::uint8_t>(++stamps);
    stamp.now = {1795300059, 0};
    return stamp;
  }
  void commit_content(Commit commit) override {
    std::string text = "commit(" + commit.envelope.reverse_path.text();
    for (const auto& recipient : commit.envelope.recipients)
      text += ' ' + std::to_string(recipient.account) + ':' + recipient.address.text();
    note(text + ")");
    committed = std::move(commit);
  }
  void close() override { note("close"); }

  void note(const std::string& what) { (log += log.empty() ? "" : " ") += what; }

  std::string wire, log, content;
  std::optional<Commit> committed;
  int sends = 0;
  int stamps = 0;

  bool admits = true;
  StorageStart start = StorageStart::ready;
  std::optional<StorageFault> begin_fault;
  std::size_t room = ~std::size_t{0};
};

} // namespace letterlock::smtpd
