// SessionAdapter: ties one POP3 session to its connection, its timers and the other processes.
//
// It performs what the machine requests and hands in the answers, and always gives one: from the
// process that was asked, or `temporary` when that is away, is lost, or takes too long. A maildrop
// is released as soon as the session is over, whatever ends it; only QUIT removes messages.
#pragma once

#include "common/io/connection.h"
#include "common/ipc/logger.h"
#include "pop3d/backend.h"
#include "pop3d/session.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace letterlock::pop3d {

// What a new session has of the configuration; it keeps it until it ends.
struct Terms {
  ipc::HostName hostname;
  std::optional<io::TlsServer> tls; // none: no STLS
  bool insecure_auth = false;
};

struct Client {
  UniqueFd socket; // non-blocking
  std::string address;
  bool tls_first = false; // RFC 8314 §3.3: TLS from the first octet; needs Terms::tls
  std::uint64_t number{}; // for the log
};

class SessionAdapter final : public io::ConnectionHandler, private BackendClient {
public:
  // `ended` is called once, from the loop, when the connection is gone; it destroys the adapter.
  SessionAdapter(Context& context, Backend& backend, const Terms& terms, Client client,
                 std::function<void()> ended);
  ~SessionAdapter() override { leave_maildrop(); }
  SessionAdapter(const SessionAdapter&) = delete;
  SessionAdapter& operator=(const SessionAdapter&) = delete;

  // The server goes down: the command under way is finished, then the client is told.
  void shut_down();
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
    expunge,
  };
  enum class MaildropState : std::uint8_t {
    none,
    held, // asked for or open: it has to be closed
    lost, // queued is not the one that opened it: there is nothing to ask for any more
  };
  // Of one message, until the other sessions have their turn.
  static constexpr unsigned chunks_a_turn = 16;
  // A message that is being sent.
  struct Content {
    UniqueFd file;
    bool whole; // RETR
    std::uint64_t at = 0;
    unsigned chunks_left = chunks_a_turn;
    std::optional<ReadContent> put_off = std::nullopt; // to the next turn
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

  // BackendClient
  void login_answered(ipc::LoginOutcome outcome, const Id128& grant) override;
  void maildrop_opened(ipc::MaildropOutcome outcome, std::uint32_t messages) override;
  bool maildrop_listed(std::span<const ipc::MaildropEntry> entries) override;
  void message_opened(std::uint32_t index, UniqueFd file) override;
  void message_unavailable(std::uint32_t index) override;
  void expunged(const Id128& transaction, bool durable) override;
  void link_has_room() override;
  void authd_lost() override;
  void queued_lost() override;
  void queued_is_back() override;

  // After every event: what the machine requests is done, and the timers follow.
  void carry_on();
  // After an event that did not come from the connection.
  void resume();
  void perform(const Login& login);
  void perform(const OpenMessage& open);
  void perform(const ReadContent& read);
  void perform(Expunge& expunge);
  void perform(const StartTls&);
  void perform(const Close& close);

  void send_request();
  void send_removal();
  void await(Awaiting what, std::chrono::milliseconds limit);
  void answered();
  void give_up();
  void finish_login(LoginResult result);
  void finish_listing(StoreResult result);
  void leave_maildrop();
  void set_timers();
  void patience_ended();

  Context& context_;
  Backend& backend_;
  const std::optional<io::TlsServer> tls_;
  const std::string address_;
  const std::uint64_t number_;
  std::function<void()> ended_;

  Session session_;
  io::Connection connection_;
  io::Timer patience_;  // autologout, or for what is awaited
  io::Timer sending_;   // for the peer to take a reply
  io::Timer next_turn_; // for content that was put off

  bool greeting_withheld_; // until the TLS handshake that comes first is complete
  Awaiting awaiting_ = Awaiting::client;
  std::optional<Ticket> ticket_;
  MaildropState maildrop_ = MaildropState::none;
  // Held back because the link is full.
  std::variant<std::monostate, ipc::Login, ipc::OpenMaildrop, ipc::OpenMessage> unsent_;
  std::uint32_t unlisted_ = 0; // messages that are announced and not listed yet
  OpenMessage opening_{};
  std::optional<Content> content_;
  std::optional<Removal> removal_;
  std::optional<CloseReason> close_;
  std::uint64_t lines_seen_ = 0;
  bool moved_ = false; // output, since the timers were set

  // For the line at the end.
  UserName user_;
  std::string tls_version_ = "none";
  std::uint32_t messages_ = 0;
  std::uint32_t retrieved_ = 0;
  std::size_t deleted_ = 0;
  std::uint64_t octets_sent_ = 0;
};

} // namespace letterlock::pop3d
