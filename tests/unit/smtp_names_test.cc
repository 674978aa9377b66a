// Clients whose name decides whether they may connect: what they hear, and when.
#include "tests/unit/smtp_scene.h"

#include <poll.h>

#include <algorithm>
#include <csignal>

using namespace letterlock;
using namespace letterlock::test;
using namespace std::chrono_literals;

namespace {

struct NamesScene : SmtpScene {
  explicit NamesScene(const smtpd::Timeouts& timeouts = {}) : SmtpScene(timeouts) {
    allowed = {"127.0.0.9"};
    allowed_names = {"mail.example.net", ".example.org"};
    configure();
    connect_resolvd();
  }
  // A client whose name is asked for.
  std::unique_ptr<SmtpClient> waiting_client(const char* from = "127.0.0.5") {
    const std::size_t before = resolvd.names.size();
    auto client = connect(from);
    until([&] { return resolvd.names.size() == before + 1; });
    assert_text_equal(resolvd.names.back().address, from);
    return client;
  }
  // The client that waits has NAME, which is looked up in turn.
  void answer_name(std::string_view name) {
    const std::size_t before = resolvd.addresses.size();
    resolvd.answer_names(resolvd.names.back().request, name);
    until([&] { return resolvd.addresses.size() == before + 1; });
    assert_text_equal(resolvd.addresses.back().host, name);
    assert_true(resolvd.addresses.back().family == ipc::AddressFamily::ipv4);
  }
};

constexpr std::string_view welcome = "220 mx.example.com ESMTP";
constexpr std::string_view denied = "554 5.7.1 mx.example.com Access denied\r\n";
constexpr std::string_view in_doubt =
    "421 4.4.3 mx.example.com Cannot look up your name, try again later\r\n";

void a_confirmed_name_is_greeted(void**) {
  NamesScene scene;
  auto client = scene.waiting_client();
  scene.answer_name("mail.example.net");
  assert_int_equal(scene.service.sessions(), 0);
  assert_text_equal(client->wire, "");
  scene.resolvd.answer_addresses(scene.resolvd.addresses.back().request, "127.0.0.5");
  scene.expect(*client, welcome);
  client->send("EHLO c\r\n");
  scene.expect(*client, "250 HELP\r\n");
  assert_int_equal(scene.service.waiting(), 0);
}

void other_names_and_other_addresses_are_denied(void**) {
  NamesScene scene;
  for (const std::string_view name : {"", "mail.example.com"}) {
    auto client = scene.waiting_client();
    scene.resolvd.answer_names(scene.resolvd.names.back().request, name);
    scene.expect(*client, denied);
    scene.expect_end(*client);
  }
  assert_int_equal(scene.resolvd.addresses.size(), 0);
  auto client = scene.waiting_client();
  scene.answer_name("a.example.org");
  scene.resolvd.answer_addresses(scene.resolvd.addresses.back().request, "127.0.0.6");
  scene.expect(*client, denied);
  scene.expect_end(*client);
}

void networks_are_not_asked_for(void**) {
  NamesScene scene;
  auto client = scene.connect("127.0.0.9");
  scene.expect(*client, welcome);
  assert_int_equal(scene.resolvd.names.size(), 0);
}

void nobody_waits_longer_than_the_limit(void**) {
  NamesScene scene({.name_lookup = 20ms});
  auto client = scene.waiting_client();
  scene.expect(*client, in_doubt);
  scene.expect_end(*client);
  // What is answered too late is no breach, and not taken for the answer to another.
  const auto late = scene.resolvd.names.back().request;
  auto next = scene.waiting_client("127.0.0.6");
  scene.resolvd.answer_names(late, "mail.example.net");
  scene.expect(*next, in_doubt);
  assert_int_equal(scene.resolvd.addresses.size(), 0);
  assert_false(scene.resolvd.closed);
}

void without_resolvd_nobody_waits(void**) {
  NamesScene scene;
  auto client = scene.waiting_client();
  auto half = scene.waiting_client("127.0.0.6");
  scene.answer_name("mail.example.net");
  scene.resolvd.go_away();
  for (auto* each : {client.get(), half.get()}) {
    scene.expect(*each, in_doubt);
    scene.expect_end(*each);
  }
  scene.until([&] { return scene.parent.lost_links == 1; });
  auto later = scene.connect("127.0.0.5");
  scene.expect(*later, in_doubt);
  scene.connect_resolvd();
  auto last = scene.waiting_client();
  scene.answer_name("mail.example.net");
  scene.resolvd.answer_addresses(scene.resolvd.addresses.back().request, "127.0.0.5");
  scene.expect(*last, welcome);
}

// The old one's end may be heard of later.
void a_new_link_does_not_leave_questions_to_the_old_one(void**) {
  NamesScene scene({.name_lookup = 1h});
  auto client = scene.waiting_client();
  scene.connect_resolvd();
  scene.expect(*client, in_doubt);
}

void an_answer_to_no_question_costs_the_link(void**) {
  NamesScene scene;
  auto client = scene.waiting_client();
  scene.resolvd.answer_names(scene.resolvd.names.back().request + 1, "mail.example.net");
  scene.expect(*client, in_doubt);
  scene.until([&] { return scene.parent.lost_links == 1; });
}

void who_waits_counts_and_keeps_no_place(void**) {
  NamesScene scene;
  scene.settings.connections_per_address = 1;
  scene.configure(2);
  auto first = scene.waiting_client("127.0.0.5");
  auto again = scene.connect("127.0.0.5");
  scene.expect(*again, "421 4.7.0 ");
  auto second = scene.waiting_client("127.0.0.6");
  // There is no room for a third: it is not accepted until one of them has gone.
  auto third = scene.connect("127.0.0.7");
  bool over = false;
  io::Timer timer(scene.context.loop, [&] { over = true; });
  timer.start(20ms);
  scene.until([&] { return over; });
  assert_int_equal(scene.resolvd.names.size(), 2);
  scene.resolvd.answer_names(scene.resolvd.names.front().request, "");
  scene.expect(*first, denied);
  scene.until([&] { return scene.resolvd.names.size() == 3; });
  assert_text_equal(scene.resolvd.names.back().address, "127.0.0.7");
  scene.resolvd.answer_names(scene.resolvd.names.back().request, "");
  scene.expect(*third, denied);
}

void who_talks_while_its_name_is_asked_for_is_sent_away(void**) {
  NamesScene scene;
  auto client = scene.waiting_client();
  client->early = true;
  client->send("EHLO c\r\n");
  scene.until([&] { return client->all_sent(); });
  scene.answer_name("mail.example.net");
  scene.resolvd.answer_addresses(scene.resolvd.addresses.back().request, "127.0.0.5");
  scene.expect(*client, "554 5.5.1 ");
  scene.expect_end(*client);
}

void a_new_generation_judges_who_waits_again(void**) {
  NamesScene scene;
  auto granted = scene.waiting_client("127.0.0.5");
  auto named = scene.waiting_client("127.0.0.6");
  const auto stale = scene.resolvd.names.back().request;
  scene.allowed = {"127.0.0.5"};
  scene.allowed_names = {"mail.example.com"};
  scene.configure();
  scene.expect(*granted, welcome);
  scene.until([&] { return scene.resolvd.names.size() == 3; });
  // An answer to the first question does not decide any more.
  scene.resolvd.answer_names(stale, "");
  scene.resolvd.answer_names(scene.resolvd.names.back().request, "mail.example.com");
  scene.until([&] { return scene.resolvd.addresses.size() == 1; });
  scene.resolvd.answer_addresses(scene.resolvd.addresses.back().request, "127.0.0.6");
  scene.expect(*named, welcome);
  // Without names it is denied at once.
  auto last = scene.waiting_client("127.0.0.7");
  scene.allowed_names.clear();
  scene.configure();
  scene.expect(*last, denied);
}

void sessions_keep_their_name_over_reloads(void**) {
  NamesScene scene;
  auto client = scene.waiting_client();
  scene.answer_name("a.example.org");
  scene.resolvd.answer_addresses(scene.resolvd.addresses.back().request, "127.0.0.5");
  scene.expect(*client, welcome);
  scene.allowed_names = {"a.example.org"};
  scene.configure();
  client->send("NOOP\r\n");
  scene.expect(*client, "250 ");
  scene.allowed_names = {"b.example.org"};
  scene.configure();
  scene.expect(*client, "421 4.7.0 mx.example.com Access withdrawn, closing\r\n");
  // Nor does an address that was allowed as such have a name.
  auto other = scene.connect("127.0.0.9");
  scene.expect(*other, welcome);
  scene.allowed.clear();
  scene.configure();
  scene.expect(*other, "421 4.7.0 ");
}

void a_stop_sends_who_waits_away(void**) {
  NamesScene scene;
  auto client = scene.waiting_client();
  scene.service.stop(1h);
  scene.context.loop.run(); // ends
  pollfd readable{client->fd(), POLLIN, 0};
  assert_int_equal(::poll(&readable, 1, 20'000), 1);
  std::string heard(100, '\0');
  heard.resize(static_cast<std::size_t>(
      std::max<ssize_t>(::recv(client->fd(), heard.data(), heard.size(), 0), 0)));
  assert_text_equal(heard, "421 4.3.2 mx.example.com Shutting down, try again later\r\n");
  assert_int_equal(scene.service.waiting(), 0);
}

void a_name_that_is_none_is_refused(void**) {
  SmtpScene scene;
  scene.allowed_names = {"mail"};
  scene.begin(10);
  scene.service.prepare();
  assert_false(scene.prepared.has_value());
  assert_text_equal(scene.prepared.error().text, "\"mail\" is no host name");
}

} // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_confirmed_name_is_greeted),
      cmocka_unit_test(other_names_and_other_addresses_are_denied),
      cmocka_unit_test(networks_are_not_asked_for),
      cmocka_unit_test(nobody_waits_longer_than_the_limit),
      cmocka_unit_test(without_resolvd_nobody_waits),
      cmocka_unit_test(a_new_link_does_not_leave_questions_to_the_old_one),
      cmocka_unit_test(an_answer_to_no_question_costs_the_link),
      cmocka_unit_test(who_waits_counts_and_keeps_no_place),
      cmocka_unit_test(who_talks_while_its_name_is_asked_for_is_sent_away),
      cmocka_unit_test(a_new_generation_judges_who_waits_again),
      cmocka_unit_test(sessions_keep_their_name_over_reloads),
      cmocka_unit_test(a_stop_sends_who_waits_away),
      cmocka_unit_test(a_name_that_is_none_is_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
