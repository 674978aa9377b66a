// Messages between pop3d, authd and queued: logging in and reading a maildrop.
#pragma once

#include "common/ipc/message_types.h"

namespace letterlock::ipc {

using PasswordSecret = Secret<256>;

struct Login {
  static constexpr std::string_view name = "Login";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  AddressText user;
  PasswordSecret password;
  PeerText peer;
  static constexpr auto fields() {
    return std::tuple(&Login::session, &Login::user, &Login::password, &Login::peer);
  }
};

enum class LoginOutcome : std::uint8_t {
  granted,
  refused,   // wrong name or password: the same answer for both
  busy,      // too many logins wait; try again
  temporary, // the store does not answer
};
constexpr std::size_t enumerator_count(LoginOutcome) {
  return 4;
}

struct LoginAnswer {
  static constexpr std::string_view name = "LoginAnswer";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  LoginOutcome outcome{};
  Id128 grant; // opens the account's maildrop once
  static constexpr auto fields() {
    return std::tuple(&LoginAnswer::session, &LoginAnswer::outcome, &LoginAnswer::grant);
  }
};

// authd tells queued that one session of that pop3d may open the account's maildrop, once, within
// grant_lifetime.
struct Grant {
  static constexpr std::string_view name = "Grant";
  static constexpr Carries carries = Carries::nothing;
  Id128 grant;
  std::uint32_t account{};
  std::uint16_t instance{}; // of pop3d
  static constexpr auto fields() {
    return std::tuple(&Grant::grant, &Grant::account, &Grant::instance);
  }
};

struct GrantTaken {
  static constexpr std::string_view name = "GrantTaken";
  static constexpr Carries carries = Carries::nothing;
  Id128 grant;
  static constexpr auto fields() { return std::tuple(&GrantTaken::grant); }
};

struct OpenMaildrop {
  static constexpr std::string_view name = "OpenMaildrop";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  Id128 grant;
  static constexpr auto fields() {
    return std::tuple(&OpenMaildrop::session, &OpenMaildrop::grant);
  }
};

enum class MaildropOutcome : std::uint8_t {
  open,
  in_use,
  temporary, // it cannot be read now
  refused,   // no such grant
};
constexpr std::size_t enumerator_count(MaildropOutcome) {
  return 4;
}

// With `open`, MaildropPart messages with `messages` entries in all follow.
struct MaildropOpened {
  static constexpr std::string_view name = "MaildropOpened";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  MaildropOutcome outcome{};
  std::uint32_t messages{};
  static constexpr auto fields() {
    return std::tuple(&MaildropOpened::session, &MaildropOpened::outcome,
                      &MaildropOpened::messages);
  }
};

struct MaildropEntry {
  std::uint64_t wire_size{};
  Text<70> uidl; // RFC 1939 §7
  static constexpr auto fields() {
    return std::tuple(&MaildropEntry::wire_size, &MaildropEntry::uidl);
  }
};

struct MaildropPart {
  static constexpr std::string_view name = "MaildropPart";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  List<MaildropEntry, 200> entries;
  static constexpr auto fields() {
    return std::tuple(&MaildropPart::session, &MaildropPart::entries);
  }
};

// Asks for a message by its place in the listing, from 0.
struct OpenMessage {
  static constexpr std::string_view name = "OpenMessage";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  std::uint32_t index{};
  static constexpr auto fields() { return std::tuple(&OpenMessage::session, &OpenMessage::index); }
};

struct MessageOpened {
  static constexpr std::string_view name = "MessageOpened";
  static constexpr Carries carries = Carries::readable_file;
  std::uint64_t session{};
  std::uint32_t index{};
  static constexpr auto fields() {
    return std::tuple(&MessageOpened::session, &MessageOpened::index);
  }
};

struct MessageUnavailable {
  static constexpr std::string_view name = "MessageUnavailable";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  std::uint32_t index{};
  static constexpr auto fields() {
    return std::tuple(&MessageUnavailable::session, &MessageUnavailable::index);
  }
};

// The messages to remove, in as many parts as are needed; the one with `last` makes it happen.
struct Expunge {
  static constexpr std::string_view name = "Expunge";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  Id128 transaction;
  bool last{};
  List<std::uint32_t, 1000> indices;
  static constexpr auto fields() {
    return std::tuple(&Expunge::session, &Expunge::transaction, &Expunge::last, &Expunge::indices);
  }
};

struct Expunged {
  static constexpr std::string_view name = "Expunged";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  Id128 transaction;
  bool durable{};
  static constexpr auto fields() {
    return std::tuple(&Expunged::session, &Expunged::transaction, &Expunged::durable);
  }
};

struct CloseMaildrop {
  static constexpr std::string_view name = "CloseMaildrop";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  static constexpr auto fields() { return std::tuple(&CloseMaildrop::session); }
};

} // namespace letterlock::ipc
