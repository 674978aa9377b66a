// Command: what one line of a POP3 client says; each names the states that it may be given in.
//
// Source: RFC 1939 §3 to §7, RFC 2449 §5 (CAPA), RFC 2595 §4 (STLS), RFC 5034 §4 (AUTH), RFC 6856
// §2.1 (UTF8).
#pragma once

#include "libpop3/handler.h"
#include "libpop3/message_number.h"
#include "libpop3/sasl_plain.h"

#include <cstdint>
#include <optional>
#include <variant>

namespace letterlock::pop3 {

// RFC 1939 §3. A set of them is their union. No command is read in UPDATE.
enum class State : std::uint8_t { authorization = 1, transaction = 2, update = 4 };

struct States {
  std::uint8_t bits;
  constexpr States(State state) : bits(static_cast<std::uint8_t>(state)) {}
  constexpr States(State a, State b)
      : bits(static_cast<std::uint8_t>(States(a).bits | States(b).bits)) {}
  constexpr bool contains(State state) const { return (bits & States(state).bits) != 0; }
};

namespace command {

struct User {
  static constexpr States states = State::authorization;
  UserName name;
};
struct Pass {
  static constexpr States states = State::authorization;
  Password password;
};
// AUTH PLAIN, the one mechanism that there is.
struct Auth {
  static constexpr States states = State::authorization;
  // The initial response, as far as it can be understood; none: it comes in a line of its own.
  std::optional<std::expected<Credentials, PlainFault>> response;
};
struct Stls {
  static constexpr States states = State::authorization;
};
struct Utf8 {
  static constexpr States states = State::authorization;
};
struct Stat {
  static constexpr States states = State::transaction;
};
struct List {
  static constexpr States states = State::transaction;
  std::optional<MessageNumber> message; // none: all
};
struct Uidl {
  static constexpr States states = State::transaction;
  std::optional<MessageNumber> message; // none: all
};
// RETR and TOP.
struct Retrieve {
  static constexpr States states = State::transaction;
  MessageNumber message;
  Extent extent = {};
};
struct Dele {
  static constexpr States states = State::transaction;
  MessageNumber message;
};
struct Rset {
  static constexpr States states = State::transaction;
};
struct Noop {
  static constexpr States states = State::transaction;
};
struct Capa {
  static constexpr States states = {State::authorization, State::transaction};
};
struct Quit {
  static constexpr States states = {State::authorization, State::transaction};
};

} // namespace command

using Command =
    std::variant<command::User, command::Pass, command::Auth, command::Stls, command::Utf8,
                 command::Stat, command::List, command::Uidl, command::Retrieve, command::Dele,
                 command::Rset, command::Noop, command::Capa, command::Quit>;

} // namespace letterlock::pop3
