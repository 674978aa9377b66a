// Any client: the session survives it, keeps its promises to the adapter, and answers alike however
// the input is cut. (Where STARTTLS is cut off from what follows it decides what is said; so it is
// not offered here.)
#include "smtpd/recipient_table.h"
#include "smtpd/session.h"
#include "tests/unit/smtp_recorder.h"

#include <array>
#include <cstdlib>
#include <memory>
#include <string>

using namespace letterlock;
using namespace letterlock::smtpd;

namespace {

// What the highest octets stand for, so that whole dialogues are found soon.
constexpr std::array<std::string_view, 24> phrases = {
    "EHLO c\r\n",
    "MAIL FROM:<a@b>\r\n",
    "RCPT TO:<x@o.x>\r\n",
    "RCPT TO:<b@o.x>\r\n",
    "DATA\r\n",
    "\r\n.\r\n",
    ".\r\n",
    "BDAT 0\r\n",
    "BDAT 1\r\n",
    "BDAT 2\r\n",
    "BDAT 5\r\n",
    "BDAT 9 LAST\r\n",
    "BDAT 0 LAST\r\n",
    "BDAT 501\r\n",
    "BDAT ",
    " LAST\r\n",
    "RSET\r\n",
    "QUIT\r\n",
    "NOOP\r\n",
    "VRFY x\r\n",
    "Received: x\r\n",
    "A: b\r\n\r\n",
    " SIZE=",
    "\r\n",
};

std::string spelt_out(std::string_view input) {
  std::string text;
  for (const char c : input) {
    const std::size_t octet = static_cast<unsigned char>(c);
    if (octet < 256 - phrases.size())
      text += c;
    else
      text += phrases[255 - octet];
  }
  return text;
}

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
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto cuts = all.substr(0, size / 8);
  const auto input = spelt_out(all.substr(cuts.size()));
  if (talk(input, cuts) != talk(input, {}))
    std::abort();
  return 0;
}
