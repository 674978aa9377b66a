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
  delayed,   // too many logins from there, or to that account, have failed; not now
  temporary, // the store does not answer
};
constexpr std::size_t enumerator_count(LoginOutcome) {
  return 5;
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

// Nobody waits for the answer any more: the session has ended, or told its client to try later.
struct LoginGivenUp {
  static constexpr std::string_view name = "LoginGivenUp";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  static constexpr auto fields() { return std::tuple(&LoginGivenUp::session); }
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

// With `open`, how many messages the session sees and the octets that POP3 sends of them all.
struct MaildropOpened {
  static constexpr std::string_view name = "MaildropOpened";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  MaildropOutcome outcome{};
  std::uint32_t messages{};
  std::uint64_t octets{};
  static constexpr auto fields() {
    return std::tuple(&MaildropOpened::session, &MaildropOpened::outcome, &MaildropOpened::messages,
                      &MaildropOpened::octets);
  }
};

// Asks for the sizes, or the UIDLs, of messages in a row, by their places from 0. The answer is one
// MessageSizes or MessageUidls that begins there and has one entry at least; what does not fit is
// asked for again.
enum class MaildropColumn : std::uint8_t { sizes, uidls };
constexpr std::size_t enumerator_count(MaildropColumn) {
  return 2;
}
struct ListMessages {
  static constexpr std::string_view name = "ListMessages";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  MaildropColumn column{};
  std::uint32_t first{};
  std::uint32_t most{};
  static constexpr auto fields() {
    return std::tuple(&ListMessages::session, &ListMessages::column, &ListMessages::first,
                      &ListMessages::most);
  }
};

struct MessageSizes {
  static constexpr std::string_view name = "MessageSizes";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  std::uint32_t first{};
  List<std::uint64_t, 1000> sizes; // octets that POP3 sends, without dot-stuffing
  static constexpr auto fields() {
    return std::tuple(&MessageSizes::session, &MessageSizes::first, &MessageSizes::sizes);
  }
};

struct MessageUidls {
  static constexpr std::string_view name = "MessageUidls";
  static constexpr Carries carries = Carries::nothing;
  static constexpr std::size_t packed_max = 16000;
  std::uint64_t session{};
  std::uint32_t first{};
  Blob<packed_max> uidls; // packed_texts.h; RFC 1939 §7
  static constexpr auto fields() {
    return std::tuple(&MessageUidls::session, &MessageUidls::first, &MessageUidls::uidls);
  }
};

// Asks for a message by its place in the listing, from 0. Several may be asked for before the first
// is answered.
struct OpenMessage {
  static constexpr std::string_view name = "OpenMessage";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  std::uint32_t index{};
  static constexpr auto fields() { return std::tuple(&OpenMessage::session, &OpenMessage::index); }
};

// A short message, whole: cheaper than a descriptor for both sides.
struct MessageContent {
  static constexpr std::string_view name = "MessageContent";
  static constexpr Carries carries = Carries::nothing;
  static constexpr std::size_t content_max = 16000;
  std::uint64_t session{};
  std::uint32_t index{};
  std::uint64_t wire_size{};
  Blob<content_max> content;
  static constexpr auto fields() {
    return std::tuple(&MessageContent::session, &MessageContent::index, &MessageContent::wire_size,
                      &MessageContent::content);
  }
};

// Any other.
struct MessageOpened {
  static constexpr std::string_view name = "MessageOpened";
  static constexpr Carries carries = Carries::readable_file;
  std::uint64_t session{};
  std::uint32_t index{};
  std::uint64_t wire_size{};
  std::uint64_t stored_size{};
  static constexpr auto fields() {
    return std::tuple(&MessageOpened::session, &MessageOpened::index, &MessageOpened::wire_size,
                      &MessageOpened::stored_size);
  }
};

enum class MessageFault : std::uint8_t {
  temporary, // it cannot be read now
  gone,      // another program has removed it
};
constexpr std::size_t enumerator_count(MessageFault) {
  return 2;
}
struct MessageUnavailable {
  static constexpr std::string_view name = "MessageUnavailable";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  std::uint32_t index{};
  MessageFault fault{};
  static constexpr auto fields() {
    return std::tuple(&MessageUnavailable::session, &MessageUnavailable::index,
                      &MessageUnavailable::fault);
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

// Another session asks for a maildrop that this one has. pop3d answers by CloseMaildrop if nothing
// was heard of its client for long, else by MaildropKept.
struct MaildropWanted {
  static constexpr std::string_view name = "MaildropWanted";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  static constexpr auto fields() { return std::tuple(&MaildropWanted::session); }
};

struct MaildropKept {
  static constexpr std::string_view name = "MaildropKept";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  static constexpr auto fields() { return std::tuple(&MaildropKept::session); }
};

struct CloseMaildrop {
  static constexpr std::string_view name = "CloseMaildrop";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  static constexpr auto fields() { return std::tuple(&CloseMaildrop::session); }
};

} // namespace letterlock::ipc
