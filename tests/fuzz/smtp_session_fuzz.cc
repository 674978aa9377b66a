// Any client: the session survives it, keeps its promises to the adapter, and answers alike however
// the input is cut. (Where STARTTLS is cut off from what follows it decides what is said; so it is
// not offered here.)
#include "smtpd/recipient_table.h"
#include "smtpd/session.h"
#include "tests/unit/smtp_recorder.h"

#include <cstdlib>
#include <memory>
#include <string>

using namespace letterlock;
using namespace letterlock::smtpd;

namespace {

std::shared_ptr<const RecipientTable> recipients() {
  auto table = std::make_shared<RecipientTable>();
  if (!table->add_domain(*mail::Domain::parse("o.x"), 1) ||
      !table->add_block(*mail::Mailbox::parse("b@o.x")))
    std::abort();
  return table;
}

std::shared_ptr<const SessionSettings> settings() {
  auto settings = std::make_shared<SessionSettings>();
  settings->content.size = 500;
  settings->recipients = 3;
  return settings;
}

// Checks the order of requests, besides writing them down.
class StrictRecorder final : public SessionRequests {
public:
  void send(std::string_view replies) override {
    require(!closed && replies.ends_with("\r\n"));
    recorder.send(replies);
  }
  void start_tls() override { std::abort(); }
  std::expected<StorageStart, StorageFault> begin_content(std::uint64_t size) override {
    require(!closed && !storing);
    storing = true;
    return recorder.begin_content(size);
  }
  std::expected<void, StorageFault> append_content(Bytes content) override {
    require(!closed && storing);
    return recorder.append_content(content);
  }
  void abort_content() override {
    require(std::exchange(storing, false));
    recorder.abort_content();
  }
  Stamp stamp() override { return recorder.stamp(); }
  void commit_content(Commit commit) override {
    require(std::exchange(storing, false));
    const auto& recipients = commit.envelope.recipients;
    require(!recipients.empty() && recipients.size() <= 3);
    require(commit.counts.stored_size == recorder.content.size());
    require(commit.counts.wire_size <= 500);
    require(commit.trace.find('\r') == std::string::npos && commit.trace.ends_with('\n'));
    contents += recorder.content + '|';
    recorder.commit_content(std::move(commit));
  }
  void close() override {
    require(!std::exchange(closed, true));
    recorder.close();
  }

  Recorder recorder;
  std::string contents;
  bool storing = false, closed = false;

private:
  static void require(bool condition) {
    if (!condition)
      std::abort();
  }
};

std::string talk(std::string_view input, std::string_view cuts) {
  static const auto the_settings = settings();
  static const auto the_recipients = recipients();
  StrictRecorder adapter;
  Session session(the_settings, the_recipients, Peer{}, adapter);
  session.on_connect();
  while (!input.empty() && session.phase() != Session::Phase::closed) {
    const std::size_t size = cuts.empty() ? input.size() : static_cast<unsigned char>(cuts.front());
    cuts = cuts.substr(cuts.empty() ? 0 : 1);
    input.remove_prefix(session.on_input(as_bytes(input.substr(0, size))));
    if (session.phase() == Session::Phase::commit)
      session.on_commit({});
  }
  session.on_disconnect();
  if (adapter.storing)
    std::abort();
  return adapter.recorder.wire + adapter.recorder.log + adapter.contents;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto cuts = input.substr(0, size / 8);
  input.remove_prefix(cuts.size());
  if (talk(input, cuts) != talk(input, {}))
    std::abort();
  return 0;
}
