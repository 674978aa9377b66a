// Retention over the whole store: what is too old, what stays, and when nothing is removed.
#include "queued/store/retention.h"
#include "tests/unit/store_support.h"

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

constexpr std::int64_t now = 1'800'000'000, day = 24 * 3600;
constexpr AccountId main_account{1}, alice{2};

// Clocks that are set by hand, and read by the store's thread.
struct HandClocks {
  std::mutex mutex;
  ClockReading reading{now, 1000};

  void set(std::int64_t wall, std::int64_t since_boot) {
    const std::lock_guard guard(mutex);
    reading = {wall, since_boot};
  }
};

struct Fixture {
  TemporaryDirectory directory;
  HandClocks clocks;
  std::vector<std::string> events;
  std::optional<StoreUnderTest> store;
  std::uint8_t last = 0;
  const std::chrono::milliseconds sweep_period;

  explicit Fixture(std::chrono::milliseconds period = std::chrono::milliseconds(20))
      : sweep_period(period) {
    open();
  }
  void open() {
    store.reset();
    auto options = StoreUnderTest::default_options();
    options.report = [this](const StoreReport& report) {
      events.push_back(report.event + ": " + report.text);
    };
    options.keeping.sweep_period = sweep_period;
    options.keeping.busy_period = std::chrono::milliseconds(5);
    options.keeping.clocks = [this] {
      const std::lock_guard guard(clocks.mutex);
      return clocks.reading;
    };
    store.emplace(directory, posix_file_system(), options);
    assert_true(store->resolve({"main", "alice"}).has_value());
  }
  MessageStore& engine() { return *store->operator->(); }

  void deliver(std::int64_t age, std::uint32_t account = 1) {
    Delivery what = delivery(transaction(++last), "Subject: x\n\n", {account});
    what.received = now - age;
    assert_true(store->commit(std::move(what)) == CommitStatus::committed);
  }
  std::size_t stored(std::uint32_t account = 1) {
    return (*store->list(account))->messages().size();
  }
  bool said(std::string_view event) const {
    return std::any_of(events.begin(), events.end(),
                       [&](const std::string& line) { return line.starts_with(event); });
  }
  template <class Done> void wait_until(std::string_view what, Done&& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline)
        fail_msg("waited in vain for %s", std::string(what).c_str());
      pollfd watched{engine().completion_descriptor(), POLLIN, 0};
      ::poll(&watched, 1, 10);
      engine().drain_completions();
    }
  }
  void wait_for(std::string_view event) {
    wait_until(event, [&] { return said(event); });
  }
  // A whole turn has gone by: alice's, which comes after main's, has removed something.
  void wait_for_a_turn() { wait_for_a_turn_of_alice_with(0); }
  // So many messages of hers stay.
  void wait_for_a_turn_of_alice_with(std::size_t left) {
    deliver(40 * day, 2);
    wait_until("a turn", [&] {
      store->settle(2);
      return stored(2) == left;
    });
  }
  void set_rules(std::uint64_t retention) {
    engine().set_account_rules({{main_account, 0, retention}, {alice, 0, 30 * day}});
  }
};

void what_is_too_old_goes_and_stays_away(void**) {
  Fixture f;
  f.deliver(31 * day);
  f.deliver(30 * day + 1);
  f.deliver(30 * day);
  f.deliver(0);
  f.set_rules(30 * day);
  f.wait_for("retention.removed: maildrop 1: 2 messages of ");
  assert_int_equal(f.stored(), 2);
  // By a record: a power cut brings nothing back.
  auto options = StoreUnderTest::default_options();
  options.life = Id128{{9}};
  f.store.reset();
  f.store.emplace(f.directory, posix_file_system(), options);
  assert_int_equal(f.stored(), 2);
}

void files_of_others_go_by_their_names(void**) {
  Fixture f;
  const auto drop = f.directory.maildir(1);
  const std::string old = std::to_string(now - 31 * day);
  f.directory.write(drop / "cur" / (old + ".foreign.host:2,FS"), "x\n");
  f.directory.write(drop / "new" / "1234.numbered", "x\n");
  f.directory.write(drop / "new" / "undated", "x\n");
  f.directory.write(drop / "new" / (std::to_string(now + 9 * day) + ".early.host"), "x\n");
  f.set_rules(30 * day);
  f.wait_for("retention.removed: maildrop 1: 1 messages of 2 octets");
  assert_int_equal(f.stored(), 3);
}

