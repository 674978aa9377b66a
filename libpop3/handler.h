// Handler: what a program implements to serve messages by libpop3, from whatever store it has.
//
// A Session calls it when the client's commands need something, one thing at a time, and only from
// inside a call to the Session. Each function names the functions of Session that are its answer.
// An answer may be given before the function returns or at any time later: the session waits, and
// takes no further command until it has it. So nothing here has to block.
//
// From inside these functions only answers and shut_down() may be called, and the Session must not
// be destroyed.
// An answer that the session does not wait for is ignored.
#pragma once

#include "libpop3/limits.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace letterlock::pop3 {

// How much of a message is asked for: all, or the header, the empty line and so many lines of the
// body (RFC 1939 §7, TOP).
struct Extent {
  std::optional<std::uint32_t> body_lines; // none: all

  friend bool operator==(const Extent&, const Extent&) = default;
};

// What a listing tells of a message.
enum class Column : std::uint8_t { size, uidl };

// Why a login, or what belongs to one, failed.
enum class LoginFault : std::uint8_t {
  refused,   // unknown user or wrong password: the client is not told which. [AUTH]
  delayed,   // too soon after the last attempt. [LOGIN-DELAY]
  in_use,    // another session has the maildrop. [IN-USE]
  temporary, // may succeed later. [SYS/TEMP]
  permanent, // will not without the administrator. [SYS/PERM]
};

// Why a message, or a listing, is not to be had.
enum class ReadFault : std::uint8_t {
  temporary, // may be had later. [SYS/TEMP]
  permanent, // cannot be read. [SYS/PERM]
  gone,      // is no longer there, and will not be in this session. [SYS/PERM]
};

enum class CloseReason : std::uint8_t {
  quit,
  timeout,
  displaced, // another session gets the maildrop
  shutdown,
  failed_logins,        // the budget is used up
  bad_commands,         // the budget is used up
  bad_line,             // a bare CR or LF, NUL, or a line that does not end
  plaintext_after_stls, // an attempt at injecting commands
  content_lost,         // a message or a listing could not be given to its end
};

// For a log line.
constexpr std::string_view name_of(CloseReason reason) {
  switch (reason) {
  case CloseReason::quit:
    return "quit";
  case CloseReason::timeout:
    return "timeout";
  case CloseReason::displaced:
    return "displaced";
  case CloseReason::shutdown:
    return "shutdown";
  case CloseReason::failed_logins:
    return "failed-logins";
  case CloseReason::bad_commands:
    return "bad-commands";
  case CloseReason::bad_line:
    return "bad-line";
  case CloseReason::plaintext_after_stls:
    return "plaintext-after-stls";
  case CloseReason::content_lost:
    return "content-lost";
  }
  return "";
}

class Handler {
public:
  virtual ~Handler() = default;

  // Whether this user may log in with this password: authenticated() or login_failed(). Both are
  // valid during the call only, and are wiped after it. The name is of 1 to max_user_name octets
  // without control characters; the password of at most max_password octets without NUL. Either
  // may be any octets beyond ASCII.
  virtual void authenticate(std::string_view user, std::string_view password) = 0;

  // Open the maildrop of the user that was authenticated, for this session alone (RFC 1939 §4):
  // maildrop_opened() or login_failed(). Until close() the numbers, sizes and unique ids of its
  // messages must not change; what arrives meanwhile is for the next session.
  virtual void open_maildrop() = 0;

  // COLUMN of the messages from index FIRST on, of MOST at most: sizes_listed() or
  // uidls_listed(), with at least one, or listing_failed().
  virtual void list(Column column, std::uint32_t first, std::uint32_t most) = 0;

  // The client has asked for this message, but it is not its turn yet: a program that takes a while
  // to open messages may begin. There is no answer. The client may still end the session, and the
  // message may still be marked as deleted; open_message() comes if not.
  virtual void expect_message(std::uint32_t index, const Extent& extent) {
    (void)index;
    (void)extent;
  }

  // Open a message for reading: message_opened() or message_unavailable(). One is open at a time.
  // EXTENT tells how much will be read.
  virtual void open_message(std::uint32_t index, const Extent& extent) = 0;

  // Octets of the message that is open, as they are stored, from OFFSET on, MOST at most: content()
  // or content_lost(). Lines of the stored form end in LF. Pieces are read in order; once, though,
  // reading may begin anew from the start.
  virtual void read_message(std::uint64_t offset, std::size_t most) = 0;

  // The message that is open is not needed any more. COMPLETE: all that the client asked for of it
  // was produced; it is on its way, if the connection lasts. There is no answer.
  virtual void close_message(bool complete) = 0;

  // Remove these messages: messages_removed(), as soon as that is durable. Ascending indices, never
  // empty, valid during the call. Only QUIT leads here, and close() comes next.
  virtual void remove_messages(std::span<const std::uint32_t> indices) = 0;

  // Send all output, then begin the server's side of a TLS handshake: tls_started(), or end the
  // connection. Called only where Settings say that TLS is available.
  virtual void start_tls() = 0;

  // Send all output, release the maildrop and close the connection. The last call, unless the
  // Session is destroyed before.
  virtual void close(CloseReason reason) = 0;
};

} // namespace letterlock::pop3
