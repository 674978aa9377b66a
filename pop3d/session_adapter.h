// SessionAdapter: ties one POP3 session to its connection, its timers and the other processes.
//
// It does what the session asks for and always gives an answer: that of the process that was asked,
// or `temporary` when that is away, is lost, or takes too long. A maildrop is released as soon as
// the session is over, whatever ends it; only QUIT removes messages.
#pragma once

#include "common/io/connection.h"
#include "common/ipc/logger.h"
#include "libpop3/session.h"
#include "pop3d/backend.h"
#include "pop3d/read_ahead.h"
#include "pop3d/timeouts.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace letterlock::pop3d {

// What a new session has of the configuration; it keeps all but `tls` until it ends.
struct Terms {
  ipc::HostName hostname;
  std::optional<io::TlsServer> tls; // none: no STLS
  bool insecure_auth = false;
  std::chrono::milliseconds silence = give_way_after; // after which a session gives way
  std::chrono::milliseconds before_login = login_limit, altogether = session_limit;
};

struct Client {
  UniqueFd socket; // non-blocking
  std::string address;
  bool tls_first = false; // RFC 8314 §3.3: TLS from the first octet; needs Terms::tls
  std::uint64_t number{}; // for the log
};

class SessionAdapter final : public io::ConnectionHandler,
                             private pop3::Handler,
                             private BackendClient {
public:
  // `ended` is called once, from the loop, when the connection is gone; it destroys the adapter.
  SessionAdapter(Context& context, Backend& backend, AheadBudget& ahead, const Terms& terms,
                 Client client, std::function<void()> ended);
  ~SessionAdapter() override { leave_maildrop(); }
  SessionAdapter(const SessionAdapter&) = delete;
  SessionAdapter& operator=(const SessionAdapter&) = delete;

  // The server goes down, or it was long enough: the command under way is finished, then the client
  // is told.
  void shut_down();
  // After a reload: what begins from now on is by these certificates; keyd gives up those of
  // before.
  void renew(const std::optional<io::TlsServer>& tls);
  // Ends the connection now; ended() follows.
  void abort(std::string_view why) { connection_.abort(why); }

private:
  // Whom the session waits for. An answer that is not awaited is ignored.
  enum class Awaiting : std::uint8_t {
    client,
    handshake,
    login,    // authd's answer
    maildrop, // queued's answers, from here on
    listing,
    message,
    removal,
  };
  enum class MaildropState : std::uint8_t {
    none,
    held, // asked for or open: it has to be closed
    lost, // queued is not the one that opened it: there is nothing to ask for any more
  };
  // The message that is open.
  struct OpenMessage {
    Message message;
    bool whole; // RETR
  };
  // Kept until it is answered, to be sent again over a fresh link under the same transaction.
  struct Removal {
    Id128 transaction;
    std::vector<std::uint32_t> indices;
    bool to_be_sent = true;
    bool was_sent = false;
    bool link_was_lost = false;
  };

  // io::ConnectionHandler
  std::size_t input(Bytes bytes) override;
  bool input_is_secret() const override { return true; }
  bool wants_input() const override { return !greeting_withheld_ && session_.wants_input(); }
  std::string_view output() const override;
  void sent(std::size_t count) override;
  void tls_established(const io::TlsStream& stream) override;
  void closed(std::string_view why) override;

  // pop3::Handler
  void authenticate(std::string_view user, std::string_view password) override;
  void open_maildrop() override;
  void list(pop3::Column column, std::uint32_t first, std::uint32_t most) override;
  void expect_message(std::uint32_t index, const pop3::Extent& extent) override;
  void open_message(std::uint32_t index, const pop3::Extent& extent) override;
  void read_message(std::uint64_t offset, std::size_t most) override;
  void close_message(bool complete) override;
  void remove_messages(std::span<const std::uint32_t> indices) override;
  void start_tls() override;
  void close(pop3::CloseReason reason) override;

  // BackendClient
  void login_answered(ipc::LoginOutcome outcome, const Id128& grant) override;
  void maildrop_opened(const ipc::MaildropOpened& opened) override;
  void sizes_listed(std::uint32_t first, std::span<const std::uint64_t> sizes) override;
  void uidls_listed(std::uint32_t first, std::span<const std::string_view> uidls) override;
  void message_arrived(std::uint32_t index, MessageResult result) override;
  void expunged(const Id128& transaction, bool durable) override;
  void maildrop_wanted() override;
  void link_has_room() override;
  void authd_lost() override;
  void queued_lost() override;
  void queued_is_back() override;

  // After an event that did not come from the connection.
  void resume();
  void begin_handshake();
  void ask_queued(Awaiting what);
  void send_request();
  void send_removal();
  void read_ahead();
  void ask_for_message(std::uint32_t index);
  void take_message(MessageResult result);
  void read_file(const MessageFile& file, std::uint64_t offset, std::size_t most);
  void await(Awaiting what, std::chrono::milliseconds limit);
  void answered();
  void give_up();
  void fail_login(pop3::LoginFault fault);
  void log_login(std::string_view result);
  void leave_maildrop();
  void set_timers();
  void patience_ended();

  Context& context_;
  Backend& backend_;
  std::optional<io::TlsServer> tls_;
  const std::chrono::milliseconds silence_, altogether_;
  const std::string address_;
  const std::uint64_t number_;
  std::function<void()> ended_;

  pop3::Session session_;
  io::Connection connection_;
  io::Timer patience_;  // autologout, or for what is awaited
  io::Timer life_;      // before a login, and then altogether
  io::Timer sending_;   // for the peer to take a reply
  io::Timer next_turn_; // for output that was put off

  bool greeting_withheld_; // until the TLS handshake that comes first is complete
  Awaiting awaiting_ = Awaiting::client;
  std::optional<Ticket> ticket_;
  Id128 grant_;
  MaildropState maildrop_ = MaildropState::none;
  // Held back because the link is full. A login is large beside the others.
  std::variant<std::monostate, std::unique_ptr<const ipc::Login>, ipc::OpenMaildrop,
               ipc::ListMessages, ipc::OpenMessage>
      unsent_;
  std::uint32_t listed_from_ = 0; // the place that the awaited listing begins at
  std::uint32_t opening_ = 0;     // the message that is awaited
  bool opening_whole_ = false;
  bool opening_asked_ = false; // on its own, not ahead
  ReadAhead ahead_;
  std::optional<OpenMessage> open_;
  std::optional<Removal> removal_;
  std::optional<pop3::CloseReason> close_;
  std::uint64_t lines_seen_ = 0;
  std::size_t octets_of_turn_ = 0; // sent in this turn
  bool turn_over_ = false;
  bool moved_ = false;                               // output, since the timers were set
  std::chrono::steady_clock::time_point last_moved_; // anything, in or out

  // For the line at the end.
  std::string user_;
  std::string tls_version_ = "none";
  std::uint32_t messages_ = 0;
  std::uint32_t retrieved_ = 0;
  std::size_t deleted_ = 0;
  std::uint64_t octets_sent_ = 0;
};

} // namespace letterlock::pop3d
