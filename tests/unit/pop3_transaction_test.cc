// The POP3 session after the login: each test is named after its row in docs/pop3.md.
#include "tests/unit/pop3_client.h"

using namespace letterlock::pop3;

namespace {

void transaction_needs_utf8(void**) {
  Client client(secure, with_international());
  client.expect("AUTH PLAIN " + response + "\r\n", "+OK maildrop has 2 messages (54 octets)\r\n");
  for (const char* line : {"RETR 1\r\n", "TOP 1 0\r\n"})
    client.expect(line, "-ERR [UTF8] the header of this message is in UTF-8, "
                        "say UTF8 before logging in\r\n");
  assert_int_equal(client.asked.opened, 2);
  assert_int_equal(client.asked.closed_messages, 2);
  assert_int_equal(client.asked.complete, 0);
  client.expect("LIST 1\r\nDELE 1\r\nRETR 2\r\nUTF8\r\n",
                "+OK 1 49\r\n+OK message 1 deleted\r\n+OK 5 octets\r\n\r\nx\r\n.\r\n"
                "-ERR already logged in\r\n");
}

void secure_utf8(void**) {
  Client client(secure, with_international());
  client.expect("UTF8\r\nUTF8\r\n", "+OK UTF-8 it is\r\n+OK UTF-8 it is\r\n");
  client.send("AUTH PLAIN " + response + "\r\n");
  client.expect(
      "RETR 1\r\n",
      "+OK 49 octets\r\nReceived: with UTF8SMTP\r\nSubject: gr\xc3\xbcn\r\n\r\n1\r\n2\r\n.\r\n");
  client.expect("TOP 1 1\r\n", "+OK top of message follows\r\n"
                               "Received: with UTF8SMTP\r\nSubject: gr\xc3\xbcn\r\n\r\n1\r\n.\r\n");
}

void utf8_may_be_sent_unasked(void**) {
  Settings settings = secure;
  settings.utf8_unasked = true;
  Client client(settings, with_international());
  client.send("AUTH PLAIN " + response + "\r\n");
  client.expect_start("RETR 1\r\n", "+OK 49 octets\r\nReceived: with");
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

void check_unopened(ReadFault fault, const std::string& reply) {
  FakeStore store = two_messages();
  store.open = fault;
  Transaction client(store);
  client.expect("RETR 1\r\nTOP 1 1\r\nSTAT\r\n", reply + reply + "+OK 2 53\r\n");
  assert_int_equal(client.asked.closed_messages, 0);
  // It can still be removed, for what it is worth.
  client.expect("DELE 1\r\nQUIT\r\n", "+OK message 1 deleted\r\n+OK goodbye\r\n");
}

void transaction_open_temporary(void**) {
  check_unopened(ReadFault::temporary,
                 "-ERR [SYS/TEMP] the message cannot be read now, try later\r\n");
}
void transaction_open_permanent(void**) {
  check_unopened(ReadFault::permanent, "-ERR [SYS/PERM] the message cannot be read\r\n");
}
void transaction_open_gone(void**) {
  check_unopened(ReadFault::gone, "-ERR [SYS/PERM] the message is no longer there\r\n");
}

void transaction_listing_fails(void**) {
  const struct {
    ReadFault fault;
    std::string reply;
  } faults[] = {
      {ReadFault::temporary, "-ERR [SYS/TEMP] the listing cannot be read now, try later\r\n"},
      {ReadFault::permanent, "-ERR [SYS/PERM] the listing cannot be read\r\n"}};
  for (const auto& row : faults) {
    FakeStore store = two_messages();
    store.listing = row.fault;
    Transaction client(store);
    for (const char* line : {"LIST\r\n", "UIDL\r\n", "LIST 1\r\n", "UIDL 2\r\n", "DELE 1\r\n"})
      client.expect(line, row.reply);
    client.expect("STAT\r\nQUIT\r\n", "+OK 2 53\r\n+OK goodbye\r\n");
    assert_false(client.asked.removed.has_value());
  }
}

void transaction_listing_lost(void**) {
  FakeStore store = two_messages();
  store.listing = ReadFault::temporary;
  store.listing_ends = 1;
  Transaction client(store);
  client.expect("LIST\r\nNOOP\r\n", "+OK maildrop has 2 messages (53 octets)\r\n1 48\r\n");
  client.expect_closed(CloseReason::content_lost);
}

void transaction_content_lost(void**) {
  FakeStore store = two_messages();
  store.content_lost_at = header.size() + 2;
  Transaction client(store);
  client.expect("DELE 2\r\n", "+OK message 2 deleted\r\n");
  client.expect("RETR 1\r\nNOOP\r\n",
                "+OK 48 octets\r\nFrom: a@example.com\r\nSubject: one\r\n\r\n1\r\n");
  client.expect_closed(CloseReason::content_lost);
  assert_false(client.asked.removed.has_value());
  assert_int_equal(client.asked.closed_messages, 1);
}

// Nothing is promised before the header was looked through.
void transaction_header_lost(void**) {
  FakeStore store = two_messages();
  store.content_lost_at = 5;
  Transaction client(store);
  client.expect("RETR 1\r\nNOOP\r\n",
                "-ERR [SYS/TEMP] the message cannot be read now, try later\r\n+OK\r\n");
  assert_int_equal(client.asked.closed_messages, 1);
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
  assert_false(client.asked.removed.has_value());
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
  assert_false(client.asked.removed.has_value());
}

void transaction_noop(void**) {
  Transaction().expect("NOOP\r\n", "+OK\r\n");
}

void transaction_capa(void**) {
  Transaction().expect("CAPA\r\n", common_capabilities + login_capabilities + last_capability);
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
  assert_false(client.asked.removed.has_value());
}

void transaction_quit_with_marks(void**) {
  Transaction client;
  client.expect("DELE 2\r\nQUIT\r\n", "+OK message 2 deleted\r\n+OK goodbye\r\n");
  client.expect_closed(CloseReason::quit);
  assert_true(client.asked.removed == std::vector<std::uint32_t>{1});
}

void transaction_quit_fails(void**) {
  FakeStore store = two_messages();
  store.removed = false;
  Transaction client(store);
  client.expect("DELE 1\r\nQUIT\r\n", "+OK message 1 deleted\r\n"
                                      "-ERR [SYS/TEMP] some deleted messages not removed\r\n");
  client.expect_closed(CloseReason::quit);
}

// A message that was opened is closed, whatever becomes of the session.
void transaction_messages_are_closed(void**) {
  Transaction client;
  client.send("RETR 1\r\nTOP 1 0\r\nRETR 2\r\n");
  assert_int_equal(client.asked.opened, 3);
  assert_int_equal(client.asked.closed_messages, 3);
  assert_int_equal(client.asked.complete, 3);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(transaction_needs_utf8),
      cmocka_unit_test(secure_utf8),
      cmocka_unit_test(utf8_may_be_sent_unasked),
      cmocka_unit_test(transaction_stat),
      cmocka_unit_test(transaction_list),
      cmocka_unit_test(transaction_list_n),
      cmocka_unit_test(transaction_uidl),
      cmocka_unit_test(transaction_uidl_n),
      cmocka_unit_test(transaction_retr),
      cmocka_unit_test(transaction_top),
      cmocka_unit_test(transaction_open_temporary),
      cmocka_unit_test(transaction_open_permanent),
      cmocka_unit_test(transaction_open_gone),
      cmocka_unit_test(transaction_listing_fails),
      cmocka_unit_test(transaction_listing_lost),
      cmocka_unit_test(transaction_content_lost),
      cmocka_unit_test(transaction_header_lost),
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
      cmocka_unit_test(transaction_messages_are_closed),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
