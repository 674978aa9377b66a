// Any client: the session survives it, keeps its promises to the adapter, and answers alike however
// the input is cut and whenever the storage answers.
//
// The first octet chooses what is offered and what the storage says, or that a line with events
// comes first, which disturb the session; the highest octets stand for phrases. Where STARTTLS is
// cut off from what follows decides what is said; so where that is offered the input is cut at the
// end of each line, at least.
#include "smtpd/recipient_table.h"
#include "smtpd/session.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/smtp_recorder.h"

#include <array>
#include <memory>
#include <string>
#include <utility>

using namespace letterlock;
using namespace letterlock::smtpd;
using fuzz::require;

namespace {

// What the highest octets stand for, so that whole dialogues are found soon.
constexpr std::array<std::string_view, 26> phrases = {
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
    "STARTTLS\r\n",
    "HELO c\r\n",
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
  require(table->add_domain(*mail::Domain::parse("o.x"), 1).has_value());
  require(table->add_block(*mail::Mailbox::parse("b@o.x")).has_value());
  return table;
}

// What is offered, and how the storage answers.
struct World {
  bool starttls = false;
  bool later = false; // the storage answers when more input has come
  std::optional<StorageFault> begin_fault, commit_fault;
  std::size_t room = 10'000;
};

std::shared_ptr<const SessionSettings> settings(bool starttls) {
  auto settings = std::make_shared<SessionSettings>();
  settings->content.size = 500;
  settings->recipients = 3;
  settings->offer_starttls = starttls;
  settings->transactions = 6;
  settings->bad_commands = 4;
  settings->idle_commands = 12;
  settings->refused_attempts = 5;
  settings->quick_errors = 3;
  return settings;
}

// Checks the order of requests, besides writing them down.
class StrictRecorder final : public SessionRequests {
public:
  explicit StrictRecorder(const World& world) {
    recorder.start = world.later ? StorageStart::later : StorageStart::ready;
    recorder.begin_fault = world.begin_fault;
    recorder.room = world.room;
  }

  void send(std::string_view replies) override {
    require(!closed && replies.ends_with("\r\n"));
    recorder.send(replies);
  }
  void start_tls() override {
    require(!closed && !storing && !std::exchange(tls, true));
    recorder.start_tls();
  }
  bool admit_message() override { return !closed; }
  void offence() override {
    require(!closed && !std::exchange(offended, true));
    recorder.offence();
  }
  std::expected<StorageStart, StorageFault> begin_content(std::uint64_t size) override {
    require(!closed && !storing);
    const auto start = recorder.begin_content(size);
    storing = start.has_value();
    return start;
  }
  std::expected<void, StorageFault> append_content(Bytes content) override {
    require(!closed && storing && !content.empty() && content.size() <= ContentSink::max_piece);
    const auto stored = recorder.append_content(content);
    storing = stored.has_value();
    return stored;
  }
  // Not written down: of content that is spoilt and finds no room either, the cut of the input
  // decides which is seen first, and what found no room is not dropped again.
  void abort_content() override { require(std::exchange(storing, false)); }
  Stamp stamp() override { return recorder.stamp(); }
  void commit_content(Commit commit) override {
    require(std::exchange(storing, false));
    const auto& recipients = commit.envelope.recipients;
    require(!recipients.empty() && recipients.size() <= 3);
    require(commit.counts.stored_size == recorder.content.size());
    require(commit.counts.wire_size <= 500);
    require(commit.trace.find('\r') == std::string::npos && commit.trace.ends_with('\n'));
    contents += recorder.content + '|' + commit.trace;
    recorder.commit_content(std::move(commit));
  }
  void close() override {
    require(!std::exchange(closed, true));
    recorder.close();
  }

  Recorder recorder;
  std::string contents;
  bool storing = false, closed = false, tls = false, offended = false;
};

class Talk {
public:
  explicit Talk(const World& world)
      : world_(world), settings_(settings(world.starttls)), recipients_(recipients()),
        adapter_(world), session_(settings_, recipients_, Peer{}, adapter_) {
    session_.on_connect();
  }

  void say(std::string_view piece) {
    input_ += piece;
    feed();
    if (!world_.later)
      answer_all();
    else if (answer()) // one, to what was asked before this piece came or by it
      feed();
  }

