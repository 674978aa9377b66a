// Chunks through smtpd's service: scratch files, a link that is lost, and time.
#include "tests/unit/smtp_scene.h"

#include <csignal>

using namespace letterlock;
using namespace letterlock::test;
using namespace std::chrono_literals;

namespace {

void a_message_comes_in_chunks(void**) {
  SmtpScene scene;
  auto client = scene.connect();
  const auto first = body_of(200 * 1024), second = body_of(1u << 20);
  client->send("EHLO client.example.net\r\nMAIL FROM:<from@example.net>\r\n"
               "RCPT TO:<to@example.com>\r\nBDAT " +
               std::to_string(first.size()) + "\r\n" + first + "BDAT " +
               std::to_string(second.size()) + "\r\n" + second + "BDAT 6 LAST\r\n.\r\nxy");
  scene.expect(*client, "250-CHUNKING\r\n");
  scene.expect(*client, "250 2.0.0 Chunk OK\r\n250 2.0.0 Chunk OK\r\n");
  client->send("z");
  scene.expect(*client, "250 2.0.0 Accepted ");
  const auto& message = scene.queued.messages.at(0);
  assert_true(message.scratch != 0 && message.crc_is_right);
  assert_true(message.content == body_of(200 * 1024, "\n") + body_of(1u << 20, "\n") + ".\nxyz\n");
  // The length of the first chunk is known before it comes.
  assert_true(scene.queued.requests.at(0).bytes >= first.size());
}

void chunks_survive_the_loss_of_queued(void**) {
  SmtpScene scene;
  auto client = scene.connect();
  const auto first = body_of(200 * 1024);
  client->send("EHLO client.example.net\r\nMAIL FROM:<from@example.net>\r\n"
               "RCPT TO:<to@example.com>\r\nBDAT " +
               std::to_string(first.size()) + "\r\n" + first);
  scene.expect(*client, "Chunk OK\r\n");
  scene.lose_queued();
  scene.connect_queued();
  client->send("BDAT 3 LAST\r\nx\r\n");
  scene.expect(*client, "Accepted ");
  const auto& message = scene.queued.messages.at(0);
  assert_true(message.crc_is_right && message.content == body_of(200 * 1024, "\n") + "x\n");
}

void chunks_that_nobody_wants_are_read_for_a_limited_time(void**) {
  SmtpScene scene({.content = 50ms});
  auto client = scene.connect();
  client->send("EHLO c\r\nBDAT 1000000000\r\n");
  scene.expect(*client, "421 4.4.2 ");
  scene.expect_end(*client);
}

void the_time_of_a_message_grows_with_the_largest(void**) {
  const smtpd::Timeouts timeouts;
  const std::pair<std::uint64_t, std::chrono::hours> rows[] = {
      {64u << 10, 1h}, {50u << 20, 1h}, {(50u << 20) + 1, 2h}, {100u << 20, 2h}, {1u << 30, 21h},
  };
  for (const auto& [largest, time] : rows)
    assert_true(timeouts.content_time(largest) == time);
}

void a_message_in_chunks_has_the_time_of_one(void**) {
  SmtpScene scene({.content = 200ms});
  auto client = scene.connect();
  client->send("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<to@example.com>\r\n");
  io::Timer drip(scene.context.loop, [&] {
    client->send("BDAT 1\r\nx");
    drip.start(20ms);
  });
  drip.start(0ms);
  scene.expect(*client, "421 4.4.2 ");
  scene.until([&] { return scene.service.sessions() == 0; });
}

void a_session_that_has_lasted_long_enough_still_takes_the_message_in_the_air(void**) {
  SmtpScene scene({.session = 300ms});
  for (int attempt = 0; attempt < 50; ++attempt) {
    auto client = scene.connect();
    client->send("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<to@example.com>\r\nBDAT 3\r\nx\r\n");
    scene.until(
        [&] { return client->closed || client->wire.find("Chunk OK") != std::string::npos; });
    if (client->closed) // a slow machine: over before the message had begun
      continue;
    bool over = false;
    io::Timer end(scene.context.loop, [&] { over = true; });
    end.start(400ms);
    scene.until([&] { return over; });
    client->send("BDAT 0 LAST\r\n");
    scene.expect(*client, "250 2.0.0 Accepted ");
    scene.expect(*client, "421 4.4.2 ");
    return scene.expect_end(*client);
  }
  fail_msg("no session had the time for one chunk");
}

} // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_message_comes_in_chunks),
      cmocka_unit_test(chunks_survive_the_loss_of_queued),
      cmocka_unit_test(chunks_that_nobody_wants_are_read_for_a_limited_time),
      cmocka_unit_test(a_message_in_chunks_has_the_time_of_one),
      cmocka_unit_test(the_time_of_a_message_grows_with_the_largest),
      cmocka_unit_test(a_session_that_has_lasted_long_enough_still_takes_the_message_in_the_air),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
