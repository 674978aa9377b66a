// Who is let in, how strangers are received, and what becomes of those who misbehave.
#include "common/os/shared_memory.h"
#include "tests/unit/smtp_scene.h"

#include <csignal>

using namespace letterlock;
using namespace letterlock::test;
using namespace std::chrono_literals;

namespace {

void who_is_not_allowed_is_told_so_and_costs_no_session(void**) {
  SmtpScene scene;
  scene.allowed = {"127.0.0.8/29", "2001:db8::/32"};
  scene.configure();
  auto stranger = scene.connect("127.0.0.7");
  scene.expect(*stranger, "554 5.7.1 mx.example.com Access denied\r\n");
  scene.expect_end(*stranger);
  assert_int_equal(scene.service.sessions(), 0);
  auto friendly = scene.connect("127.0.0.9");
  scene.expect(*friendly, "220 ");
}

void a_network_that_is_none_is_refused(void**) {
  SmtpScene scene;
  scene.allowed = {"127.0.0.1/24"};
  scene.begin(10);
  scene.service.prepare();
  assert_false(scene.prepared.has_value());
  assert_text_equal(scene.prepared.error().text, "\"127.0.0.1/24\" is no network");
}

void access_that_a_reload_withdraws_ends_sessions_between_messages(void**) {
  SmtpScene scene;
  auto idle = scene.connect("127.0.0.7");
  auto stays = scene.connect("127.0.0.9");
  auto busy = scene.connect("127.0.0.7");
  busy->send("EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<to@example.com>\r\nDATA\r\n");
  scene.expect(*idle, "220 ");
  scene.expect(*stays, "220 ");
  scene.expect(*busy, "354 ");
  scene.allowed = {"127.0.0.8/29"};
  scene.configure();
  scene.expect(*idle, "421 4.7.0 mx.example.com Access withdrawn, closing\r\n");
  busy->send("x\r\n.\r\n");
  scene.expect(*busy, "250 2.0.0 Accepted ");
  scene.expect(*busy, "421 4.7.0 ");
  scene.expect_end(*busy);
  stays->send("NOOP\r\n");
  scene.expect(*stays, "250 ");
}

void connections_of_an_address_are_limited(void**) {
  SmtpScene scene;
  scene.settings.connections_per_address = 2;
  scene.configure();
  auto first = scene.connect("127.0.0.5"), second = scene.connect("127.0.0.5");
  scene.expect(*first, "220 ");
  scene.expect(*second, "220 ");
  auto third = scene.connect("127.0.0.5");
  scene.expect(*third, "421 4.7.0 mx.example.com Too many connections from you");
  scene.expect_end(*third);
  auto other = scene.connect("127.0.0.6");
  scene.expect(*other, "220 ");
  first->send("QUIT\r\n");
  scene.expect_end(*first);
  first.reset();
  scene.until([&] { return scene.service.sessions() == 2; });
  auto fourth = scene.connect("127.0.0.5");
  scene.expect(*fourth, "220 ");
}

void the_workers_of_a_table_count_together(void**) {
  const LimitTableShape shape{4096, 2};
  auto memory = os::SharedMemory::make(shape.size());
  assert_true(memory.has_value());
  const SipKey key{1, 2, 3};
  ClientLimits neighbour(LimitTable(memory->bytes(), shape, key), 1);
  SmtpScene scene;
  scene.settings.connections_per_address = 1;
  scene.service.on(ipc::ClientTable{4096, 2, 0, key},
                   UniqueFd(::fcntl(memory->descriptor().get(), F_DUPFD_CLOEXEC, 0)));
  scene.configure();
  {
    const auto visit = neighbour.admit(*IpAddress::parse("127.0.0.5"), {.connections = 1}, 0ns);
    assert_true(visit.has_value());
    auto client = scene.connect("127.0.0.5");
    scene.expect(*client, "421 4.7.0 ");
  }
  auto client = scene.connect("127.0.0.5");
  scene.expect(*client, "220 ");
  assert_true(neighbour.admit(*IpAddress::parse("127.0.0.5"), {.connections = 1}, 0ns).error() ==
              ClientRefusal::too_many);
}

// The service then counts for itself.
void a_table_that_is_none_is_not_used(void**) {
  auto memory = os::SharedMemory::make(4096);
  const auto copy = [&] {
    return UniqueFd(::fcntl(memory->descriptor().get(), F_DUPFD_CLOEXEC, 0));
  };
  SmtpScene scene;
  scene.settings.connections_per_address = 1;
  scene.service.on(ipc::ClientTable{4096, 2, 0, {}}, copy()); // another size
  scene.service.on(ipc::ClientTable{0, 2, 0, {}}, copy());
  scene.service.on(ipc::ClientTable{4096, 2, 2, {}}, copy());
  scene.configure();
  auto first = scene.connect("127.0.0.5");
  scene.expect(*first, "220 ");
  auto second = scene.connect("127.0.0.5");
  scene.expect(*second, "421 4.7.0 ");
}

void connections_and_messages_have_rates(void**) {
  SmtpScene scene;
  scene.settings.connection_rate = {3, 3'600'000};
  scene.settings.message_rate = {1, 3'600'000};
  scene.configure();
  auto client = scene.connect("127.0.0.5");
  client->send("EHLO c\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\n");
  scene.expect(*client, "250 2.1.0 ");
  scene.expect(*client, "421 4.7.0 mx.example.com Too many messages from you");
  scene.expect_end(*client);
  for (int i = 0; i < 2; ++i)
    scene.expect(*scene.connect("127.0.0.5"), "220 ");
  scene.expect(*scene.connect("127.0.0.5"), "421 4.7.0 mx.example.com You connect too often");
  scene.expect(*scene.connect("127.0.0.6"), "220 ");
}

void offenders_are_locked_out(void**) {
  SmtpScene scene;
  for (int i = 0; i < 11; ++i) {
    auto client = scene.connect("127.0.0.5");
    client->send("POST / HTTP/1.1\r\n");
    scene.expect(*client, "500 5.5.2 ");
    scene.expect_end(*client);
  }
  scene.expect(*scene.connect("127.0.0.5"), "421 4.7.0 mx.example.com Too many errors from you");
  scene.expect(*scene.connect("127.0.0.6"), "220 ");
  // This host is not.
  for (int i = 0; i < 20; ++i) {
    auto client = scene.connect();
    client->send("POST / HTTP/1.1\r\n");
    scene.expect_end(*client);
  }
  scene.expect(*scene.connect(), "220 ");
}

void who_talks_at_once_is_sent_away(void**) {
  SmtpScene scene;
  auto client = scene.connect("127.0.0.5");
  client->early = true;
  client->send("EHLO c\r\n"); // before it is accepted
  scene.expect(*client, "554 5.5.1 mx.example.com Input before the greeting, closing\r\n");
  scene.expect_end(*client);
}

void who_does_not_wait_for_a_late_greeting_is_sent_away(void**) {
  SmtpScene scene;
  scene.settings.greeting_delay_ms = 60'000;
  scene.configure();
  auto client = scene.connect();
  scene.until([&] { return scene.service.sessions() == 1; });
  assert_text_equal(client->wire, "");
  client->early = true;
  client->send("EHLO c\r\n");
  scene.expect(*client, "554 5.5.1 ");
  scene.expect_end(*client);
}

void who_waits_for_a_late_greeting_is_served(void**) {
  SmtpScene scene;
  scene.settings.greeting_delay_ms = 20;
  scene.configure();
  auto client = scene.connect();
  client->send("EHLO c\r\n");
  scene.expect(*client, "220 ");
  scene.expect(*client, "250 HELP\r\n");
  auto leaves = scene.connect();
  scene.until([&] { return scene.service.sessions() == 2; });
  leaves.reset();
  scene.until([&] { return scene.service.sessions() == 1; });
}

void who_is_turned_away_all_the_time_does_not_fill_the_log(void**) {
  io::RefusalNotice notice;
  for (int i = 0; i < 60; ++i)
    assert_true(notice.due(1000s) == 0u);
  for (int i = 0; i < 5; ++i)
    assert_false(notice.due(1000s).has_value());
  assert_false(notice.due(1000s + 999ms).has_value());
  assert_true(notice.due(1001s) == 6u);
  assert_false(notice.due(1001s).has_value());
  assert_true(notice.due(1002s) == 1u);
  for (int i = 0; i < 60; ++i)
    assert_true(notice.due(2000s) == 0u);
  assert_false(notice.due(2000s).has_value());
}

void refused_recipients_do_not_fill_the_log(void**) {
  SmtpScene scene;
  auto client = scene.connect(); // this host, which is not made to wait
  int log[2] = {-1, -1};
  assert_int_equal(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, log), 0);
  const UniqueFd read_log(log[0]);
  scene.context.log.set_channel(UniqueFd(log[1]), ipc::Severity::info);
  std::string script;
  for (int i = 0; i < 99; ++i)
    script += "RCPT TO:<x@else.example>\r\n";
  client->send("EHLO c\r\nMAIL FROM:<>\r\n" + script + "QUIT\r\n");
  int lines = 0;
  const auto read_all = [&] {
    char line[4096];
    for (ssize_t size = 0; (size = ::recv(read_log.get(), line, sizeof line, 0)) > 0;) {
      const std::string_view text(line, static_cast<std::size_t>(size));
      lines += text.find("rcpt.refused") != text.npos && text.find("left_out") != text.npos;
    }
  };
  scene.until([&] {
    read_all();
    return client->closed;
  });
  read_all();
  assert_true(client->wire.find("\r\n221 ") != std::string::npos);
  assert_true(lines >= 60 && lines < 90); // one a second more
}

