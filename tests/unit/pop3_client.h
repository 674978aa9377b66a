// A POP3 client with a session of its own, and the maildrops and settings of its tests.
#pragma once

#include "tests/unit/check.h"
#include "tests/unit/pop3_driver.h"

#include <string>

namespace letterlock::pop3 {

inline const std::string header = "From: a@example.com\nSubject: one\n\n";
inline const Settings clear{
    .hostname = "mx.example.com", .implementation = "Tested", .tls_available = true};
inline const Settings secure{.hostname = "mx.example.com",
                             .implementation = "Tested",
                             .tls_available = true,
                             .tls_active = true};
inline const Settings without_tls{.hostname = "mx.example.com"};
inline const Settings insecure{
    .hostname = "mx.example.com", .implementation = "Tested", .login_allowed_without_tls = true};

inline FakeStore two_messages() {
  FakeStore store;
  store.messages = {{header + "1\n.2\n3\n", "first", 48}, {"\nx", "second", 5}};
  return store;
}

// A session whose greeting was read.
struct Client : Driver {
  Client(const Settings& settings, FakeStore store) : Driver(settings, std::move(store)) {
    assert_text_equal(send(""), "+OK POP3 server ready on mx.example.com\r\n");
  }
  explicit Client(const Settings& settings) : Client(settings, two_messages()) {}

  void expect(std::string_view input, std::string_view output) {
    assert_text_equal(send(input), output);
  }
  // The status, the response code and nothing of the text.
  void expect_start(std::string_view input, std::string_view start) {
    assert_text_equal(send(input).substr(0, start.size()), start);
  }
  void expect_closed(CloseReason reason) {
    assert_true(asked.closed.has_value());
    assert_text_equal(name_of(*asked.closed), name_of(reason));
    expect("NOOP\r\n", "");
  }
  void expect_authorization() {
    assert_false(asked.closed.has_value());
    expect("STAT\r\n", "-ERR log in first\r\n");
  }
};

struct Transaction : Client {
  explicit Transaction(FakeStore store) : Client(secure, std::move(store)) {
    expect("USER me\r\nPASS a b\r\n",
           "+OK send the password\r\n+OK maildrop has 2 messages (53 octets)\r\n");
    assert_text_equal(asked.user, "me");
    assert_text_equal(asked.password, "a b");
  }
  Transaction() : Transaction(two_messages()) {}
};

inline const std::string common_capabilities =
    "+OK capability list follows\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n"
    "UTF8\r\n";
inline const std::string login_capabilities = "USER\r\nSASL PLAIN\r\n";
inline const std::string last_capability = "IMPLEMENTATION Tested\r\n.\r\n";
inline const std::string too_many = "; too many bad commands";

// NUL, "me", NUL, "a b".
inline const std::string response = "AG1lAGEgYg==";
inline const std::string accepted = "+OK maildrop has 2 messages (53 octets)\r\n";

inline const std::string international = "Received: with UTF8SMTP\nSubject: gr\xc3\xbcn\n\n1\n2\n";

inline FakeStore with_international() {
  FakeStore store = two_messages();
  store.messages[0] = {international, "first", 49};
  return store;
}

} // namespace letterlock::pop3
