// Tests how pop3d fetches messages: ahead of its client, whole or in files; and how a session gives
// its maildrop to another one.
#include "tests/unit/pop3_process.h"

#include <set>

namespace {

using namespace letterlock;
using namespace letterlock::test;

std::vector<Pop3Process::Message> many_messages(std::uint32_t count) {
  std::vector<Pop3Process::Message> messages;
  for (std::uint32_t i = 0; i < count; ++i)
    messages.push_back({100, "id-" + std::to_string(i)});
  return messages;
}

std::string content_of(std::uint32_t index) {
  return "Subject: " + std::to_string(index) + "\n\nbody\n";
}
std::string reply_of(std::uint32_t index) {
  return "+OK " + std::to_string(index) + " octets\r\nSubject: " + std::to_string(index) +
         "\r\n\r\nbody\r\n.\r\n";
}

// A session of a maildrop, and queued's part in it.
struct Scene {
  explicit Scene(std::uint32_t count) { client = pop3.log_in(many_messages(count), session); }

  // Takes what is asked for, and answers it.
  void answer(std::uint32_t index) {
    const auto open = pop3.queued->take<ipc::OpenMessage>();
    assert_int_equal(open.index, index);
    asked.insert(index);
    pop3.send_content(session, index, content_of(index), index);
  }
  void answer_all() {
    while (pop3.queued->waiting<ipc::OpenMessage>() > 0) {
      const auto index = pop3.queued->take<ipc::OpenMessage>().index;
      assert_true(asked.insert(index).second);
      pop3.send_content(session, index, content_of(index), index);
    }
  }