void errors_are_answered_after_a_while(void**) {
  SmtpScene scene({.tarpit = 20ms});
  auto client = scene.connect("127.0.0.5");
  std::string script;
  for (int i = 0; i < 11; ++i)
    script += "RCPT TO:<x@else.example>\r\n";
  client->send("EHLO c\r\nMAIL FROM:<>\r\n" + script + "NOOP\r\n");
  for (int i = 0; i < 11; ++i)
    scene.expect(*client, "550 5.7.1 ");
  scene.expect(*client, "250 2.0.0 OK\r\n");
}

void errors_that_wait_for_their_answer_do_not_hold_up_the_end(void**) {
  SmtpScene scene({.tarpit = 1h});
  auto client = scene.connect("127.0.0.5");
  std::string script;
  for (int i = 0; i < 11; ++i)
    script += "RCPT TO:<x@else.example>\r\n";
  client->send("EHLO c\r\nMAIL FROM:<>\r\nNOOP\r\n");
  scene.expect(*client, "250 2.0.0 OK\r\n");
  int log[2] = {-1, -1};
  assert_int_equal(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, log), 0);
  const UniqueFd read_log(log[0]);
  scene.context.log.set_channel(UniqueFd(log[1]), ipc::Severity::info);
  client->send(script);
  int refused = 0; // of which no answer was sent
  scene.until([&] {
    char line[4096];
    for (ssize_t size = 0; (size = ::recv(read_log.get(), line, sizeof line, 0)) > 0;)
      refused += std::string_view(line, static_cast<std::size_t>(size)).find("rcpt.refused") !=
                 std::string_view::npos;
    return refused == 11;
  });
  assert_text_equal(client->wire, "");
  scene.service.stop(1h);
  scene.expect(*client, "421 4.3.2 ");
  client.reset();
  scene.context.loop.run(); // ends
  assert_int_equal(scene.service.sessions(), 0);
}

