// What smtpd says at RCPT of accounts that have little room in their quota.
#include "tests/unit/smtp_scene.h"

using namespace letterlock;
using namespace letterlock::test;

namespace {

// "452" or "250": what is said to RCPT for an account's address after MAIL with these parameters.
std::string answer_to_rcpt(SmtpScene& scene, SmtpClient& client, const std::string& parameters,
                           const std::string& address = "to@example.com") {
  client.send("RSET\r\nMAIL FROM:<from@example.net>" + parameters + "\r\nRCPT TO:<" + address +
              ">\r\n");
  scene.expect(client, "Sender OK\r\n");
  scene.until([&] { return client.wire.ends_with("\r\n"); });
  return std::exchange(client.wire, {}).substr(0, 9);
}

// What was told takes effect between two answers; to ask is what turns the loop.
void ask_until(std::string_view answer, SmtpScene& scene, SmtpClient& client,
               const std::string& parameters, const std::string& to = "to@example.com") {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (answer_to_rcpt(scene, client, parameters, to) != answer)
    assert_true(std::chrono::steady_clock::now() < deadline);
}

void accounts_without_room_are_refused_at_rcpt(void**) {
  SmtpScene scene;
  auto client = scene.connect();
  client->send("EHLO client.example.net\r\n");
  scene.expect(*client, "250 ");
  assert_text_equal(answer_to_rcpt(scene, *client, " SIZE=1000"), "250 2.1.5");
  // The fields that queued adds need some room too.
  scene.queued.tell({7, true, false, 4096 + 1000});
  scene.queued.tell({9, true, false, 0});
  ask_until("452 4.2.2", scene, *client, " SIZE=1001");
  assert_text_equal(answer_to_rcpt(scene, *client, " SIZE=1000"), "250 2.1.5");
  assert_text_equal(answer_to_rcpt(scene, *client, ""), "250 2.1.5");
  assert_text_equal(answer_to_rcpt(scene, *client, " SIZE=9999", "second@example.com"),
                    "250 2.1.5");
  // What was too large for it may have been without a size.
  scene.queued.tell({7, true, true, 4096 + 1000});
  ask_until("452 4.2.2", scene, *client, "");
  assert_text_equal(answer_to_rcpt(scene, *client, " SIZE=1000"), "250 2.1.5");
  scene.queued.tell({7, true, false, 4096});
  ask_until("250 2.1.5", scene, *client, "");
  scene.queued.tell({7, true, false, 4095});
  ask_until("452 4.2.2", scene, *client, "");
  scene.queued.tell({7, false, false, 0});
  ask_until("250 2.1.5", scene, *client, " SIZE=50000000");
}

void a_fresh_queued_says_anew_who_has_no_room(void**) {
  SmtpScene scene;
  auto client = scene.connect();
  client->send("EHLO client.example.net\r\n");
  scene.expect(*client, "250 ");
  scene.queued.tell({7, true, false, 0});
  scene.queued.tell({8, true, false, 0});
  ask_until("452 4.2.2", scene, *client, "", "second@example.com");
  scene.lose_queued();
  assert_text_equal(answer_to_rcpt(scene, *client, ""), "452 4.2.2"); // as far as is known
  scene.connect_queued();
  scene.queued.tell({8, true, false, 0});
  assert_text_equal(answer_to_rcpt(scene, *client, ""), "250 2.1.5");
  ask_until("452 4.2.2", scene, *client, "", "second@example.com");
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(accounts_without_room_are_refused_at_rcpt),
      cmocka_unit_test(a_fresh_queued_says_anew_who_has_no_room),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
