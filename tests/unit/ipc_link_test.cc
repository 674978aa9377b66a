// Links in a loop: typed delivery, batching, descriptors, back-pressure, breaches, calls with a
// deadline.
#include "common/ipc/caller.h"
#include "common/ipc/link.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdio>
#include <string>
#include <thread>
#include <vector>

using namespace letterlock;
using namespace letterlock::ipc;

namespace {

struct Sockets {
  UniqueFd a, b;
  Sockets() {
    int fds[2];
    assert_int_equal(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    a = UniqueFd(fds[0]);
    b = UniqueFd(fds[1]);
  }
};

struct QueuedSide {
  std::vector<std::string> seen;
  Link<Role::queued, Role::smtpd>* link = nullptr;
  void on(const Begin& m) { seen.push_back("Begin " + std::string(m.reverse_path.view())); }
  void on(const Recipient& m) { seen.push_back("Recipient " + std::string(m.address.view())); }
  void on(const Content& m) { seen.push_back("Content " + std::string(as_text(m.part.bytes()))); }
  void on(const Commit& m) {
    seen.push_back("Commit");
    link->send(Committed{m.transaction, CommitOutcome::durable});
  }
  void on(const ScratchRequest&) { seen.push_back("ScratchRequest"); }
  void on(const ScratchReturned&) { seen.push_back("ScratchReturned"); }
};

struct SmtpdSide {
  std::vector<std::string> seen;
  UniqueFd file;
  void on(const Committed&) { seen.push_back("Committed"); }
  void on(const ScratchLeased&, UniqueFd fd) {
    seen.push_back("ScratchLeased");
    file = std::move(fd);
  }
  void on(const ScratchExtended&) { seen.push_back("ScratchExtended"); }
  void on(const ScratchRefused&) { seen.push_back("ScratchRefused"); }
  void on(const Serving&) { seen.push_back("Serving"); }
  void on(const AccountRoom&) { seen.push_back("AccountRoom"); }
};

struct TwoEnds {
  io::Loop loop;
  Sockets sockets;
  QueuedSide queued;
  SmtpdSide smtpd;
  std::string queued_closed = "open", smtpd_closed = "open";
  Link<Role::queued, Role::smtpd> at_queued{
      loop, std::move(sockets.a), queued, [this](const std::string& why) { queued_closed = why; }};
  Link<Role::smtpd, Role::queued> at_smtpd{loop, std::move(sockets.b), smtpd,
                                           [this](const std::string& why) { smtpd_closed = why; }};
  TwoEnds() { queued.link = &at_queued; }

