// Messages whose link to queued is lost: what is waited for, and what is given up.
#include "common/ipc/channel.h"
#include "tests/unit/smtp_scene.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <vector>

#include "tests/unit/check.h" // last: its fail() is a macro

using namespace letterlock;
using namespace letterlock::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t large = 256 * 1024; // goes through a scratch file

void pass(SmtpScene& scene, std::chrono::milliseconds time) {
  bool is_over = false;
  io::Timer later(scene.context.loop, [&] { is_over = true; });
  later.start(time);
  scene.until([&] { return is_over; });
}

// The link was lost a while ago; the next one is there, and has not answered yet.
void relink_to_a_slow_one(SmtpScene& scene) {
  scene.lose_queued();
  pass(scene, 400ms);
  scene.queued.answers_scratch = false;
  scene.queued.requests.clear();
  scene.connect_queued();
}

void answer_at_last(SmtpScene& scene) {
  scene.queued.answer_scratch(scene.queued.requests.at(0));
  scene.queued.answers_scratch = true;
}

void a_large_message_that_was_sent_is_waited_for_on_the_next_link(void**) {
  SmtpScene scene({.relink = 800ms});
  scene.queued.answer = std::nullopt;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 ");
  client->send(body_of(large) + ".\r\n");
  scene.until([&] { return scene.queued.messages.size() == 1; });
  client->wire.clear();
  relink_to_a_slow_one(scene);
  pass(scene, 700ms); // with the time without a link, more than is waited for one
  assert_false(client->closed);
  answer_at_last(scene);
  scene.until([&] { return scene.queued.messages.size() == 2; });
  scene.queued.commit_outcome(scene.queued.messages[1].transaction, ipc::CommitOutcome::durable);
  scene.expect(*client, "250 2.0.0 Accepted ");
}

void a_large_message_that_is_being_received_is_waited_for_on_the_next_link(void**) {
  SmtpScene scene({.relink = 800ms});
  auto client = scene.client_in_data();
  scene.expect(*client, "354 End data with <CR><LF>.<CR><LF>\r\n");
  client->send(body_of(large));
  scene.until([&] { return scene.queued.leases() == 1 && client->all_sent(); });
  relink_to_a_slow_one(scene);
  client->send(".\r\n");
  pass(scene, 700ms);
  assert_text_equal(client->wire, "");
  answer_at_last(scene);
  scene.expect(*client, "250 2.0.0 Accepted ");
}

// Links that are lost before it was sent on them count for nothing.
void links_that_never_had_a_message_do_not_count(void**) {
  SmtpScene scene;
  scene.queued.answer = std::nullopt;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 ");
  client->send(body_of(large) + ".\r\n");
  for (std::size_t sent = 1; sent <= 2; ++sent) {
    scene.until([&] { return scene.queued.messages.size() == sent; });
    scene.lose_queued();
    scene.queued.answers_scratch = false;
    for (int i = 0; i < 5; ++i) {
      scene.queued.requests.clear();
      scene.connect_queued();
      scene.until([&] { return !scene.queued.requests.empty(); });
      scene.lose_queued();
    }
    scene.queued.answers_scratch = true;
    if (sent == 2)
      scene.queued.answer = ipc::CommitOutcome::durable;
    scene.connect_queued();
  }
  scene.expect(*client, "250 2.0.0 Accepted ");
  assert_int_equal(scene.queued.messages.size(), 3);
}

// A queued that cannot start has links, too, and ends without a look at what was sent.
void links_that_queued_never_read_do_not_count(void**) {
  SmtpScene scene;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 End data with <CR><LF>.<CR><LF>\r\n");
  scene.lose_queued();
  client->send("x\r\n.\r\n");
  for (int start = 0; start < 4; ++start) {
    SocketPair pair;
    const int before = scene.parent.lost_links;
    scene.service.connect(ipc::Peer{Role::queued, 0, ++scene.serial}, std::move(pair.b));
    // Something of the message is in the socket.
    char first = '\0';
    scene.until([&] { return ::recv(pair.a.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1; });
    pair.a = UniqueFd();
    scene.until([&] { return scene.parent.lost_links == before + 1; });
  }
  scene.connect_queued();
  scene.expect(*client, "250 2.0.0 Accepted ");
}

// queued serves, reads some and ends, all between two turns of smtpd, which has more to write than
// the link takes and so meets the end while it writes.
void a_link_that_ends_while_it_is_full_counts(void**) {
  constexpr std::size_t many = 9;
  SmtpScene scene;
  scene.queued.answer = std::nullopt;
  std::vector<std::unique_ptr<SmtpClient>> clients;
  for (std::size_t i = 0; i < many; ++i) {
    clients.push_back(scene.client_in_data());
    scene.expect(*clients.back(), "354 End data with <CR><LF>.<CR><LF>\r\n");
    clients.back()->send(body_of(56 * 1024) + ".\r\n");
  }
  scene.until([&] { return scene.queued.messages.size() == many; });
  scene.lose_queued(); // the first that counts
  for (int loss = 2; loss <= 3; ++loss) {
    SocketPair pair;
    const int before = scene.parent.lost_links;
    scene.service.connect(ipc::Peer{Role::queued, 0, ++scene.serial}, std::move(pair.b));
    ipc::Channel channel(std::move(pair.a));
    int waiting = 0;
    scene.until(
        [&] { return ::ioctl(channel.fd(), FIONREAD, &waiting) == 0 && waiting >= 64 * 1024; });
    assert_true(channel.queue(ipc::Serving{}));
    assert_true(channel.flush() == ipc::Channel::Flushed::all);
    std::string some(1 << 20, '\0');
    while (::recv(channel.fd(), some.data(), some.size(), MSG_DONTWAIT) > 0) {
    }
    channel = ipc::Channel(UniqueFd());
    scene.until([&] { return scene.parent.lost_links == before + 1; });
  }
  scene.connect_queued();
  scene.until([&] {
    return std::any_of(clients.begin(), clients.end(),
                       [](const auto& client) { return client->closed; });
  });
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_large_message_that_was_sent_is_waited_for_on_the_next_link),
      cmocka_unit_test(a_large_message_that_is_being_received_is_waited_for_on_the_next_link),
      cmocka_unit_test(links_that_never_had_a_message_do_not_count),
      cmocka_unit_test(links_that_queued_never_read_do_not_count),
      cmocka_unit_test(a_link_that_ends_while_it_is_full_counts),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