void a_session_does_not_last_for_ever(void**) {
  SmtpScene scene({.session = 100ms});
  auto client = scene.connect();
  io::Timer drip(scene.context.loop, [&] {
    client->send("NOOP\r\n");
    drip.start(10ms);
  });
  drip.start(0ms);
  scene.expect(*client, "421 4.4.2 ");
  scene.expect_end(*client);
}

} // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  const CMUnitTest tests[] = {
      cmocka_unit_test(who_is_not_allowed_is_told_so_and_costs_no_session),
      cmocka_unit_test(a_network_that_is_none_is_refused),
      cmocka_unit_test(access_that_a_reload_withdraws_ends_sessions_between_messages),
      cmocka_unit_test(connections_of_an_address_are_limited),
      cmocka_unit_test(the_workers_of_a_table_count_together),
      cmocka_unit_test(a_table_that_is_none_is_not_used),
      cmocka_unit_test(connections_and_messages_have_rates),
      cmocka_unit_test(offenders_are_locked_out),
      cmocka_unit_test(who_talks_at_once_is_sent_away),
      cmocka_unit_test(who_does_not_wait_for_a_late_greeting_is_sent_away),
      cmocka_unit_test(who_waits_for_a_late_greeting_is_served),
      cmocka_unit_test(who_is_turned_away_all_the_time_does_not_fill_the_log),
      cmocka_unit_test(refused_recipients_do_not_fill_the_log),
      cmocka_unit_test(errors_are_answered_after_a_while),
      cmocka_unit_test(errors_that_wait_for_their_answer_do_not_hold_up_the_end),
      cmocka_unit_test(a_session_does_not_last_for_ever),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
