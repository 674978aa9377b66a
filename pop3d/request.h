// Request: what a POP3 session wants done for it, and the answers that it understands.
//
// One request is under way at a time; all but StartTls and Close name the Session function that is
// its answer.
#pragma once

#include "pop3d/command.h"
#include "pop3d/message_encoder.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace letterlock::pop3d {

// Check this name and password, and open the maildrop for this session alone: on_login(). After
// LoginResult::accepted the listing follows: on_listing(), on_listing_complete().
struct Login {
  UserName user;
  Password password;
};

// Open a message of the maildrop: on_message_opened(). INDEX is its place in the listing, from 0.
// EXTENT tells how much will be read, for a store that can make use of it.
struct OpenMessage {
  std::uint32_t index;
  Extent extent;
};

// Read on in the message that was opened, MOST octets at most: on_content() or on_content_end().
struct ReadContent {
  std::size_t most;
};

// Remove these messages, durably: on_expunged(). Ascending places in the listing, never empty.
struct Expunge {
  std::vector<std::uint32_t> indices;
};

// Send all output, then begin the server's side of a TLS handshake: on_tls_started(), or an end of
// the connection.
struct StartTls {};

enum class CloseReason : std::uint8_t {
  quit,
  timeout,
  shutdown,
  failed_logins,        // the budget is used up
  bad_commands,         // the budget is used up
  bad_line,             // LineSplitter: malformed or endless
  plaintext_after_stls, // an attempt at injecting commands
  content_lost,         // a message could not be read to its end
};

// For a log line.
constexpr std::string_view name_of(CloseReason reason) {
  switch (reason) {
  case CloseReason::quit:
    return "quit";
  case CloseReason::timeout:
    return "timeout";
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
  std::unreachable();
}

// Send all output, release the maildrop and close the connection. The last request of a session.
struct Close {
  CloseReason reason;
};

using Request = std::variant<Login, OpenMessage, ReadContent, Expunge, StartTls, Close>;

enum class LoginResult : std::uint8_t {
  accepted,
  refused,   // unknown user or wrong password: the client is not told which
  in_use,    // another session has the maildrop
  temporary, // may succeed later
  permanent, // will not without the administrator
};

enum class StoreResult : std::uint8_t { done, temporary, permanent };

enum class Appetite : std::uint8_t { more, enough };

} // namespace letterlock::pop3d