  template <class Condition> void turn_until(Condition condition) {
    for (int i = 0; i < 1000 && !condition(); ++i)
      loop.turn();
    assert_true(condition());
  }
};

void messages_arrive_in_order_and_are_answered(void**) {
  TwoEnds ends;
  Begin begin;
  begin.reverse_path = "a@example.org";
  ends.at_smtpd.send(begin);
  ends.at_smtpd.send(Recipient{1, "b@example.com"});
  ends.at_smtpd.send(Content{*Blob<content_part_max>::of(as_bytes("hello"))});
  ends.at_smtpd.send(Commit{});
  ends.turn_until([&] { return !ends.smtpd.seen.empty(); });
  const std::vector<std::string> expected = {"Begin a@example.org", "Recipient b@example.com",
                                             "Content hello", "Commit"};
  assert_true(ends.queued.seen == expected);
  assert_text_equal(ends.smtpd.seen[0], "Committed");
}

void a_descriptor_arrives_with_its_message(void**) {
  TwoEnds ends;
  std::FILE* const file = std::tmpfile();
  assert_non_null(file);
  struct stat sent {
  }, received{};
  assert_int_equal(::fstat(::fileno(file), &sent), 0);
  ends.at_queued.send(Committed{});
  ends.at_queued.send(ScratchLeased{1, 1, 1},
                      UniqueFd(::fcntl(::fileno(file), F_DUPFD_CLOEXEC, 0)));
  ends.at_queued.send(Committed{});
  std::fclose(file);
  ends.turn_until([&] { return ends.smtpd.seen.size() == 3; });
  assert_int_equal(::fstat(ends.smtpd.file.get(), &received), 0);
  assert_true(sent.st_ino == received.st_ino && sent.st_dev == received.st_dev);
}

void a_message_without_its_descriptor_is_not_sent(void**) {
  TwoEnds ends;
  assert_false(ends.at_queued.send(ScratchLeased{}, UniqueFd()));
  assert_text_equal(ends.smtpd_closed, "open");
}

void garbage_closes_the_link_and_nothing_else(void**) {
  io::Loop loop;
  Sockets sockets;
  QueuedSide queued;
  std::string closed = "open";
  Link<Role::queued, Role::smtpd> link(loop, std::move(sockets.a), queued,
                                       [&](const std::string& why) { closed = why; });
  const std::string garbage(100, '\xee');
  assert_int_equal(::send(sockets.b.get(), garbage.data(), garbage.size(), 0), 100);
  for (int i = 0; i < 10 && closed == "open"; ++i)
    loop.turn();
  assert_text_equal(closed, "unknown message type 61166");
  assert_true(link.closed());
  assert_false(link.send(Committed{}));
}

void half_a_message_waits_and_its_end_closes_the_link(void**) {
  io::Loop loop;
  Sockets sockets;
  QueuedSide queued;
  std::string closed = "open";
  Link<Role::queued, Role::smtpd> link(loop, std::move(sockets.a), queued,
                                       [&](const std::string& why) { closed = why; });
  Buffer frame;
  write_frame(frame, Recipient{1, "b@example.com"}, 0);
  assert_true(::send(sockets.b.get(), frame.data(), frame.size() - 1, 0) > 0);
  loop.turn();
  assert_true(queued.seen.empty());
  sockets.b.reset();
  for (int i = 0; i < 10 && closed == "open"; ++i)
    loop.turn();
  assert_text_equal(closed, "");
  assert_true(queued.seen.empty());
}

void a_message_that_is_not_routed_closes_the_link(void**) {
  io::Loop loop;
  Sockets sockets;
  QueuedSide queued;
  std::string closed = "open";
  Link<Role::queued, Role::smtpd> link(loop, std::move(sockets.a), queued,
                                       [&](const std::string& why) { closed = why; });
  Buffer frame;
  write_frame(frame, Grant{}, 0); // authd may say this to queued, smtpd may not
  assert_true(::send(sockets.b.get(), frame.data(), frame.size(), 0) > 0);
  for (int i = 0; i < 10 && closed == "open"; ++i)
    loop.turn();
  assert_text_equal(closed, "message Grant refused");
}

void a_repeated_frame_closes_the_link(void**) {
  io::Loop loop;
  Sockets sockets;
  QueuedSide queued;
  std::string closed = "open";
  Link<Role::queued, Role::smtpd> link(loop, std::move(sockets.a), queued,
                                       [&](const std::string& why) { closed = why; });
  Buffer frames;
  write_frame(frames, ScratchReturned{}, 0);
  write_frame(frames, ScratchReturned{}, 0);
  assert_true(::send(sockets.b.get(), frames.data(), frames.size(), 0) > 0);
  for (int i = 0; i < 10 && closed == "open"; ++i)
    loop.turn();
  assert_text_equal(closed, "frame out of sequence");
  assert_int_equal(queued.seen.size(), 1);
}

void a_peer_that_does_not_read_makes_the_link_full_and_then_closes_it(void**) {
  io::Loop loop;
  Sockets sockets;
  SmtpdSide smtpd;
  std::string closed = "open";
  Link<Role::smtpd, Role::queued> link(loop, std::move(sockets.a), smtpd,
                                       [&](const std::string& why) { closed = why; });
  const std::string part(content_part_max, 'x');
  const Content content{*Blob<content_part_max>::of(as_bytes(part))};
  std::size_t sent = 0;
  while (!link.full()) {
    assert_true(link.send(content));
    sent += part.size();
  }
  assert_in_range(sent, Channel::high_water, 2 * Channel::high_water);
  while (link.send(content))
    sent += part.size();
  // The limit counts the headers of the frames as well.
  assert_in_range(sent, Channel::hard_limit - Channel::high_water, 2 * Channel::hard_limit);
  loop.turn();
  assert_text_equal(closed, "the peer does not read");
}

void a_full_link_says_when_it_is_drained(void**) {
  TwoEnds ends;
  bool drained = false;
  const std::string part(content_part_max, 'x');
  while (!ends.at_smtpd.full())
    ends.at_smtpd.send(Content{*Blob<content_part_max>::of(as_bytes(part))});
  ends.at_smtpd.when_drained([&] { drained = true; });
  ends.turn_until([&] { return drained; });
  assert_false(ends.at_smtpd.full());
}

struct KeydSide {
  Link<Role::keyd, Role::smtpd>* link = nullptr;
  bool answer_late_first = false;
  void on(const Sign& sign) {
    if (answer_late_first)
      link->send(Signed{sign.request - 1, {}});
    link->send(Signed{sign.request, *Blob<1024>::of(as_bytes("signature"))});
  }
};

void a_call_returns_its_own_answer(void**) {
  Sockets sockets;
  Caller<Role::smtpd, Role::keyd> caller(std::move(sockets.a));
  std::thread keyd([socket = std::move(sockets.b)]() mutable {
    io::Loop loop;
    KeydSide side;
    side.answer_late_first = true;
    Link<Role::keyd, Role::smtpd> link(loop, std::move(socket), side,
                                       [&](const std::string&) { loop.stop(); });
    side.link = &link;
    loop.run();
  });
  std::string signature;
  for (std::uint64_t request = 7; request < 10; ++request) {
    signature.clear();
    Sign sign;
    sign.request = request;
    const bool answered =
        caller.call<Signed>(sign, std::chrono::seconds(10), [&](const Signed& answer) {
          if (answer.request != request)
            return false;
          signature = as_text(answer.signature.bytes());
          return true;
        });
    assert_true(answered);
    assert_text_equal(signature, "signature");
  }
  caller = Caller<Role::smtpd, Role::keyd>(UniqueFd());
  keyd.join();
}

void a_call_gives_up_at_its_deadline(void**) {
  Sockets sockets;
  Caller<Role::smtpd, Role::keyd> caller(std::move(sockets.a));
  assert_false(caller.call<Signed>(Sign{}, std::chrono::milliseconds(20),
                                   [](const Signed&) { return true; }));
}

void a_call_to_a_peer_that_is_gone_fails_at_once(void**) {
  Sockets sockets;
  Caller<Role::smtpd, Role::keyd> caller(std::move(sockets.a));
  sockets.b.reset();
  assert_false(
      caller.call<Signed>(Sign{}, std::chrono::hours(1), [](const Signed&) { return true; }));
  assert_false(
      caller.call<Signed>(Sign{}, std::chrono::hours(1), [](const Signed&) { return true; }));
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(messages_arrive_in_order_and_are_answered),
      cmocka_unit_test(a_descriptor_arrives_with_its_message),
      cmocka_unit_test(a_message_without_its_descriptor_is_not_sent),
      cmocka_unit_test(garbage_closes_the_link_and_nothing_else),
      cmocka_unit_test(half_a_message_waits_and_its_end_closes_the_link),
      cmocka_unit_test(a_message_that_is_not_routed_closes_the_link),
      cmocka_unit_test(a_repeated_frame_closes_the_link),
      cmocka_unit_test(a_peer_that_does_not_read_makes_the_link_full_and_then_closes_it),
      cmocka_unit_test(a_full_link_says_when_it_is_drained),
      cmocka_unit_test(a_call_returns_its_own_answer),
      cmocka_unit_test(a_call_gives_up_at_its_deadline),
      cmocka_unit_test(a_call_to_a_peer_that_is_gone_fails_at_once),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
