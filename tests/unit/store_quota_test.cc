// Quotas over the whole store: what is refused, and when there is room again.
#include "tests/unit/store_support.h"

#include <map>

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

constexpr AccountId main_account{1}, alice{2};

struct Fixture {
  TemporaryDirectory directory;
  UniqueFd root = directory.open();
  RecordingFileSystem files{root.get()};
  std::map<AccountId, std::optional<std::uint64_t>> rooms; // as they were told last
  std::optional<StoreUnderTest> store;
  std::uint8_t last = 0;
  std::chrono::milliseconds recount = MaildropKeeperOptions().recount_period;

  Fixture() {
    open();
    assert_true((*store).resolve({"main", "alice"}).has_value());
  }
  void open() {
    auto options = StoreUnderTest::default_options();
    options.room_changed = [this](const AccountRoom& room) { rooms[room.account] = room.bytes; };
    options.keeping.recount_period = recount;
    store.emplace(directory, files, options);
  }
  MessageStore& engine() { return *store->operator->(); }

  // SIZE is that of each stored file.
  CommitStatus commit(std::size_t size, std::vector<std::uint32_t> accounts = {1}) {
    const std::string text(size - head_for(accounts[0]).size() - 1, 'x');
    return store->commit(delivery(transaction(++last), text + '\n', std::move(accounts)));
  }
  void assert_commits(CommitStatus expected, std::size_t size,
                      std::vector<std::uint32_t> accounts = {1}) {
    const auto status = commit(size, std::move(accounts));
    if (status != expected)
      fail_msg("message %u was answered %d, not %d", last, static_cast<int>(status),
               static_cast<int>(expected));
  }
  std::size_t stored(std::uint32_t account = 1) {
    return (*store->list(account))->messages().size();
  }
  // With new rules the store keeps the clock, with a sync of its own, which is not the one to fail.
  void wait_for_clock() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!std::filesystem::exists(directory.path() / "clock")) {
      if (std::chrono::steady_clock::now() > deadline)
        fail_msg("no clock was kept");
      ::poll(nullptr, 0, 1);
    }
  }
  // Until the store has told that.
  void wait_for_room(AccountId account, std::optional<std::uint64_t> bytes) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      const auto told = rooms.find(account);
      if (told != rooms.end() && told->second == bytes)
        return;
      if (std::chrono::steady_clock::now() > deadline)
        fail_msg("account %u has %lld octets of room", static_cast<unsigned>(account),
                 told == rooms.end() || !told->second ? -1LL
                                                      : static_cast<long long>(*told->second));
      pollfd watched{engine().completion_descriptor(), POLLIN, 0};
      ::poll(&watched, 1, 100);
      engine().drain_completions();
    }
  }
};

void a_commit_over_the_quota_is_refused_whole(void**) {
  Fixture f;
  f.engine().set_account_rules({{main_account, 1000}});
  f.assert_commits(CommitStatus::committed, 600);
  f.assert_commits(CommitStatus::over_quota, 401);
  f.assert_commits(CommitStatus::over_quota, 401, {2, 1});
  assert_int_equal(f.stored(1), 1);
  assert_int_equal(f.stored(2), 0);
  f.assert_commits(CommitStatus::committed, 400); // just fits
  f.assert_commits(CommitStatus::over_quota, 100);
  f.assert_commits(CommitStatus::committed, 5000, {2});
  f.wait_for_room(main_account, 0);
}