  Pop3Process pop3;
  std::uint64_t session = 0;
  std::unique_ptr<TcpClient> client;
  std::set<std::uint32_t> asked;
};

void the_next_message_is_there_before_it_is_asked_for(void**) {
  Scene scene(100);
  scene.client->send("RETR 1\r\n");
  scene.answer(0);
  scene.client->expect(reply_of(0));
  scene.answer(1);
  // queued is not needed for this one any more.
  scene.client->ask("RETR 2\r\n", reply_of(1));
  scene.answer(2);
  scene.answer(3);
  scene.client->ask("RETR 3\r\n", reply_of(2));
}

void every_message_is_asked_for_once(void**) {
  constexpr std::uint32_t count = 200;
  Scene scene(count);
  for (std::uint32_t index = 0; index < count; ++index) {
    scene.client->send("RETR " + std::to_string(index + 1) + "\r\n");
    const std::string expected = reply_of(index);
    wait_until(scene.pop3.loop, [&] {
      scene.answer_all();
      return scene.client->received.size() >= expected.size();
    });
    scene.client->expect(expected);
  }
  scene.client->ask("NOOP\r\n", "+OK\r\n");
  assert_int_equal(scene.asked.size(), count);
}

void what_is_pipelined_is_asked_for_at_once(void**) {
  Scene scene(100);
  scene.client->send("RETR 9\r\nRETR 80\r\nNOOP\r\nRETR 3\r\nQUIT\r\n");
  wait_until(scene.pop3.loop, [&] { return scene.pop3.queued->waiting<ipc::OpenMessage>() == 3; });
  // Answered in another order, replied to in this one.
  for (const std::uint32_t index : {2u, 79u, 8u})
    scene.pop3.send_content(scene.session, index, content_of(index), index);
  scene.client->expect(reply_of(8) + reply_of(79) + "+OK\r\n" + reply_of(2) + "+OK goodbye\r\n");
  scene.client->expect_end();
}

void many_short_replies_leave_in_one_write(void**) {
  Scene scene(100);
  std::string commands, replies;
  for (std::uint32_t index = 0; index < 20; ++index) {
    commands += "RETR " + std::to_string(index + 1) + "\r\n";
    replies += reply_of(index);
  }
  scene.client->pause_reading(true);
  scene.client->send(commands);
  wait_until(scene.pop3.loop, [&] { return scene.pop3.queued->waiting<ipc::OpenMessage>() >= 20; });
  scene.answer_all();
  scene.client->pause_reading(false);
  // The first reading that sees anything sees all.
  wait_until(scene.pop3.loop, [&] { return !scene.client->received.empty(); });
  assert_text_equal(scene.client->received, replies);
}

// The command waits in the connection, and is taken up when the message has left.
void what_stands_behind_a_long_message_is_answered(void**) {
  Scene scene(100);
  scene.client->send("RETR 1\r\nNOOP\r\n");
  scene.pop3.queued->take<ipc::OpenMessage>();
  scene.pop3.send_file(scene.session, 0, "\n" + std::string(200'000, 'x') + "\n", 7);
  scene.client->expect("+OK 7 octets\r\n\r\n" + std::string(200'000, 'x') + "\r\n.\r\n+OK\r\n");
}

void files_and_contents_take_turns(void**) {
  Scene scene(100);
  const std::string stored = "A: 1\n\n" + std::string(100'000, 'x') + "\n";
  const std::string sent = "A: 1\r\n\r\n" + std::string(100'000, 'x') + "\r\n.\r\n";
  scene.client->send("RETR 1\r\n");
  scene.pop3.queued->take<ipc::OpenMessage>();
  scene.pop3.send_file(scene.session, 0, stored, 7);
  scene.client->expect("+OK 7 octets\r\n" + sent);
  scene.pop3.queued->take<ipc::OpenMessage>();
  const int before = count_descriptors();
  scene.pop3.send_file(scene.session, 1, stored, 8);
  wait_until(scene.pop3.loop, [&] { return count_descriptors() > before; });
  scene.client->ask("RETR 2\r\n", "+OK 8 octets\r\n" + sent);
  scene.pop3.queued->take<ipc::OpenMessage>(); // one, while they are long
  scene.pop3.send_content(scene.session, 2, content_of(2), 2);
  scene.client->ask("RETR 3\r\n", reply_of(2));
  assert_true(scene.pop3.queued->take<ipc::OpenMessage>().index == 3);
  scene.pop3.send_content(scene.session, 3, "", 0);
  scene.client->ask("RETR 4\r\n", "+OK 0 octets\r\n.\r\n");
  assert_int_equal(count_descriptors(), before);
}

// With many others it could not be had, on its own it can.
void what_failed_ahead_is_asked_for_again(void**) {
  Scene scene(100);
  scene.client->send("RETR 1\r\n");
  scene.answer(0);
  scene.client->expect(reply_of(0));
  scene.pop3.queued->take<ipc::OpenMessage>();
  scene.client->send("RETR 2\r\n");
  scene.client->ask("", "");
  scene.pop3.queued->link.send(
      ipc::MessageUnavailable{scene.session, 1, ipc::MessageFault::temporary});
  wait_until(scene.pop3.loop, [&] { return scene.pop3.queued->waiting<ipc::OpenMessage>() > 0; });
  bool asked_again = false;
  while (!asked_again)
    asked_again = scene.pop3.queued->take<ipc::OpenMessage>().index == 1;
  scene.pop3.send_content(scene.session, 1, content_of(1), 1);
  scene.client->expect(reply_of(1));
}

void what_is_gone_is_told_from_ahead(void**) {
  Scene scene(100);
  scene.client->send("RETR 1\r\n");
  scene.answer(0);
  scene.client->expect(reply_of(0));
  scene.pop3.queued->take<ipc::OpenMessage>();
  scene.pop3.queued->link.send(ipc::MessageUnavailable{scene.session, 1, ipc::MessageFault::gone});
  scene.client->ask("RETR 2\r\n", "-ERR [SYS/PERM] the message is no longer there\r\n");
}

void losing_queued_forgets_what_is_ahead(void**) {
  Scene scene(100);
  scene.client->send("RETR 1\r\n");
  scene.answer(0);
  scene.client->expect(reply_of(0));
  scene.answer(1);
  scene.pop3.lose_queued();
  scene.pop3.connect_queued();
  scene.client->ask("RETR 2\r\n", "-ERR [SYS/TEMP] the message cannot be read now, try later\r\n"
                                  "-ERR [SYS/TEMP] the server ends this session\r\n");
  scene.client->expect_end();
}

// ---- Giving way

void a_session_that_was_heard_of_keeps_its_maildrop(void**) {
  Scene scene(2);
  scene.pop3.queued->link.send(ipc::MaildropWanted{scene.session});
  assert_int_equal(scene.pop3.queued->take<ipc::MaildropKept>().session, scene.session);
  scene.client->ask("NOOP\r\n", "+OK\r\n");
  // One that nobody has is closed.
  scene.pop3.queued->link.send(ipc::MaildropWanted{999});
  assert_int_equal(scene.pop3.queued->take<ipc::CloseMaildrop>().session, 999);
}

// A session that is silent as soon as it is asked: over a socketpair, by itself.
struct SilentSession {
  explicit SilentSession(pop3d::Terms terms = terms_of_silence()) : backend(context) {
    auto [authd_ours, authd_theirs] = make_socketpair();
    auto [queued_ours, queued_theirs] = make_socketpair();
    auto [near, far] = make_socketpair();
    authd.emplace(context.loop, std::move(authd_ours));
    queued.emplace(context.loop, std::move(queued_ours));
    backend.connect(ipc::Peer{Role::authd, 0, 1}, std::move(authd_theirs));
    backend.connect(ipc::Peer{Role::queued, 0, 2}, std::move(queued_theirs));
    client = std::move(near);
    ::fcntl(far.get(), F_SETFL, O_NONBLOCK);
    session = std::make_unique<pop3d::SessionAdapter>(
        context, backend, ahead, terms, pop3d::Client{.socket = std::move(far), .address = "here"},
        [this] {
          ended = true;
          session.reset();
        });
  }
  static pop3d::Terms terms_of_silence() {
    pop3d::Terms terms;
    terms.hostname = "pop.example";
    terms.insecure_auth = true;
    terms.silence = std::chrono::milliseconds(0);
    return terms;
  }
  void log_in() {
    send("USER joe\r\nPASS x\r\n");
    const auto login = authd->take<ipc::Login>();
    ticket = login.session;
    authd->link.send(ipc::LoginAnswer{ticket, ipc::LoginOutcome::granted, Id128::random()});
    queued->take<ipc::OpenMaildrop>();
    queued->link.send(ipc::MaildropOpened{ticket, ipc::MaildropOutcome::open, 2, 10});
    expect("maildrop has 2");
  }
  // Asks on and on until the server has had enough.
  void chatter() {
    wait_until(context.loop, [&] {
      constexpr std::string_view question = "CAPA\r\n";
      char buffer[4096];
      const ssize_t count = ::recv(client.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (count > 0)
        static_cast<void>(
            ::send(client.get(), question.data(), question.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
      return count == 0;
    });
    client.reset();
    wait_until(context.loop, [this] { return ended; });
  }
  void send(std::string_view text) {
    assert_int_equal(::send(client.get(), text.data(), text.size(), 0), text.size());
  }
  void expect(std::string_view part) {
    wait_until(context.loop, [&] {
      char buffer[4096];
      const ssize_t count = ::recv(client.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (count > 0)
        received.append(buffer, static_cast<std::size_t>(count));
      return received.find(part) != std::string::npos;
    });
  }

  pop3d::Context context;
  pop3d::Backend backend;
  pop3d::AheadBudget ahead;
  std::optional<PeerEnd<Role::authd>> authd;
  std::optional<PeerEnd<Role::queued>> queued;
  UniqueFd client;
  std::unique_ptr<pop3d::SessionAdapter> session;
  std::uint64_t ticket = 0;
  std::string received;
  bool ended = false;
};

void a_silent_session_gives_way_and_removes_nothing(void**) {
  SilentSession scene;
  scene.log_in();
  scene.send("DELE 1\r\n");
  scene.queued->take<ipc::ListMessages>();
  ipc::MessageSizes sizes{scene.ticket, 0, {}};
  assert_true(sizes.sizes.push(5) && sizes.sizes.push(5));
  scene.queued->link.send(sizes);
  scene.expect("+OK message 1 deleted\r\n");
  scene.queued->link.send(ipc::MaildropWanted{scene.ticket});
  assert_int_equal(scene.queued->take<ipc::CloseMaildrop>().session, scene.ticket);
  wait_until(scene.context.loop, [&] { return scene.ended; });
  assert_int_equal(scene.queued->waiting<ipc::Expunge>(), 0);
  assert_int_equal(scene.queued->waiting<ipc::MaildropKept>(), 0);
}

void a_session_with_work_under_way_does_not_give_way(void**) {
  SilentSession scene;
  scene.log_in();
  scene.send("RETR 1\r\n");
  scene.queued->take<ipc::OpenMessage>();
  scene.queued->link.send(ipc::MaildropWanted{scene.ticket});
  assert_int_equal(scene.queued->take<ipc::MaildropKept>().session, scene.ticket);
  assert_false(scene.ended);
}

void who_never_logs_in_has_an_end(void**) {
  auto terms = SilentSession::terms_of_silence();
  terms.before_login = std::chrono::milliseconds(50);
  SilentSession(terms).chatter();
}

void a_session_has_an_end_that_removes_nothing(void**) {
  auto terms = SilentSession::terms_of_silence();
  terms.altogether = std::chrono::milliseconds(50);
  SilentSession scene(terms);
  scene.log_in();
  scene.send("NOOP\r\n");
  scene.chatter();
  assert_int_equal(scene.queued->take<ipc::CloseMaildrop>().session, scene.ticket);
  assert_int_equal(scene.queued->waiting<ipc::Expunge>(), 0);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_next_message_is_there_before_it_is_asked_for),
      cmocka_unit_test(every_message_is_asked_for_once),
      cmocka_unit_test(what_is_pipelined_is_asked_for_at_once),
      cmocka_unit_test(many_short_replies_leave_in_one_write),
      cmocka_unit_test(what_stands_behind_a_long_message_is_answered),
      cmocka_unit_test(files_and_contents_take_turns),
      cmocka_unit_test(what_failed_ahead_is_asked_for_again),
      cmocka_unit_test(what_is_gone_is_told_from_ahead),
      cmocka_unit_test(losing_queued_forgets_what_is_ahead),
      cmocka_unit_test(a_session_that_was_heard_of_keeps_its_maildrop),
      cmocka_unit_test(a_silent_session_gives_way_and_removes_nothing),
      cmocka_unit_test(a_session_with_work_under_way_does_not_give_way),
      cmocka_unit_test(who_never_logs_in_has_an_end),
      cmocka_unit_test(a_session_has_an_end_that_removes_nothing),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
