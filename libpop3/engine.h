// Session::Engine: the POP3 machine behind Session. docs/pop3.md has its state table.
//
// What the handler is to be asked stands in one place, request_, and is passed on by pass_on(),
// which is not entered twice: an answer that comes from inside the handler changes the state and
// returns, and the loop that called the handler goes on from there. So the stack stays flat however
// many commands are answered at once.
#pragma once

#include "libpop3/command_parser.h"
#include "libpop3/header_scan.h"
#include "libpop3/line_splitter.h"
#include "libpop3/maildrop.h"
#include "libpop3/message_encoder.h"
#include "libpop3/output_buffer.h"
#include "libpop3/session.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

namespace letterlock::pop3 {

class Session::Engine {
public:
  Engine(const Settings& settings, Handler& handler);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // What session.h says of the functions with these names.
  std::size_t input(std::string_view bytes);
  bool wants_input() const;
  std::string_view output() const { return output_.unsent(); }
  void sent(std::size_t count);
  std::uint64_t lines_received() const { return lines_received_; }
  void break_off(CloseReason reason); // timed_out(), displaced()
  void shut_down();
  void authenticated();
  void login_failed(LoginFault fault);
  void maildrop_opened(std::uint32_t messages, std::uint64_t octets);
  void sizes_listed(std::span<const std::uint64_t> sizes);
  void uidls_listed(std::span<const std::string_view> uidls);
  void listing_failed(ReadFault fault);
  void message_opened(std::uint64_t size);
  void message_unavailable(ReadFault fault);
  void content(std::string_view stored, bool last);
  void content_lost();
  void messages_removed(bool all);
  void tls_started();

private:
  // What the session is at; what it needs for that lives and dies with it.
  struct Idle {};          // between commands
  struct AwaitingPlain {}; // the response line of AUTH PLAIN
  struct AwaitingLogin {};
  struct AwaitingMaildrop {};
  // One message's entry of the listing: for LIST or UIDL with a number, or for DELE.
  struct AwaitingEntry {
    Column column;
    std::uint32_t index;
    bool to_mark;
  };
  struct SendingListing {
    Column column;
    std::uint32_t next = 0; // index
    bool begun = false;     // its +OK is out
    bool asked = false;     // a List is unanswered
  };
  struct AwaitingMessage {
    std::uint32_t index;
    Extent extent;
  };
  // Before a message is promised to a client that has not asked for UTF-8.
  struct ScanningHeader {
    Extent extent;
    std::uint64_t size;
    HeaderScan scan = {};
    std::uint64_t offset = 0;
  };
  struct SendingMessage {
    MessageEncoder encoder;
    std::uint64_t offset = 0;
    bool asked = false; // a Read is unanswered
  };
  struct AwaitingRemoval {};
  struct AwaitingTls {};
  struct Closed {};
  using Activity = std::variant<Idle, AwaitingPlain, AwaitingLogin, AwaitingMaildrop, AwaitingEntry,
                                SendingListing, AwaitingMessage, ScanningHeader, SendingMessage,
                                AwaitingRemoval, AwaitingTls, Closed>;

  // What the handler is asked for next.
  struct Authenticate {
    std::unique_ptr<const Credentials> credentials; // never none; large beside the others
  };
  struct OpenMaildrop {};
  struct List {
    Column column;
    std::uint32_t first;
  };
  struct Open {
    std::uint32_t index;
    Extent extent;
  };
  struct Read {
    std::uint64_t offset;
  };
  struct Remove {};
  struct StartTls {};
  struct Close {
    CloseReason reason;
  };
  using Request =
      std::variant<Authenticate, OpenMaildrop, List, Open, Read, Remove, StartTls, Close>;

  template <class A> bool is() const { return std::holds_alternative<A>(activity_); }
  // What is awaited; none if it was not asked for yet.
  template <class A> A* awaited() { return request_ ? nullptr : std::get_if<A>(&activity_); }

  void on_line(LineSplitter::Event event, std::string_view rest);
  void on_command(const Command& command, std::string_view rest);
  void look_ahead(std::string_view rest);

  void execute(const command::User& user);
  void execute(const command::Pass& pass);
  void execute(const command::Auth& auth);
  void execute(const command::Stls&);
  void execute(const command::Utf8&);
  void execute(const command::Stat&);
  void execute(const command::List& list);
  void execute(const command::Uidl& uidl);
  void execute(const command::Retrieve& retrieve);
  void execute(const command::Dele& dele);
  void execute(const command::Rset&);
  void execute(const command::Noop&);
  void execute(const command::Capa&);
  void execute(const command::Quit&);

  void take_plain(const std::expected<Credentials, PlainFault>& response);
  void list(std::optional<MessageNumber> message, Column column);
  bool knows(Column column, std::uint32_t index) const;
  void finish_entry(const AwaitingEntry& entry);
  void append_row(std::uint32_t index, Column column);
  template <class Stretch, class Values>
  void listed(Column column, Stretch& stretch, const Values& values);
  std::optional<std::uint32_t> find(MessageNumber message); // or replies -ERR
  void append_maildrop_summary();
  void append_extent_reply(const Extent& extent, std::uint64_t size);
  void take_header(ScanningHeader& scanning, std::string_view stored, bool last);
  void take_content(SendingMessage& sending, std::string_view stored, bool last);
  void release_message(bool complete);

  bool login_possible() const;
  void refuse_command(std::string_view text);
  void refuse_login(std::string_view text);
  void fail_read(ReadFault fault, std::string_view what);

  void await(Activity activity, Request request);
  void finish_command();
  void produce();
  void produce_listing(SendingListing& listing);
  void close(CloseReason reason);

  void pass_on();
  void ask(const Authenticate& authenticate);
  void ask(const OpenMaildrop&);
  void ask(const List& list);
  void ask(const Open& open);
  void ask(const Read& read);
  void ask(const Remove&);
  void ask(const StartTls&);
  void ask(const Close& close);

  Settings settings_;
  Handler& handler_;
  State state_ = State::authorization;
  Activity activity_ = Idle{};
  std::optional<Request> request_;
  bool passing_on_ = false;
  enum class Release : std::uint8_t { none, broken_off, complete };
  Release release_ = Release::none; // of the message that was open, before anything else
  bool message_open_ = false;       // and not released yet
  bool utf8_ = false;               // the client has asked for it
  LineSplitter lines_;
  OutputBuffer output_;
  std::optional<UserName> user_; // that the last command, a USER, named
  Maildrop maildrop_;
  SizeStretch sizes_;
  UidlStretch uidls_;
  std::uint64_t lines_received_ = 0;
  std::size_t looked_ahead_ = 0; // octets of the unconsumed input
  unsigned expected_ = 0;        // retrievals among them that were announced
  bool was_expected_ = false;    // the line under way was among them
  unsigned failed_logins_ = 0;
  unsigned bad_commands_ = 0;
  bool shutting_down_ = false;
};

} // namespace letterlock::pop3