void a_message_that_was_refused_may_come_again(void**) {
  Fixture f;
  f.engine().set_account_rules({{main_account, 100}});
  Delivery what = delivery(transaction(9), std::string(500, 'x') + '\n');
  assert_int_equal(static_cast<int>(f.store->commit(std::move(what))),
                   static_cast<int>(CommitStatus::over_quota));
  f.engine().set_account_rules({{main_account, 10'000}});
  what = delivery(transaction(9), std::string(500, 'x') + '\n');
  what.again = true;
  assert_int_equal(static_cast<int>(f.store->commit(std::move(what))),
                   static_cast<int>(CommitStatus::committed));
}

void a_large_message_counts_and_leaves_nothing_when_it_is_refused(void**) {
  Fixture f;
  f.engine().set_account_rules({{main_account, 1'000'000}});
  f.assert_commits(CommitStatus::committed, 600'000);
  f.assert_commits(CommitStatus::over_quota, 600'000);
  assert_int_equal(f.stored(), 1);
  assert_true(f.directory.names("large").size() <= 1); // that of the first, until a checkpoint
}

void what_is_expunged_makes_room(void**) {
  Fixture f;
  f.engine().set_account_rules({{main_account, 1000}});
  f.assert_commits(CommitStatus::committed, 600);
  {
    const auto maildrop = *f.store->list();
    assert_true(f.store->expunge(*maildrop, {0}).has_value());
  }
  f.wait_for_room(main_account, 1000);
  f.assert_commits(CommitStatus::committed, 1000);
}

void what_others_remove_makes_room_at_the_next_listing(void**) {
  Fixture f;
  f.engine().set_account_rules({{main_account, 1000}});
  f.assert_commits(CommitStatus::committed, 900);
  f.store->settle();
  const auto drop = f.directory.maildir(1) / "new";
  std::filesystem::remove(drop / f.directory.names(drop).at(0));
  f.assert_commits(CommitStatus::over_quota, 900);
  f.store->settle(); // a session
  f.wait_for_room(main_account, 1000);
  f.assert_commits(CommitStatus::committed, 900);
}

void what_others_remove_makes_room_without_a_listing(void**) {
  Fixture f;
  f.store.reset();
  f.recount = std::chrono::milliseconds(5);
  f.open();
  f.engine().set_account_rules({{main_account, 1000}});
  f.assert_commits(CommitStatus::committed, 900);
  f.store->settle();
  const auto drop = f.directory.maildir(1) / "new";
  std::filesystem::remove(drop / f.directory.names(drop).at(0));
  f.wait_for_room(main_account, 1000);
}

void what_is_there_at_the_start_is_counted(void**) {
  Fixture f;
  f.assert_commits(CommitStatus::committed, 700);
  f.store->settle();
  f.directory.write(f.directory.maildir(1) / "cur" / "1.foreign,S=1,W=1:2,S",
                    std::string(200, 'y'));
  f.store.reset();
  f.open();
  f.engine().set_account_rules({{main_account, 1000}});
  f.assert_commits(CommitStatus::over_quota, 101); // the first to ask waits for the count
  f.wait_for_room(main_account, 100);
}

void the_room_is_told_without_a_commit(void**) {
  Fixture f;
  f.assert_commits(CommitStatus::committed, 700);
  f.engine().set_account_rules({{main_account, 1000}, {alice, 0}});
  f.wait_for_room(main_account, 300);
  assert_false(f.rooms.contains(alice));
  f.engine().set_account_rules({{main_account, 800}});
  f.wait_for_room(main_account, 100);
  f.engine().set_account_rules({});
  f.wait_for_room(main_account, std::nullopt);
  f.assert_commits(CommitStatus::committed, 5000);
}

// A copy that its maildrop does not take is in the journal, and counts as well.
void what_waits_in_the_journal_counts(void**) {
  Fixture f;
  f.engine().set_account_rules({{main_account, 1000}});
  f.wait_for_room(main_account, 1000);
  const auto maildir = f.directory.maildir(1);
  std::filesystem::rename(maildir / "tmp", maildir / "gone");
  f.directory.write(maildir / "tmp", "no directory");
  f.assert_commits(CommitStatus::committed, 600);
  f.assert_commits(CommitStatus::over_quota, 600);
  f.store.reset();
  f.open();
  f.engine().set_account_rules({{main_account, 1000}});
  f.assert_commits(CommitStatus::over_quota, 600);
  std::filesystem::remove(maildir / "tmp");
  std::filesystem::rename(maildir / "gone", maildir / "tmp");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (f.directory.names(maildir / "new").empty() && std::chrono::steady_clock::now() < deadline)
    ::poll(nullptr, 0, 1);
  f.assert_commits(CommitStatus::over_quota, 600);
  f.assert_commits(CommitStatus::committed, 400);
}

void a_commit_that_fails_takes_no_room(void**) {
  Fixture f;
  wait_for_spare_slot(f.directory);
  f.engine().set_account_rules({{main_account, 1000}});
  f.wait_for_clock();
  Delivery what = delivery(transaction(200), std::string(500, 'x') + '\n');
  what.crc ^= 1;
  assert_int_equal(static_cast<int>(f.store->commit(std::move(what))),
                   static_cast<int>(CommitStatus::refused));
  f.files.fail(Call::sync_file, 1, EIO);
  f.assert_commits(CommitStatus::failed, 900);
  f.wait_for_room(main_account, 1000);
  f.assert_commits(CommitStatus::committed, 1000);
}

// It is what is left of a message that was answered 250.
void a_dsn_comes_in_whatever_the_quota(void**) {
  Fixture f;
  f.engine().set_account_rules({{main_account, 1000}});
  Delivery out = delivery(transaction(100), "Subject: x\n\n", {});
  out.relay = std::make_shared<const RelayEnvelope>(
      RelayEnvelope{"main@example.com", {}, {}, 0, {{"you@example.net", {}, {}}}});
  const auto queued = f.store->wait_for(f.store->submit(std::move(out)));
  assert_true(queued.status == CommitStatus::committed);
  f.assert_commits(CommitStatus::committed, 990);
  QueueOutcome failure;
  failure.message = queued.message;
  failure.recipients.push_back({0, {QueuedState::failed, 0, "550 no"}});
  failure.dsn = delivery(transaction(101), std::string(500, 'x') + '\n');
  auto answer = std::make_shared<std::optional<CommitResult>>();
  f.engine().record_outcome(std::move(failure),
                            [answer](CommitResult result) { *answer = std::move(result); });
  assert_true(f.store->wait_for(answer).status == CommitStatus::committed);
  assert_int_equal(f.stored(), 2);
  f.wait_for_room(main_account, 0);
}

void a_store_may_go_while_logins_wait(void**) {
  Fixture f;
  f.engine().set_account_rules({{main_account, 1000}, {alice, 1000}});
  for (int i = 0; i < 50; ++i) {
    auto lock = f.engine().lock_maildrop(AccountId{static_cast<std::uint32_t>(10 + i)});
    f.engine().open_maildrop(std::move(*lock), [](auto) {});
  }
  f.store.reset();
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_commit_over_the_quota_is_refused_whole),
      cmocka_unit_test(a_message_that_was_refused_may_come_again),
      cmocka_unit_test(a_large_message_counts_and_leaves_nothing_when_it_is_refused),
      cmocka_unit_test(what_is_expunged_makes_room),
      cmocka_unit_test(what_others_remove_makes_room_at_the_next_listing),
      cmocka_unit_test(what_others_remove_makes_room_without_a_listing),
      cmocka_unit_test(what_is_there_at_the_start_is_counted),
      cmocka_unit_test(the_room_is_told_without_a_commit),
      cmocka_unit_test(what_waits_in_the_journal_counts),
      cmocka_unit_test(a_commit_that_fails_takes_no_room),
      cmocka_unit_test(a_dsn_comes_in_whatever_the_quota),
      cmocka_unit_test(a_store_may_go_while_logins_wait),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