  // What may come at any time.
  void disturb(char event) {
    switch (static_cast<unsigned char>(event) % 8) {
    case 0:
      session_.on_timeout();
      break;
    case 1:
      session_.on_shutdown();
      break;
    case 2:
      session_.on_access_withdrawn();
      break;
    case 3: // the storage has dropped it
      if (std::exchange(adapter_.storing, false))
        session_.on_storage_refused(StorageFault::full);
      break;
    case 4:
      session_.on_reload(settings(world_.starttls), recipients());
      break;
    case 5:
      session_.on_disconnect();
      require(!session_.wants_input());
      break;
    case 6:
      session_.on_shutdown_overdue();
      break;
    default:
      answer();
    }
    feed();
  }

  std::string finish() {
    answer_all();
    session_.on_disconnect();
    require(!adapter_.storing);
    return adapter_.recorder.wire + adapter_.recorder.log + adapter_.contents;
  }

private:
  void feed() {
    while (!input_.empty() && session_.wants_input()) {
      const std::size_t taken = session_.on_input(as_bytes(input_));
      require(taken > 0 && taken <= input_.size());
      input_.erase(0, taken);
      // What was said in clear is never taken for something said inside TLS (RFC 3207 §6).
      require(session_.phase() != Session::Phase::tls || input_.empty());
      if (session_.phase() == Session::Phase::tls)
        session_.on_tls_established({"TLSv1.3", "AEAD-AES256-GCM-SHA384"});
    }
  }

  // False: nothing is waited for.
  bool answer() {
    switch (session_.phase()) {
    case Session::Phase::storage:
      session_.on_storage_ready();
      return true;
    case Session::Phase::commit:
      if (world_.commit_fault)
        session_.on_commit(std::unexpected(*world_.commit_fault));
      else
        session_.on_commit({});
      return true;
    case Session::Phase::tarpit:
      session_.on_tarpit_over();
      return true;
    default:
      return false;
    }
  }

  void answer_all() {
    while (answer())
      feed();
  }

  const World world_;
  std::shared_ptr<const SessionSettings> settings_;
  std::shared_ptr<const RecipientTable> recipients_;
  StrictRecorder adapter_;
  Session session_;
  std::string input_; // that was not taken yet
};

// Pieces end where CUTS say, and, if BY_LINE, at each line end too.
std::string talk(const World& world, std::string_view input, fuzz::Cuts cuts, bool by_line) {
  Talk talk(world);
  while (!input.empty()) {
    std::string_view piece = cuts.take(input);
    while (by_line && !piece.empty()) {
      const auto end = piece.find('\n');
      talk.say(piece.substr(0, end == piece.npos ? end : end + 1));
      piece.remove_prefix(end == piece.npos ? piece.size() : end + 1);
    }
    talk.say(piece);
  }
  return talk.finish();
}

// A letter of EVENTS comes after each piece.
void talk_disturbed(const World& world, std::string_view input, fuzz::Cuts cuts,
                    std::string_view events) {
  Talk talk(world);
  while (!input.empty()) {
    talk.say(cuts.take(input));
    if (!events.empty()) {
      talk.disturb(events.front());
      events.remove_prefix(1);
    }
  }
  talk.finish();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const unsigned choice = data[0];
  constexpr std::array faults = {StorageFault::full, StorageFault::over_quota, StorageFault::failed,
                                 StorageFault::refused};
  World world;
  world.starttls = choice % 2 == 1;
  if (choice / 2 % 8 == 1)
    world.begin_fault = faults[choice / 16 % 4];
  else if (choice / 2 % 8 == 2)
    world.commit_fault = faults[choice / 16 % 4];
  else if (choice / 2 % 8 == 3)
    world.room = choice / 16;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const fuzz::Cuts cuts = fuzz::take_cuts(rest);
  if (choice / 2 % 8 == 4) {
    world.later = choice / 16 % 2 == 1;
    fuzz::Input parts(rest);
    const std::string_view events = parts.line();
    talk_disturbed(world, spelt_out(parts.rest()), cuts, events);
    return 0;
  }
  const std::string input = spelt_out(rest);
  const std::string whole = talk(world, input, {}, world.starttls);
  require(talk(world, input, cuts, world.starttls) == whole);
  if (world.starttls) {
    talk(world, input, {}, false);
    return 0;
  }
  world.later = true;
  require(talk(world, input, {}, false) == whole);
  require(talk(world, input, cuts, false) == whole);
  return 0;
}
