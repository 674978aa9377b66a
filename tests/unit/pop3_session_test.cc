// The POP3 session before the login, and in any state: each test is named after its row in
// docs/pop3.md.
#include "tests/unit/pop3_client.h"

using namespace letterlock::pop3;

namespace {

const struct {
  LoginFault fault;
  const char* reply;
} login_faults[] = {
    {LoginFault::refused, "-ERR [AUTH] the user name or the password is wrong\r\n"},
    {LoginFault::delayed, "-ERR [LOGIN-DELAY] logging in again is not possible yet, try later\r\n"},
    {LoginFault::in_use, "-ERR [IN-USE] another session has this maildrop open\r\n"},
    {LoginFault::temporary, "-ERR [SYS/TEMP] logging in is not possible now, try later\r\n"},
    {LoginFault::permanent, "-ERR [SYS/PERM] this maildrop cannot be opened\r\n"},
};

void clear_capa(void**) {
  Client(clear).expect("CAPA\r\n", common_capabilities + "STLS\r\n" + last_capability);
  Client(without_tls).expect("CAPA\r\n", common_capabilities + ".\r\n");
}

void clear_stls(void**) {
  Client client(clear);
  client.expect("STLS\r\n", "+OK begin TLS negotiation\r\n");
  assert_false(client.asked.closed.has_value());
  client.expect("CAPA\r\n", common_capabilities + login_capabilities + last_capability);
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
  Client(secure).expect("CAPA\r\n", common_capabilities + login_capabilities + last_capability);
  Client(insecure).expect("CAPA\r\n", common_capabilities + login_capabilities + last_capability);
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
  assert_false(client.asked.removed.has_value());
}

void named_pass_accepted(void**) {
  Transaction();
  FakeStore empty;
  Client client(secure, empty);
  client.expect("USER me\r\nPASS b\r\nLIST\r\n",
                "+OK send the password\r\n+OK maildrop has 0 messages (0 octets)\r\n"
                "+OK maildrop has 0 messages (0 octets)\r\n.\r\n");
}

void check_failed_login(const FakeStore& store, std::string_view reply) {
  Client client(secure, store);
  client.expect("USER me\r\n", "+OK send the password\r\n");
  client.expect("PASS b\r\n", reply);
  client.expect("PASS b\r\n", "-ERR USER comes first\r\n");
  client.expect_authorization();
  assert_int_equal(client.asked.logins, 1);
}

void named_pass_fails(void**) {
  for (const auto& row : login_faults) {
    FakeStore store = two_messages();
    store.login = row.fault;
    check_failed_login(store, row.reply);
  }
}

void named_maildrop_fails(void**) {
  for (const auto& row : login_faults) {
    FakeStore store = two_messages();
    store.maildrop = row.fault;
    check_failed_login(store, row.reply);
  }
}

void named_third_failure(void**) {
  FakeStore store;
  store.login = LoginFault::refused;
  Client client(secure, store);
  const std::string reply =
      "+OK send the password\r\n-ERR [AUTH] the user name or the password is wrong";
  client.expect("USER me\r\nPASS b\r\n", reply + "\r\n");
  client.expect("USER me\r\nPASS b\r\n", reply + "\r\n");
  assert_false(client.asked.closed.has_value());
  client.expect("USER me\r\nPASS b\r\n", reply + "; too many failed logins\r\n");
  client.expect_closed(CloseReason::failed_logins);
}

void named_anything_else(void**) {
  for (const char* line : {"CAPA\r\n", "NOOP\r\n", "what\r\n", "USER\r\n", "LIST -1\r\n",
                           "UTF8\r\n", "AUTH PLAIN\r\n*\r\n"}) {
    Client client(secure);
    client.send(std::string("USER me\r\n") + line);
    client.expect("PASS b\r\n", "-ERR USER comes first\r\n");
    assert_int_equal(client.asked.logins, 0);
  }
}

void secure_auth(void**) {
  for (const auto& settings : {secure, insecure}) {
    Client with(settings);
    with.expect("AUTH PLAIN " + response + "\r\n", accepted);
    assert_text_equal(with.asked.user, "me");
    assert_text_equal(with.asked.password, "a b");
    Client without(settings);
    without.expect("auth plain\r\n", "+ \r\n");
    without.expect(response + "\r\nSTAT\r\n", accepted + "+OK 2 53\r\n");
    assert_text_equal(without.asked.user, "me");
    assert_text_equal(without.asked.password, "a b");
  }
}

void secure_auth_cancelled(void**) {
  Client client(secure);
  client.expect("AUTH PLAIN\r\n*\r\n", "+ \r\n-ERR cancelled\r\n");
  client.expect("AUTH PLAIN *\r\n", "-ERR cancelled\r\n");
  assert_int_equal(client.asked.logins, 0);
  client.expect_authorization();
}

void secure_auth_malformed(void**) {
  Client client(secure);
  const std::string refusal = "-ERR not a response of PLAIN\r\n";
  client.expect("AUTH PLAIN =\r\n", refusal);
  client.expect("AUTH PLAIN nonsense\r\n", refusal);
  // Whatever comes after "+ " is the response, and no command.
  for (const char* line : {"\r\n", "QUIT\r\n", "=\r\n", "bWU=\r\n"})
    client.expect(std::string("AUTH PLAIN\r\n") + line, "+ \r\n" + refusal);
  assert_int_equal(client.asked.logins, 0);
  client.expect_authorization();
}

void secure_auth_too_long(void**) {
  Client client(secure);
  client.expect("AUTH PLAIN\r\n" + std::string(max_line, 'A') + "\r\nSTAT\r\n",
                "+ \r\n-ERR the line is too long\r\n-ERR log in first\r\n");
}

void secure_auth_for_somebody_else(void**) {
  Client client(secure);
  // "you", NUL, "me", NUL, "x": a failed login, though nobody was asked.
  for (int i = 0; i < 3; ++i)
    client.expect_start("AUTH PLAIN eW91AG1lAHg=\r\n",
                        "-ERR [AUTH] nobody may log in for somebody else");
  assert_int_equal(client.asked.logins, 0);
  client.expect_closed(CloseReason::failed_logins);
}

void secure_auth_fails(void**) {
  for (const auto& row : login_faults) {
    FakeStore store;
    store.login = row.fault;
    Client client(secure, store);
    client.expect("AUTH PLAIN " + response + "\r\n", row.reply);
    client.expect_authorization();
  }
}

void secure_auth_mechanisms(void**) {
  Client client(secure);
  client.expect("AUTH\r\n", "-ERR an argument is missing\r\n");
  client.expect("AUTH CRAM-MD5\r\n", "-ERR not a mechanism of AUTH that there is here\r\n");
  client.expect_authorization();
}

void clear_auth(void**) {
  Client client(clear);
  client.expect("AUTH PLAIN\r\n", "-ERR logging in needs TLS\r\n");
  client.expect("AUTH PLAIN " + response + "\r\n", "-ERR logging in needs TLS\r\n");
  assert_int_equal(client.asked.logins, 0);
  client.expect_authorization();
}

void clear_utf8_rules_stls_out(void**) {
  Client client(clear);
  client.expect("UTF8\r\nSTLS\r\n", "+OK UTF-8 it is\r\n-ERR STLS comes before UTF8\r\n");
  client.expect_authorization();
}

void clear_stls_forgets_auth(void**) {
  Client client(clear);
  client.expect("STLS\r\n", "+OK begin TLS negotiation\r\n");
  client.expect("AUTH PLAIN " + response + "\r\n", accepted);
}

void any_unknown(void**) {
  Client(clear).expect("EHLO x\r\nAPOP a b\r\n\r\n",
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
    assert_false(client.asked.removed.has_value());
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
    client.expect("bad\r\n",
                  "-ERR unknown command" + (i + 1 < max_bad_commands ? "" : too_many) + "\r\n");
  }
  client.expect_closed(CloseReason::bad_commands);
}

void any_timeout(void**) {
  Transaction client;
  client.expect("DELE 1\r\nNO", "+OK message 1 deleted\r\n");
  client.session.timed_out();
  client.run();
  client.expect("OP\r\nQUIT\r\n", "");
  client.expect_closed(CloseReason::timeout);
  assert_false(client.asked.removed.has_value());
}

void any_shutdown(void**) {
  Transaction client;
  client.expect("DELE 1\r\n", "+OK message 1 deleted\r\n");
  client.session.shut_down();
  client.expect("QUIT\r\n", "-ERR [SYS/TEMP] the server ends this session\r\n");
  client.expect_closed(CloseReason::shutdown);
  assert_false(client.asked.removed.has_value());
}

void any_shutdown_finishes_the_command(void**) {
  FakeStore store = two_messages();
  store.maildrop = LoginFault::in_use;
  Driver driver(secure, store, {.later = true});
  driver.send("");
  driver.session.input("USER me\r\nPASS b\r\nSTAT\r\n");
  assert_int_equal(driver.asked.logins, 1);
  driver.session.shut_down();
  assert_false(driver.asked.closed.has_value());
  assert_text_equal(driver.send(""), "+OK send the password\r\n"
                                     "-ERR [IN-USE] another session has this maildrop open\r\n"
                                     "-ERR [SYS/TEMP] the server ends this session\r\n");
  assert_true(driver.asked.closed == CloseReason::shutdown);
}

void any_shutdown_in_auth(void**) {
  Client client(secure);
  client.expect("AUTH PLAIN\r\n", "+ \r\n");
  client.session.shut_down();
  client.expect(response + "\r\n", "-ERR [SYS/TEMP] the server ends this session\r\n");
  client.expect_closed(CloseReason::shutdown);
  assert_int_equal(client.asked.logins, 0);
}

void any_shutdown_lets_update_complete(void**) {
  Driver driver(secure, two_messages(), {.later = true});
  driver.send("AUTH PLAIN " + response + "\r\nDELE 1\r\n");
  driver.session.input("QUIT\r\n");
  assert_true(driver.asked.removed == std::vector<std::uint32_t>{0});
  driver.session.shut_down();
  assert_text_equal(driver.send(""), "+OK goodbye\r\n");
  assert_true(driver.asked.closed == CloseReason::quit);
}

void any_displaced(void**) {
  Transaction client;
  client.expect("DELE 1\r\n", "+OK message 1 deleted\r\n");
  client.session.displaced();
  client.expect("QUIT\r\n", "");
  client.expect_closed(CloseReason::displaced);
  assert_false(client.asked.removed.has_value());
}

void any_dropped(void**) {
  Transaction client;
  client.expect("DELE 1\r\nDELE 2\r\nQUI", "+OK message 1 deleted\r\n+OK message 2 deleted\r\n");
  client.expect("", "");
  assert_false(client.asked.removed.has_value());
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
      cmocka_unit_test(named_pass_fails),
      cmocka_unit_test(named_maildrop_fails),
      cmocka_unit_test(named_third_failure),
      cmocka_unit_test(named_anything_else),
      cmocka_unit_test(secure_auth),
      cmocka_unit_test(secure_auth_cancelled),
      cmocka_unit_test(secure_auth_malformed),
      cmocka_unit_test(secure_auth_too_long),
      cmocka_unit_test(secure_auth_for_somebody_else),
      cmocka_unit_test(secure_auth_fails),
      cmocka_unit_test(secure_auth_mechanisms),
      cmocka_unit_test(clear_auth),
      cmocka_unit_test(clear_utf8_rules_stls_out),
      cmocka_unit_test(clear_stls_forgets_auth),
      cmocka_unit_test(any_unknown),
      cmocka_unit_test(any_syntax),
      cmocka_unit_test(any_too_long),
      cmocka_unit_test(any_malformed),
      cmocka_unit_test(any_endless),
      cmocka_unit_test(any_twentieth_bad_command),
      cmocka_unit_test(any_timeout),
      cmocka_unit_test(any_shutdown),
      cmocka_unit_test(any_shutdown_finishes_the_command),
      cmocka_unit_test(any_shutdown_in_auth),
      cmocka_unit_test(any_shutdown_lets_update_complete),
      cmocka_unit_test(any_displaced),
      cmocka_unit_test(any_dropped),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