void without_a_retention_all_stays(void**) {
  Fixture f;
  f.deliver(20'000 * day);
  f.set_rules(0);
  f.wait_for_a_turn();
  assert_int_equal(f.stored(), 1);
}

void a_maildrop_in_use_has_its_turn_later(void**) {
  Fixture f;
  f.deliver(31 * day);
  auto session = *f.store->list(1);
  f.set_rules(30 * day);
  f.wait_for_a_turn();
  assert_text_equal(f.store->read(*session, 0), "Delivered-To: account-1\nSubject: x\n\n");
  session.reset();
  f.wait_for("retention.removed: maildrop 1");
}

void a_maildrop_that_failed_has_its_turn_soon(void**) {
  Fixture f(std::chrono::hours(1));
  f.deliver(31 * day);
  f.store->settle();
  const auto fresh = f.directory.maildir(1) / "new", away = f.directory.path() / "away";
  std::filesystem::rename(fresh, away);
  f.directory.write(fresh, "no directory\n");
  f.set_rules(30 * day);
  f.wait_for("retention.failed: maildrop 1");
  std::filesystem::remove(fresh);
  std::filesystem::rename(away, fresh);
  f.wait_for("retention.removed: maildrop 1");
}

void a_maildrop_that_fails_is_told_once(void**) {
  Fixture f;
  f.deliver(31 * day);
  f.store->settle();
  const auto fresh = f.directory.maildir(1) / "new", away = f.directory.path() / "away";
  const auto break_it = [&] {
    std::filesystem::rename(fresh, away);
    f.directory.write(fresh, "no directory\n");
  };
  const auto times = [&] {
    return std::count_if(f.events.begin(), f.events.end(), [](const std::string& line) {
      return line.starts_with("retention.failed");
    });
  };
  break_it();
  f.set_rules(30 * day);
  f.wait_for("retention.failed: maildrop 1");
  f.wait_for_a_turn();
  f.wait_for_a_turn();
  assert_int_equal(times(), 1);
  std::filesystem::remove(fresh);
  std::filesystem::rename(away, fresh);
  f.wait_for("retention.removed: maildrop 1");
  f.wait_for_a_turn();
  break_it();
  f.wait_until("another report", [&] { return times() == 2; });
}

// No login is told that the maildrop is in use, though its own server has it.
void logins_wait_for_the_end_of_a_turn(void**) {
  Fixture f;
  f.set_rules(30 * day);
  for (int i = 0; i < 100; ++i) {
    if (i % 10 == 0)
      f.deliver(31 * day);
    const auto listed = f.store->list(1);
    assert_true(listed.has_value());
  }
  f.wait_until("the last one to go", [&] { return f.stored() == 0; });
}

void a_jump_stops_it_until_the_clock_is_even(void**) {
  Fixture f;
  f.deliver(10 * day);
  f.set_rules(30 * day);
  f.wait_for_a_turn();
  f.clocks.set(now + 365 * day, 1010);
  f.wait_for("clock.doubted");
  f.deliver(40 * day, 2);
  f.clocks.set(now + 365 * day + day - 1, 1010 + day - 1);
  f.store->settle();
  assert_int_equal(f.stored(1), 1);
  assert_int_equal(f.stored(2), 1);
  // Set right: that is a jump as well, and nothing was lost.
  f.clocks.set(now + day, 1010 + day);
  f.wait_until("another doubt", [&] {
    return std::count_if(f.events.begin(), f.events.end(), [](const std::string& line) {
             return line.starts_with("clock.doubted");
           }) == 2;
  });
  f.clocks.set(now + 2 * day, 1010 + 2 * day);
  f.wait_for("clock.believed");
  f.wait_until("alice's to go", [&] { return f.stored(2) == 0; });
  assert_int_equal(f.stored(1), 1);
}

void a_start_remembers_the_clock(void**) {
  Fixture f;
  f.set_rules(30 * day);
  f.wait_for_a_turn();
  f.deliver(10 * day);
  f.clocks.set(now + 365 * day, 5); // another boot, and a clock that is wrong
  for (int start = 0; start < 3; ++start) {
    f.events.clear();
    f.open();
    f.set_rules(30 * day);
    f.wait_for("clock.doubted");
    assert_int_equal(f.stored(), 1);
  }
  assert_text_equal(f.directory.read("clock"),
                    "letterlock clock 1\ndoubted since " + std::to_string(now) + "\n");
}

// Nobody has kept it, but the journal knows when the last segment was begun.
void without_its_file_the_journal_tells(void**) {
  Fixture f;
  f.deliver(10 * day);
  f.clocks.set(now + 365'000 * day, 5);
  f.open();
  f.set_rules(30 * day);
  f.wait_for("clock.doubted");
  assert_int_equal(f.stored(), 1);
}

void a_rotten_clock_is_doubted(void**) {
  Fixture f;
  f.deliver(31 * day);
  f.store.reset();
  f.directory.write("clock", "noon\n");
  f.open();
  f.set_rules(30 * day);
  f.wait_for("clock.doubted");
  assert_int_equal(f.stored(), 1);
  assert_int_equal(f.directory.names("corrupt").size(), 1);
}

void what_goes_makes_room_in_the_quota(void**) {
  Fixture f;
  f.deliver(31 * day);
  f.engine().set_account_rules({{main_account, 50, 30 * day}});
  f.wait_for("retention.removed");
  f.deliver(0);
}

// A machine without a battery begins in the year 2000 until somebody tells it the time.
void mail_of_a_time_when_the_clock_was_wrong_stays(void**) {
  Fixture f;
  f.clocks.set(946'700'000, 100);
  f.open();
  f.set_rules(30 * day);
  f.wait_for("clock.doubted");
  f.deliver(now - 946'700'000);
  f.deliver(-25 * 3600);
  f.clocks.set(now, 200);
  f.wait_for("clock.doubted: the clock has jumped");
  f.clocks.set(now + 25 * 3600, 200 + 25 * 3600);
  f.wait_for("clock.believed");
  f.wait_for_a_turn();
  assert_int_equal(f.stored(), 2);
}

void mail_that_came_behind_younger_mail_stays(void**) {
  Fixture f;
  f.deliver(50 * day);
  f.deliver(2 * day);
  f.deliver(50 * day); // the clock was wrong
  f.set_rules(30 * day);
  f.wait_for("retention.removed: maildrop 1: 1 messages");
  assert_int_equal(f.stored(), 2);
  // One of a time to come tells nothing of those behind it.
  f.deliver(-99 * day, 2);
  f.wait_for_a_turn_of_alice_with(1);
}

void a_clock_is_remembered_without_a_retention(void**) {
  Fixture f;
  f.set_rules(30 * day);
  f.wait_for_a_turn();
  f.deliver(10 * day);
  const auto without = [&] { f.engine().set_account_rules({}); };
  without();
  f.clocks.set(now + 365 * day, 5);
  f.open();
  without();
  f.wait_until("the clock to be kept", [&] {
    return f.directory.read("clock").starts_with("letterlock clock 1\ndoubted");
  });
  f.open();
  f.set_rules(30 * day);
  f.wait_for("clock.doubted");
  assert_int_equal(f.stored(), 1);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_is_too_old_goes_and_stays_away),
      cmocka_unit_test(files_of_others_go_by_their_names),
      cmocka_unit_test(without_a_retention_all_stays),
      cmocka_unit_test(a_maildrop_in_use_has_its_turn_later),
      cmocka_unit_test(a_maildrop_that_failed_has_its_turn_soon),
      cmocka_unit_test(a_maildrop_that_fails_is_told_once),
      cmocka_unit_test(logins_wait_for_the_end_of_a_turn),
      cmocka_unit_test(a_jump_stops_it_until_the_clock_is_even),
      cmocka_unit_test(a_start_remembers_the_clock),
      cmocka_unit_test(without_its_file_the_journal_tells),
      cmocka_unit_test(a_rotten_clock_is_doubted),
      cmocka_unit_test(mail_of_a_time_when_the_clock_was_wrong_stays),
      cmocka_unit_test(mail_that_came_behind_younger_mail_stays),
      cmocka_unit_test(a_clock_is_remembered_without_a_retention),
      cmocka_unit_test(what_goes_makes_room_in_the_quota),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
