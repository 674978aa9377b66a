// Session: the POP3 protocol of one connection. Octets and answers in, octets and requests out.
//
// It has no descriptor, clock, log or thread of its own, and never blocks. It implements RFC 1939
// without APOP, RFC 2449 (CAPA, PIPELINING, response codes), RFC 2595 (STLS), RFC 3206 (AUTH and
// SYS response codes), RFC 5034 (AUTH, with PLAIN of RFC 4616) and RFC 6856 (UTF8). libpop3(3) is
// its manual.
//
// Who drives it, after every event, hands in all input that is at hand and keeps what was not
// consumed; sends output() and says so by sent(); and stops when neither moves. A half-closed
// connection is treated in the same way: when then nothing moves, no answer is awaited and output()
// is empty, the session can be destroyed. That is also the answer to a connection that is gone: a
// session that is destroyed has removed nothing, unless Handler::remove_messages() was called.
//
// Bounded: while an answer is awaited or much output is unsent no input is consumed, however much
// is pipelined; listings and messages are produced as output is sent. limits.h has the numbers.
//
// No function fails or throws, but for std::bad_alloc. A Session belongs to one thread at a time.
#pragma once

#include "libpop3/handler.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace letterlock::pop3 {

struct Settings {
  std::string hostname;            // for the greeting; cut at max_hostname
  std::string implementation = {}; // for CAPA, cut at max_implementation; none if empty
  bool tls_available = false;      // STLS can be offered
  bool tls_active = false;         // from the first octet
  bool login_allowed_without_tls = false;
  // Internationalized mail, which came by SMTPUTF8 and has a header in UTF-8, goes to clients as
  // well that have not asked for UTF-8, who are otherwise told [UTF8] (RFC 6856 §2.1).
  bool utf8_unasked = false;
};

class Session {
public:
  // The greeting is in output() at once. HANDLER must outlive the session.
  Session(const Settings& settings, Handler& handler);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // ---- The connection. Not to be called from inside a Handler, but for shut_down().

  // Returns how many octets were consumed; the rest is to be handed in again, first, later.
  // Passwords are among them: the caller wipes what was consumed. After Handler::start_tls() and
  // before tls_started(), any octet ends the session (RFC 2595 §4: commands injected before the
  // handshake must not be taken for the client's). After Handler::close() everything is consumed
  // and ignored.
  std::size_t input(std::string_view bytes);
  // Whether input() would take something now. If not, reading from the peer can pause.
  bool wants_input() const;

  // Valid until the next call of another function.
  std::string_view output() const;
  // The first COUNT octets of output() were sent. More output or a request may follow from it.
  void sent(std::size_t count);

  // Lines received so far, good or bad. The autologout timer (at least 10 minutes, RFC 1939 §3)
  // starts again when this has changed or output was sent, and stops while an answer is awaited.
  std::uint64_t lines_received() const;

  // The timer has run out: closes without a reply; unsent output is dropped, nothing is removed.
  void timed_out();
  // The same because another session is to get the maildrop.
  void displaced();
  // The server goes down: the command under way is finished, then the client is told.
  void shut_down();

  // ---- Answers.

  void authenticated();
  // To authenticate() and to open_maildrop().
  void login_failed(LoginFault fault);
  // With so many messages, of so many octets in all as the sizes of the listing add up to. Of more
  // than max_messages the first are shown.
  void maildrop_opened(std::uint32_t messages, std::uint64_t octets);

  // Octets that each message has on the wire, where each line ends in CR LF, without dot-stuffing:
  // from the index that was asked for on. Further ones than were asked for are ignored. None, or
  // one over max_message_size, counts as listing_failed(ReadFault::permanent).
  void sizes_listed(std::span<const std::uint64_t> sizes);
  // The same for unique ids: 1 to max_uidl characters from 0x21 to 0x7E (RFC 1939 §7).
  void uidls_listed(std::span<const std::string_view> uidls);
  void listing_failed(ReadFault fault);

  // SIZE is the octets on the wire, as in the listing. Only a message that is open is promised to
  // the client.
  void message_opened(std::uint64_t size);
  void message_unavailable(ReadFault fault);
  // The octets from the offset on that was asked for; LAST if the message ends with them. No octets
  // without LAST count as content_lost().
  void content(std::string_view stored, bool last);
  // The message cannot be read further: the connection is closed within the reply, so that a cut
  // message is not taken for a whole one.
  void content_lost();

  // ALL of them, durably; or not all.
  void messages_removed(bool all);

  // The handshake is complete. Everything that the client said in clear is forgotten.
  void tls_started();

private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

} // namespace letterlock::pop3
