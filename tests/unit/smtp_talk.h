// Talk: one dialogue with an SMTP session, and the words that are often said in it.
#pragma once

#include "smtpd/recipient_table.h"
#include "smtpd/session.h"
#include "tests/unit/smtp_recorder.h"

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "tests/unit/check.h" // last: its fail() is a macro

namespace letterlock::test {

using namespace letterlock::smtpd;

inline std::shared_ptr<const RecipientTable> recipients() {
  auto table = std::make_shared<RecipientTable>();
  const auto domain = [](std::string_view text) { return *mail::Domain::parse(text); };
  const auto mailbox = [](std::string_view text) { return *mail::Mailbox::parse(text); };
  assert_true(table->add_domain(domain("ours.example"), 1).has_value());
  assert_true(table->add_domain(domain("strict.example"), std::nullopt).has_value());
  assert_true(table->add_route(mailbox("alice@ours.example"), 2).has_value());
  assert_true(table->add_block(mailbox("spam@ours.example")).has_value());
  return table;
}

inline SessionSettings settings() {
  SessionSettings s;
  s.hostname = "mx.ours.example";
  s.content.size = 1000;
  s.offer_starttls = true;
  return s;
}

// A session with its adapter. Input is fed as an adapter does it: what was not taken is kept and
// offered again after the next event.
struct Talk {
  explicit Talk(const SessionSettings& s = settings(), const Peer& peer = client())
      : session(std::make_shared<SessionSettings>(s), recipients(), peer, adapter) {
    session.on_connect();
    adapter.wire.clear();
  }

  static Peer client() { return {.address = mail::AddressLiteral::ipv4({192, 0, 2, 7})}; }

  Talk& say(std::string_view input) {
    input_ += input;
    return feed();
  }
  Talk& commit(std::expected<void, StorageFault> result = {}) {
    session.on_commit(result);
    return feed();
  }
  Talk& feed() {
    for (;;) {
      if (waits_in_tarpit && session.phase() == Session::Phase::tarpit) {
        ++tarpits;
        session.on_tarpit_over();
      }
      if (input_.empty() || !session.wants_input())
        return *this;
      input_.erase(0, session.on_input(as_bytes(input_)));
    }
  }
  // What the client heard since the last call.
  std::string heard() { return std::exchange(adapter.wire, {}); }
  std::string asked() { return std::exchange(adapter.log, {}); }

  // Into the states of the table.
  Talk& greeted() { return quietly("EHLO client.example\r\n"); }
  Talk& mail() { return greeted().quietly("MAIL FROM:<a@b.example>\r\n"); }
  Talk& rcpt() { return mail().quietly("RCPT TO:<x@ours.example>\r\n"); }
  Talk& content() { return rcpt().quietly("DATA\r\n"); }
  Talk& quietly(std::string_view input) {
    say(input);
    heard();
    asked();
    return *this;
  }

  Recorder adapter;
  Session session;
  bool waits_in_tarpit = true; // and then goes on by itself
  int tarpits = 0;

private:
  std::string input_;
};

struct Row {
  std::string_view said, heard;
};

inline void check_rows(const std::function<void(Talk&)>& enter, std::initializer_list<Row> rows) {
  for (const auto& row : rows) {
    Talk talk;
    enter(talk);
    talk.say(row.said);
    assert_text_equal(talk.heard(), row.heard);
  }
}

inline const mail::TlsInfo tls13{"TLSv1.3", "AEAD-AES256-GCM-SHA384"};
inline constexpr std::string_view ok = "250 2.0.0 OK\r\n";
inline constexpr std::string_view helo = "250 mx.ours.example\r\n";
inline constexpr std::string_view help =
    "214-2.0.0 EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY EXPN HELP STARTTLS\r\n"
    "214 2.0.0 See RFC 5321\r\n";
inline constexpr std::string_view sender_ok = "250 2.1.0 Sender OK\r\n";
inline constexpr std::string_view need_hello = "503 5.5.1 Say HELO or EHLO first\r\n";
inline constexpr std::string_view need_mail = "503 5.5.1 Say MAIL first\r\n";
inline constexpr std::string_view nested_mail = "503 5.5.1 Sender already given\r\n";
inline constexpr std::string_view no_tls_now = "503 5.5.1 Not within a mail transaction\r\n";
inline constexpr std::string_view recipient_ok = "250 2.1.5 Recipient OK\r\n";
inline constexpr std::string_view go_ahead = "354 End data with <CR><LF>.<CR><LF>\r\n";
inline constexpr std::string_view accepted =
    "250 2.0.0 Accepted 00000000000000000000000000000001\r\n";

} // namespace letterlock::test
