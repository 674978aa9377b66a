// The POP3 session row by row: each test is named after its row in docs/pop3.md.
#include "pop3d/session.h"
#include "tests/unit/check.h"
#include "tests/unit/pop3_driver.h"

#include <string>

using namespace letterlock::pop3d;

namespace {

const std::string header = "From: a@example.com\nSubject: one\n\n";
const Settings clear{.hostname = "mx.example.com", .tls_available = true};
const Settings secure{.hostname = "mx.example.com", .tls_available = true, .tls_active = true};
const Settings without_tls{.hostname = "mx.example.com"};
const Settings insecure{.hostname = "mx.example.com", .login_allowed_without_tls = true};

FakeStore two_messages() {
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

const std::string common_capabilities =
    "+OK capability list follows\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n";

void clear_capa(void**) {
  Client(clear).expect("CAPA\r\n",
                       common_capabilities + "STLS\r\nIMPLEMENTATION Letterlock\r\n.\r\n");
  Client(without_tls)
      .expect("CAPA\r\n", common_capabilities + "IMPLEMENTATION Letterlock\r\n.\r\n");
}

void clear_stls(void**) {
  Client client(clear);
  client.expect("STLS\r\n", "+OK begin TLS negotiation\r\n");
  assert_false(client.asked.closed.has_value());
  client.expect("CAPA\r\n", common_capabilities + "USER\r\nIMPLEMENTATION Letterlock\r\n.\r\n");
  client.expect_start("USER me\r\nPASS b\r\n", "+OK send the password\r\n+OK maildrop");
}

void clear_stls_forgets_the_user(void**) {
  Settings settings = insecure;
  settings.tls_available = true;
  Client client(settings);
  client.expect_start("USER me\r\nSTLS\r\n", "+OK send the password\r\n+OK begin TLS");
  client.expect("PASS b\r\n", "-ERR USER comes first\r\n");
}

void clear_stls_with_more(void**) {
  for (const std::size_t piece : {1u, 5u, 6u, 7u, 100u}) {
    Driver driver(clear, two_messages(), {.input = piece});
    driver.send("");
    assert_text_equal(driver.send("STLS\r\nUSER me\r\n"), "+OK begin TLS negotiation\r\n");
    assert_true(driver.asked.closed == CloseReason::plaintext_after_stls);
  }
}

void clear_stls_unavailable(void**) {
  Client client(without_tls);
  client.expect("STLS\r\n", "-ERR TLS is not available\r\n");
  client.expect_authorization();
}

void clear_user(void**) {
  Client client(clear);
  client.expect("USER me\r\n", "-ERR logging in needs TLS\r\n");
  client.expect_authorization();
}

void clear_pass(void**) {
  Client client(clear);
  client.expect("USER me\r\nPASS b\r\n",
                "-ERR logging in needs TLS\r\n-ERR logging in needs TLS\r\n");
  assert_int_equal(client.asked.logins, 0);
  client.expect_authorization();
}

void clear_quit(void**) {
  Client client(clear);
  client.expect("QUIT\r\n", "+OK goodbye\r\n");
  client.expect_closed(CloseReason::quit);
}

void secure_capa(void**) {
  Client(secure).expect("CAPA\r\n",
                        common_capabilities + "USER\r\nIMPLEMENTATION Letterlock\r\n.\r\n");
  Client(insecure).expect("CAPA\r\n",
                          common_capabilities + "USER\r\nIMPLEMENTATION Letterlock\r\n.\r\n");
}

void secure_stls(void**) {
  Client client(secure);
  client.expect("STLS\r\n", "-ERR TLS is active already\r\n");
  client.expect_authorization();
}

void secure_user(void**) {
  Client(secure).expect("USER me\r\n", "+OK send the password\r\n");
  Client(insecure).expect("USER nobody\r\n", "+OK send the password\r\n");
}

void secure_pass(void**) {
  Client client(secure);
  client.expect("PASS b\r\n", "-ERR USER comes first\r\n");
  assert_int_equal(client.asked.logins, 0);
  client.expect_authorization();
}

void secure_transaction_commands(void**) {
  Client client(secure);
  for (const char* line : {"STAT\r\n", "LIST\r\n", "UIDL 1\r\n", "RETR 1\r\n", "TOP 1 1\r\n",
                           "DELE 1\r\n", "RSET\r\n", "NOOP\r\n"})
    client.expect(line, "-ERR log in first\r\n");
}

void secure_quit(void**) {
  Client client(secure);
  client.expect("QUIT\r\n", "+OK goodbye\r\n");
  client.expect_closed(CloseReason::quit);
  assert_false(client.asked.expunged.has_value());
}

void named_pass_accepted(void**) {
  Transaction();
  FakeStore empty;
  Client client(secure, empty);
  client.expect("USER me\r\nPASS b\r\nLIST\r\n",
                "+OK send the password\r\n+OK maildrop has 0 messages (0 octets)\r\n"
                "+OK maildrop has 0 messages (0 octets)\r\n.\r\n");
}

void check_failed_login(LoginResult login, StoreResult listing, std::string_view code) {
  FakeStore store = two_messages();
  store.login = login;
  store.listing = listing;
  Client client(secure, store);
  client.expect_start("USER me\r\n", "+OK");
  client.expect_start("PASS b\r\n", code);
  client.expect("PASS b\r\n", "-ERR USER comes first\r\n");
  client.expect_authorization();
  assert_int_equal(client.asked.logins, 1);
}

void named_pass_refused(void**) {
  check_failed_login(LoginResult::refused, StoreResult::done,
                     "-ERR [AUTH] the user name or the password is wrong\r\n");
}
void named_pass_in_use(void**) {
  check_failed_login(LoginResult::in_use, StoreResult::done, "-ERR [IN-USE] ");
}
void named_pass_temporary(void**) {
  check_failed_login(LoginResult::temporary, StoreResult::done, "-ERR [SYS/TEMP] ");
}
void named_pass_permanent(void**) {
  check_failed_login(LoginResult::permanent, StoreResult::done, "-ERR [SYS/PERM] ");
}
void named_listing_temporary(void**) {
  check_failed_login(LoginResult::accepted, StoreResult::temporary, "-ERR [SYS/TEMP] ");
}
void named_listing_permanent(void**) {
  check_failed_login(LoginResult::accepted, StoreResult::permanent, "-ERR [SYS/PERM] ");
}

void named_third_failure(void**) {
  FakeStore store;
  store.login = LoginResult::refused;
  Client client(secure, store);
  for (int i = 0; i < 3; ++i) {
    assert_false(client.asked.closed.has_value());
    client.expect(
        "USER me\r\nPASS b\r\n",
        "+OK send the password\r\n-ERR [AUTH] the user name or the password is wrong\r\n");
  }
  client.expect_closed(CloseReason::failed_logins);
}

void named_anything_else(void**) {
  for (const char* line : {"CAPA\r\n", "NOOP\r\n", "what\r\n", "USER\r\n", "LIST -1\r\n"}) {
    Client client(secure);
    client.send(std::string("USER me\r\n") + line);
    client.expect("PASS b\r\n", "-ERR USER comes first\r\n");
    assert_int_equal(client.asked.logins, 0);
  }
}

void transaction_stat(void**) {
  Transaction().expect("STAT\r\n", "+OK 2 53\r\n");
}

void transaction_list(void**) {
  Transaction().expect("LIST\r\n",
                       "+OK maildrop has 2 messages (53 octets)\r\n1 48\r\n2 5\r\n.\r\n");
}

void transaction_list_n(void**) {
  Transaction().expect("LIST 2\r\n", "+OK 2 5\r\n");
}

void transaction_uidl(void**) {
  Transaction().expect("UIDL\r\n",
                       "+OK maildrop has 2 messages (53 octets)\r\n1 first\r\n2 second\r\n.\r\n");
}

void transaction_uidl_n(void**) {
  Transaction().expect("UIDL 2\r\n", "+OK 2 second\r\n");
}

void transaction_retr(void**) {
  Transaction client;
  client.expect("RETR 1\r\nRETR 2\r\n",
                "+OK 48 octets\r\nFrom: a@example.com\r\nSubject: one\r\n\r\n1\r\n..2\r\n3\r\n.\r\n"
                "+OK 5 octets\r\n\r\nx\r\n.\r\n");
}

void transaction_top(void**) {
  Transaction client;
  const std::string start = "+OK top of message follows\r\n"
                            "From: a@example.com\r\nSubject: one\r\n\r\n";
  client.expect("TOP 1 0\r\n", start + ".\r\n");
  client.expect("TOP 1 2\r\n", start + "1\r\n..2\r\n.\r\n");
  client.expect("TOP 1 4294967295\r\n", start + "1\r\n..2\r\n3\r\n.\r\n");
}

void check_unopened(StoreResult open, std::string_view code) {
  FakeStore store = two_messages();
  store.open = open;
  Transaction client(store);
  client.expect_start("RETR 1\r\n", code);
  client.expect_start("TOP 1 1\r\n", code);
  client.expect("STAT\r\n", "+OK 2 53\r\n");
}

void transaction_open_temporary(void**) {
  check_unopened(StoreResult::temporary, "-ERR [SYS/TEMP] ");
}
void transaction_open_permanent(void**) {
  check_unopened(StoreResult::permanent, "-ERR [SYS/PERM] ");
}

void transaction_content_lost(void**) {
  FakeStore store = two_messages();
  store.content_lost_at = 5;
  Transaction client(store);
  client.expect("DELE 2\r\n", "+OK message 2 deleted\r\n");
  client.expect("RETR 1\r\nNOOP\r\n", "+OK 48 octets\r\nFrom:");
  client.expect_closed(CloseReason::content_lost);
  assert_false(client.asked.expunged.has_value());
}

void transaction_no_such_message(void**) {
  Transaction client;
  for (const char* line :
       {"LIST 3\r\n", "UIDL 3\r\n", "RETR 4294967295\r\n", "TOP 3 1\r\n", "DELE 3\r\n"})
    client.expect(line, "-ERR no such message, there are 2\r\n");
}

void transaction_dele(void**) {
  Transaction client;
  client.expect("DELE 1\r\nSTAT\r\n", "+OK message 1 deleted\r\n+OK 1 5\r\n");
  assert_false(client.asked.expunged.has_value());
}

void transaction_deleted_message(void**) {
  Transaction client;
  client.expect("DELE 1\r\n", "+OK message 1 deleted\r\n");
  for (const char* line : {"LIST 1\r\n", "UIDL 1\r\n", "RETR 1\r\n", "TOP 1 1\r\n", "DELE 1\r\n"})
    client.expect(line, "-ERR message 1 is deleted\r\n");
}

void transaction_marked_are_skipped(void**) {
  Transaction client;
  client.expect("DELE 1\r\nSTAT\r\n", "+OK message 1 deleted\r\n+OK 1 5\r\n");
  client.expect("LIST\r\n", "+OK maildrop has 1 message (5 octets)\r\n2 5\r\n.\r\n");
  client.expect("UIDL\r\n", "+OK maildrop has 1 message (5 octets)\r\n2 second\r\n.\r\n");
}

void transaction_rset(void**) {
  Transaction client;
  client.expect("DELE 1\r\nRSET\r\nSTAT\r\nQUIT\r\n",
                "+OK message 1 deleted\r\n+OK maildrop has 2 messages (53 octets)\r\n"
                "+OK 2 53\r\n+OK goodbye\r\n");
  assert_false(client.asked.expunged.has_value());
}

void transaction_noop(void**) {
  Transaction().expect("NOOP\r\n", "+OK\r\n");
}

void transaction_capa(void**) {
  Transaction().expect("CAPA\r\n",
                       common_capabilities + "USER\r\nIMPLEMENTATION Letterlock\r\n.\r\n");
}

void transaction_authorization_commands(void**) {
  Transaction client;
  for (const char* line : {"USER a\r\n", "PASS a\r\n", "STLS\r\n"})
    client.expect(line, "-ERR already logged in\r\n");
  assert_int_equal(client.asked.logins, 1);
}

void transaction_quit(void**) {
  Transaction client;
  client.expect("QUIT\r\n", "+OK goodbye\r\n");
  client.expect_closed(CloseReason::quit);
  assert_false(client.asked.expunged.has_value());
}

void transaction_quit_with_marks(void**) {
  Transaction client;
  client.expect("DELE 2\r\nQUIT\r\n", "+OK message 2 deleted\r\n+OK goodbye\r\n");
  client.expect_closed(CloseReason::quit);
  assert_true(client.asked.expunged == std::vector<std::uint32_t>{1});
}

void transaction_quit_fails(void**) {
  for (const auto result : {StoreResult::temporary, StoreResult::permanent}) {
    FakeStore store = two_messages();
    store.expunge = result;
    Transaction client(store);
    client.expect("DELE 1\r\nQUIT\r\n", "+OK message 1 deleted\r\n"
                                        "-ERR [SYS/TEMP] some deleted messages not removed\r\n");
    client.expect_closed(CloseReason::quit);
  }
}

void any_unknown(void**) {
  Client(clear).expect("EHLO x\r\nAUTH\r\n\r\n",
                       "-ERR unknown command\r\n-ERR unknown command\r\n-ERR unknown command\r\n");
  Transaction().expect("XTND\r\n", "-ERR unknown command\r\n");
}

void any_syntax(void**) {
  Transaction client;
  for (const char* number : {"-1", "0", "99999999999999999999", "x", "1.5"})
    client.expect("LIST " + std::string(number) + "\r\n", "-ERR not a message number\r\n");
  client.expect("LIST 1 2\r\n", "-ERR too many arguments\r\n");
  client.expect("RETR\r\n", "-ERR an argument is missing\r\n");
  client.expect("TOP 1 x\r\n", "-ERR not a number of lines\r\n");
}

void any_too_long(void**) {
  const std::string word(max_line - 2, 'x');
  Client(clear).expect(word + "\r\n" + word + "x\r\nQUIT\r\n",
                       "-ERR unknown command\r\n-ERR the line is too long\r\n+OK goodbye\r\n");
}

void any_malformed(void**) {
  for (const std::string& line : {std::string("NOOP\n"), std::string("NOOP\rx"),
                                  std::string("NOOP\r\r"), std::string("NO\0", 3)}) {
    Transaction client;
    client.expect("DELE 1\r\n" + line + "NOOP\r\nQUIT\r\n",
                  "+OK message 1 deleted\r\n"
                  "-ERR a command ends in CR LF, and holds no other CR, LF or NUL\r\n");
    client.expect_closed(CloseReason::bad_line);
    assert_false(client.asked.expunged.has_value());
  }
}

void any_endless(void**) {
  Client client(clear);
  client.expect(std::string(max_skipped_line, 'x'), "");
  client.expect("x", "-ERR the line does not end\r\n");
  client.expect_closed(CloseReason::bad_line);
}

void any_twentieth_bad_command(void**) {
  Transaction client;
  for (unsigned i = 0; i < max_bad_commands; ++i) {
    assert_false(client.asked.closed.has_value());
    // What is asked for in good form is no bad command.
    client.expect("RETR 9\r\n", "-ERR no such message, there are 2\r\n");
    client.expect("bad\r\n", "-ERR unknown command\r\n");
  }
  client.expect_closed(CloseReason::bad_commands);
}

void any_timeout(void**) {
  Transaction client;
  client.expect("DELE 1\r\nNO", "+OK message 1 deleted\r\n");
  client.session.on_timeout();
  client.run();
  client.expect("OP\r\nQUIT\r\n", "");
  client.expect_closed(CloseReason::timeout);
  assert_false(client.asked.expunged.has_value());
}

void any_shutdown(void**) {
  Transaction client;
  client.expect("DELE 1\r\n", "+OK message 1 deleted\r\n");
  client.session.on_shutdown();
  client.expect("QUIT\r\n", "-ERR [SYS/TEMP] the server is shutting down\r\n");
  client.expect_closed(CloseReason::shutdown);
  assert_false(client.asked.expunged.has_value());
}

void any_shutdown_finishes_the_command(void**) {
  Session session(secure);
  session.on_sent(session.output().size());
  session.on_input("USER me\r\nPASS b\r\nSTAT\r\n");
  assert_true(std::holds_alternative<Login>(*session.take_request()));
  session.on_shutdown();
  assert_false(session.take_request().has_value());
  session.on_login(LoginResult::in_use);
  assert_text_equal(session.output(), "+OK send the password\r\n"
                                      "-ERR [IN-USE] another session has this maildrop open\r\n"
                                      "-ERR [SYS/TEMP] the server is shutting down\r\n");
  assert_true(std::get<Close>(*session.take_request()).reason == CloseReason::shutdown);
}

void any_shutdown_lets_update_complete(void**) {
  Session session(secure);
  session.on_input("USER me\r\nPASS b\r\n");
  session.take_request();
  session.on_login(LoginResult::accepted);
  const auto entry = *MaildropEntry::from(5, "a");
  assert_true(session.on_listing({&entry, 1}));
  session.on_listing_complete(StoreResult::done);
  session.on_input("DELE 1\r\nQUIT\r\n");
  session.on_sent(session.output().size());
  assert_int_equal(std::get<Expunge>(*session.take_request()).indices.size(), 1);
  session.on_shutdown();
  session.on_expunged(StoreResult::done);
  assert_text_equal(session.output(), "+OK goodbye\r\n");
  assert_true(std::get<Close>(*session.take_request()).reason == CloseReason::quit);
}

void any_dropped(void**) {
  Transaction client;
  client.expect("DELE 1\r\nDELE 2\r\nQUI", "+OK message 1 deleted\r\n+OK message 2 deleted\r\n");
  client.expect("", "");
  assert_false(client.asked.expunged.has_value());
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(clear_capa),
      cmocka_unit_test(clear_stls),
      cmocka_unit_test(clear_stls_forgets_the_user),
      cmocka_unit_test(clear_stls_with_more),
      cmocka_unit_test(clear_stls_unavailable),
      cmocka_unit_test(clear_user),
      cmocka_unit_test(clear_pass),
      cmocka_unit_test(clear_quit),
      cmocka_unit_test(secure_capa),
      cmocka_unit_test(secure_stls),
      cmocka_unit_test(secure_user),
      cmocka_unit_test(secure_pass),
      cmocka_unit_test(secure_transaction_commands),
      cmocka_unit_test(secure_quit),
      cmocka_unit_test(named_pass_accepted),
      cmocka_unit_test(named_pass_refused),
      cmocka_unit_test(named_pass_in_use),
      cmocka_unit_test(named_pass_temporary),
      cmocka_unit_test(named_pass_permanent),
      cmocka_unit_test(named_listing_temporary),
      cmocka_unit_test(named_listing_permanent),
      cmocka_unit_test(named_third_failure),
      cmocka_unit_test(named_anything_else),
      cmocka_unit_test(transaction_stat),
      cmocka_unit_test(transaction_list),
      cmocka_unit_test(transaction_list_n),
      cmocka_unit_test(transaction_uidl),
      cmocka_unit_test(transaction_uidl_n),
      cmocka_unit_test(transaction_retr),
      cmocka_unit_test(transaction_top),
      cmocka_unit_test(transaction_open_temporary),
      cmocka_unit_test(transaction_open_permanent),
      cmocka_unit_test(transaction_content_lost),
      cmocka_unit_test(transaction_no_such_message),
      cmocka_unit_test(transaction_dele),
      cmocka_unit_test(transaction_deleted_message),
      cmocka_unit_test(transaction_marked_are_skipped),
      cmocka_unit_test(transaction_rset),
      cmocka_unit_test(transaction_noop),
      cmocka_unit_test(transaction_capa),
      cmocka_unit_test(transaction_authorization_commands),
      cmocka_unit_test(transaction_quit),
      cmocka_unit_test(transaction_quit_with_marks),
      cmocka_unit_test(transaction_quit_fails),
      cmocka_unit_test(any_unknown),
      cmocka_unit_test(any_syntax),
      cmocka_unit_test(any_too_long),
      cmocka_unit_test(any_malformed),
      cmocka_unit_test(any_endless),
      cmocka_unit_test(any_twentieth_bad_command),
      cmocka_unit_test(any_timeout),
      cmocka_unit_test(any_shutdown),
      cmocka_unit_test(any_shutdown_finishes_the_command),
      cmocka_unit_test(any_shutdown_lets_update_complete),
      cmocka_unit_test(any_dropped),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
