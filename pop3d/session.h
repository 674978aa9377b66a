// Session: the POP3 machine of one connection. Octets and answers in, replies and requests out.
//
// Pure: no descriptor, clock, log or event loop. docs/pop3.md has its state table. RFC 1939, 2449
// (CAPA, PIPELINING, response codes), 2595 (STLS), 3206 (AUTH and SYS response codes).
//
// Who drives it repeats, after every event: take and perform requests until there is none; hand in
// all input that is at hand, and keep what was not consumed; send output(). It stops when none of
// the three moves. A half-closed connection is treated in the same way; when then nothing moves,
// nothing is awaited and output() is empty, the session may be destroyed. That is also the answer
// to a connection that is gone: a session that is destroyed has removed nothing, unless Expunge was
// taken before.
//
// Bounded: while an answer is awaited or much output is unsent it consumes no input, however much
// is pipelined; listings and messages are produced as output is sent.
//
// An answer that is not awaited (one that crossed with a Close) is ignored. No function fails.
#pragma once

#include "pop3d/command_parser.h"
#include "pop3d/line_splitter.h"
#include "pop3d/maildrop.h"
#include "pop3d/message_encoder.h"
#include "pop3d/output_buffer.h"
#include "pop3d/request.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

namespace letterlock::pop3d {

struct Settings {
  Text<max_hostname> hostname;
  bool tls_available = false; // STLS can be offered
  bool tls_active = false;    // from the first octet, or later by STLS
  bool login_allowed_without_tls = false;
};

class Session {
public:
  // The greeting is in output() at once.
  explicit Session(const Settings& settings);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The connection.

  // Returns how many octets were consumed; the rest is to be handed in again, first, later.
  // Passwords are among them: the caller wipes what was consumed. After StartTls was requested and
  // before on_tls_started(), any octet ends the session (RFC 2595 §4; commands injected before the
  // handshake must not be taken for the client's). After Close everything is consumed and ignored.
  std::size_t on_input(std::string_view bytes);
  // Whether on_input() would take a command now. If not, reading from the peer can pause.
  bool wants_input() const;

  // Valid until the next call of another function.
  std::string_view output() const { return output_.unsent(); }
  // The first COUNT octets of output() were sent. More output or a request may follow from it.
  void on_sent(std::size_t count);

  // The next thing to be done, if there is one. The caller is then charged with it.
  std::optional<Request> take_request();

  // Lines received so far, good or bad. The autologout timer (at least 10 minutes, RFC 1939 §3)
  // starts again when this has changed or output was sent, and stops while an answer is awaited.
  std::uint64_t lines_received() const { return lines_received_; }

  // The timer has run out: Close without a reply, unsent output is dropped, nothing is removed.
  void on_timeout();
  // The server goes down: the command under way is finished, then the client is told and Close.
  void on_shutdown();

  // Answers.

  void on_login(LoginResult result);
  // Any number of times. False when no more messages can be shown; the rest may be left out.
  bool on_listing(std::span<const MaildropEntry> entries);
  // Anything but done refuses the login; the caller has then released the maildrop.
  void on_listing_complete(StoreResult result);
  // Only a message that is open is promised to the client.
  void on_message_opened(StoreResult result);
  // The next octets as they are stored. Appetite::more: another ReadContent follows when there is
  // room. Appetite::enough: no more are needed, and the message can be closed.
  Appetite on_content(std::string_view stored);
  // All was read; or it cannot be read further, and then the connection is closed within the reply,
  // so that a cut message is not taken for a whole one. The message can be closed.
  void on_content_end(StoreResult result);
  // Done means: all of them, durably.
  void on_expunged(StoreResult result);
  // The handshake is complete. Everything that the client said in clear is forgotten.
  void on_tls_started();

private:
  enum class Column : std::uint8_t { wire_size, uidl };

  // What the session is at; what it needs for that lives and dies with it.
  struct Idle {}; // between commands
  struct AwaitingLogin {};
  struct AwaitingListing {};
  struct AwaitingMessage {
    std::uint32_t index;
    Extent extent;
  };
  struct SendingMessage {
    MessageEncoder encoder;
    bool reading = false; // a ReadContent is unanswered
  };
  struct SendingListing {
    Column column;
    std::uint32_t next = 0; // index
  };
  struct AwaitingExpunge {};
  struct AwaitingTls {};
  struct Closed {};
  using Activity =
      std::variant<Idle, AwaitingLogin, AwaitingListing, AwaitingMessage, SendingMessage,
                   SendingListing, AwaitingExpunge, AwaitingTls, Closed>;

  template <class A> bool is() const { return std::holds_alternative<A>(activity_); }
  // An answer cannot come before its request was taken.
  template <class A> bool awaits() const { return is<A>() && !request_; }

  void on_line(LineSplitter::Event event);
  void on_command(const Command& command);

  void execute(const command::User& user);
  void execute(const command::Pass& pass);
  void execute(const command::Stls&);
  void execute(const command::Stat&);
  void execute(const command::List& list);
  void execute(const command::Uidl& uidl);
  void execute(const command::Retr& retr);
  void execute(const command::Top& top);
  void execute(const command::Dele& dele);
  void execute(const command::Rset&);
  void execute(const command::Noop&);
  void execute(const command::Capa&);
  void execute(const command::Quit&);

  void list(std::optional<MessageNumber> message, Column column);
  void append_row(std::uint32_t index, Column column);
  void open(MessageNumber message, Extent extent);
  std::optional<std::uint32_t> find(MessageNumber message); // or replies -ERR
  void append_maildrop_summary();

  bool login_possible() const;
  void refuse_command(std::string_view text);
  void refuse_login(std::string_view text);

  void await(Activity activity, Request request);
  void finish_command();
  void produce();
  void produce_listing(SendingListing& listing);
  void close(CloseReason reason);

  Settings settings_;
  State state_ = State::authorization;
  Activity activity_ = Idle{};
  std::optional<Request> request_;
  LineSplitter lines_;
  OutputBuffer output_;
  std::optional<UserName> user_; // that the last command, a USER, named
  Maildrop maildrop_;
  std::uint64_t lines_received_ = 0;
  unsigned failed_logins_ = 0;
  unsigned bad_commands_ = 0;
  bool shutting_down_ = false;
};

} // namespace letterlock::pop3d
