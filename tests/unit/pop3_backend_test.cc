// Tests what pop3d's Backend does when a link takes no more: requests wait, and go on in order.
#include "tests/unit/pop3_process.h"

#include <numeric>

namespace {

using namespace letterlock;
using namespace letterlock::test;
using pop3d::Backend;

// Sends one request as soon as there is room.
class WaitingClient : public pop3d::BackendClient {
public:
  explicit WaitingClient(Backend& backend) : backend_(backend), ticket(backend.enter(*this)) {}
  ~WaitingClient() override { backend_.leave(ticket, false); }

  Backend::Sent try_to_send() { return outcome = backend_.send(ipc::OpenMessage{ticket, 7}); }

  void link_has_room() override { try_to_send(); }
  void login_answered(ipc::LoginOutcome, const Id128&) override { login_was_answered = true; }
  void maildrop_opened(const ipc::MaildropOpened&) override {}
  void sizes_listed(std::uint32_t, std::span<const std::uint64_t>) override {}
  void uidls_listed(std::uint32_t, std::span<const std::string_view>) override {}
  void message_arrived(std::uint32_t, pop3d::MessageResult) override {}
  void maildrop_wanted() override {}
  void expunged(const Id128&, bool) override {}
  void authd_lost() override {}
  void queued_lost() override { lost = true; }
  void queued_is_back() override { back = true; }

private:
  Backend& backend_;

public:
  const pop3d::Ticket ticket;
  Backend::Sent outcome = Backend::Sent::away;
  bool login_was_answered = false;
  bool lost = false;
  bool back = false;
};

void full_link_makes_requests_wait(void**) {
  pop3d::Context context;
  Backend backend(context);
  WaitingClient first(backend), second(backend);
  assert_true(first.try_to_send() == Backend::Sent::away);

  auto [queued_end, pop3_end] = make_socketpair();
  backend.connect(ipc::Peer{Role::queued, 0, 1}, std::move(pop3_end));
  assert_true(first.back && second.back);
  // The whole of the largest maildrop fits; what comes after it waits.
  std::vector<std::uint32_t> indices(pop3::max_messages);
  std::iota(indices.begin(), indices.end(), 0u);
  const Id128 transaction = Id128::random();
  assert_true(backend.send_expunge(first.ticket, transaction, indices) == Backend::Sent::sent);
  assert_true(first.try_to_send() == Backend::Sent::full);
  assert_true(second.try_to_send() == Backend::Sent::full);
  {
    WaitingClient gone(backend);
    assert_true(gone.try_to_send() == Backend::Sent::full);
  }

  PeerEnd<Role::queued> queued(context.loop, std::move(queued_end));
  for (std::uint32_t next = 0; next < pop3::max_messages;) {
    const auto part = queued.take<ipc::Expunge>();
    for (const std::uint32_t index : part.indices.values())
      assert_int_equal(index, next++);
    assert_int_equal(part.last, next == pop3::max_messages);
  }
  assert_int_equal(queued.take<ipc::OpenMessage>().session, first.ticket);
  assert_int_equal(queued.take<ipc::OpenMessage>().session, second.ticket);
  assert_true(first.outcome == Backend::Sent::sent && second.outcome == Backend::Sent::sent);
  assert_int_equal(queued.waiting<ipc::OpenMessage>(), 0);
}

// authd need not check a password for nobody; what it has answered it does not check.
void login_that_nobody_waits_for_is_given_up(void**) {
  pop3d::Context context;
  Backend backend(context);
  auto [authd_end, pop3_end] = make_socketpair();
  backend.connect(ipc::Peer{Role::authd, 0, 1}, std::move(pop3_end));
  PeerEnd<Role::authd> authd(context.loop, std::move(authd_end));
  pop3d::Ticket answered = 0, given_up = 0;
  {
    WaitingClient first(backend), second(backend);
    const auto log_in = [&](pop3d::Ticket ticket) {
      const ipc::Login login{ticket, "joe", *ipc::PasswordSecret::from("x"), "192.0.2.1"};
      assert_true(backend.send(login) == Backend::Sent::sent);
      assert_int_equal(authd.take<ipc::Login>().session, ticket);
      return ticket;
    };
    answered = log_in(first.ticket);
    given_up = log_in(second.ticket);
    authd.link.send(ipc::LoginAnswer{answered, ipc::LoginOutcome::refused, {}});
    wait_until(context.loop, [&] { return first.login_was_answered; });
  }
  assert_int_equal(authd.take<ipc::LoginGivenUp>().session, given_up);
  assert_int_equal(authd.waiting<ipc::LoginGivenUp>(), 0);
}

void tickets_are_never_used_twice(void**) {
  pop3d::Context context;
  Backend backend(context);
  const auto ticket = WaitingClient(backend).ticket;
  assert_true(WaitingClient(backend).ticket > ticket);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(full_link_makes_requests_wait),
      cmocka_unit_test(login_that_nobody_waits_for_is_given_up),
      cmocka_unit_test(tickets_are_never_used_twice),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
