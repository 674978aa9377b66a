// A maildrop that cannot be written, row by row of docs/spool.md: it holds up nobody else, loses
// nothing, and what is expunged stays gone.
#include "queued/store/materialiser.h"
#include "tests/unit/check.h"
#include "tests/unit/store_support.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

const std::string text = "Subject: hello\n\nworld\n";
const std::string large_text = std::string(300'000, 'x') + "\n";
const Id128 this_life{{1}}, another_life{{2}};

MaildirStoreOptions small_journal() {
  auto options = StoreUnderTest::default_options();
  options.limits.segment_bytes = 128 * 1024;
  options.limits.segments = 4;
  options.limits.record_bytes = 32 * 1024;
  options.life = this_life;
  return options;
}

struct Fixture {
  TemporaryDirectory directory;
  UniqueFd root = directory.open();
  RecordingFileSystem files{root.get()};
  StoreUnderTest store;
  std::uint8_t next = 100;

  explicit Fixture(MaildirStoreOptions options = small_journal())
      : store(directory, files, options) {
    assert_true(store.resolve({"main", "alice"}).has_value());
    wait_for_spare_slot(directory, options.limits.segments);
  }

  void make_unwritable() {
    for (const char* name : {"tmp", "new", "cur"})
      files.freeze(directory.maildir(1) / name);
  }
  std::size_t in_new() const { return directory.names(directory.maildir(1) / "new").size(); }
  // Until both maildrops, the journal and the log have had their turns, and DONE says so.
  template <class Done> void wait_until(Done&& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      assert_true(std::chrono::steady_clock::now() < deadline);
      pollfd watched{store->completion_descriptor(), POLLIN, 0};
      ::poll(&watched, 1, 10);
      store->drain_completions();
    }
  }
  void restart() {
    store.close();
    store = StoreUnderTest(directory, files, small_journal());
  }

  // More for the other maildrop than the journal can hold, several times over.
  void fill_the_journal() {
    const std::string content(20'000, 'y');
    for (int i = 0; i < 100; ++i) {
      const auto status =
          store.commit_patiently([&] { return delivery(Id128::random(), content + "\n", {2}); });
      assert_int_equal(static_cast<int>(status), static_cast<int>(CommitStatus::committed));
    }
  }
  void commit(Delivery what) {
    const auto status = store.commit(std::move(what));
    assert_int_equal(static_cast<int>(status), static_cast<int>(CommitStatus::committed));
  }
};

// Three small messages, one for both accounts, one large.
void send_five(Fixture& f) {
  for (std::uint8_t i = 1; i <= 3; ++i)
    f.commit(delivery(transaction(i), text, {1}));
  f.commit(delivery(transaction(4), text, {1, 2}));
  f.commit(delivery(transaction(5), large_text, {1}));
}

void assert_five(StoreUnderTest& store) {
  auto maildrop = *store.list();
  assert_int_equal(maildrop->messages().size(), 5);
  for (std::size_t i = 0; i < 5; ++i)
    assert_true(store.read(*maildrop, i) == head_for(1) + (i == 4 ? large_text : text));
}

void it_does_not_hold_the_journal_of_the_others(void**) {
  Fixture f;
  f.make_unwritable();
  send_five(f);
  for (int round = 0; round < 2; ++round) {
    f.fill_the_journal();
    assert_int_equal((*f.store.list(2))->messages().size(), 1 + 100 * (round + 1));
    assert_five(f.store); // out of the journal, or what was made of that
    assert_int_equal(f.in_new(), 0);
  }
  f.files.thaw();
  f.restart();
  assert_five(f.store);
  wait_until_retired(f.directory);
  assert_five(f.store);
  assert_int_equal(f.in_new(), 5);
  assert_int_equal((*f.store.list(2))->messages().size(), 201);
}

void its_messages_outlive_starts_and_power_cuts(void**) {
  Fixture f;
  f.make_unwritable();
  send_five(f);
  f.fill_the_journal();
  for (const Crash crash : {Crash::killed, Crash::power_cut, Crash::mixed})
    for (const Id128& life : {this_life, another_life}) {
      if (crash != Crash::killed && life == this_life)
        continue; // a power cut ends it
      TemporaryDirectory left;
      f.files.lay_out(f.files.now(), crash, 7, left.open().get());
      auto options = small_journal();
      options.life = life;
      for (int start = 0; start < 2; ++start) {
        StoreUnderTest next(left, posix_file_system(), options);
        assert_five(next);
        wait_until_retired(left);
        assert_five(next);
        assert_int_equal(left.names(left.maildir(1) / "new").size(), 5);
        assert_int_equal((*next.list(2))->messages().size(), 101);
      }
      assert_int_equal(left.names("large").size(), 0);
    }
}

void at_each_moment_they_are_there_once(void**) {
  Fixture f;
  f.make_unwritable();
  send_five(f);
  const std::size_t sent = f.files.now();
  f.fill_the_journal();
  auto options = small_journal();
  options.life = another_life;
  unsigned seed = 0;
  for (std::size_t moment = sent; moment <= f.files.now(); moment += 11) {
    TemporaryDirectory left;
    ++seed;
    f.files.lay_out(moment, seed % 2 == 0 ? Crash::power_cut : Crash::mixed, seed,
                    left.open().get());
    StoreUnderTest next(left, posix_file_system(), options);
    assert_five(next);
    wait_until_retired(left);
    assert_five(next);
    assert_int_equal(left.names(left.maildir(1) / "new").size(), 5);
  }
}

void a_session_that_has_listed_them_can_read_them(void**) {
  Fixture f;
  f.make_unwritable();
  send_five(f);
  auto maildrop = *f.store.list();
  f.fill_the_journal();
  for (std::size_t i = 0; i < 5; ++i)
    assert_true(f.store.read(*maildrop, i) == head_for(1) + (i == 4 ? large_text : text));
}

void a_start_that_finds_it_so_leaves_the_journal_to_the_others(void**) {
  Fixture f;
  f.make_unwritable();
  send_five(f);
  f.restart();
  f.fill_the_journal();
  assert_five(f.store);
  f.files.thaw();
  f.restart();
  wait_until_retired(f.directory);
  assert_five(f.store);
  assert_int_equal(f.in_new(), 5);
  f.restart();
  assert_int_equal(f.directory.names("large").size(), 0);
}

void what_is_expunged_there_stays_gone(void**) {
  Fixture f;
  send_five(f);
  f.store.settle();
  f.make_unwritable();
  assert_true(f.store.expunge(**f.store.list(), {0, 4}).has_value());
  f.fill_the_journal();
  assert_int_equal((*f.store.list())->messages().size(), 3);
  // Also by a start that cannot carry it out either.
  f.restart();
  f.fill_the_journal();
  assert_int_equal((*f.store.list())->messages().size(), 3);
  assert_int_equal(f.in_new(), 5);
  f.files.thaw();
  f.restart();
  assert_int_equal((*f.store.list())->messages().size(), 3);
  wait_until_retired(f.directory);
  assert_int_equal((*f.store.list())->messages().size(), 3);
  assert_int_equal(f.in_new(), 3);
}

void what_never_came_there_can_be_expunged(void**) {
  for (const bool restarted : {false, true})
    for (const bool flows_on : {false, true}) {
      Fixture f;
      f.make_unwritable();
      send_five(f);
      f.fill_the_journal();
      if (restarted)
        f.restart();
      assert_true(f.store.expunge(**f.store.list(), {1, 4}).has_value());
      if (flows_on)
        f.fill_the_journal();
      assert_int_equal((*f.store.list())->messages().size(), 3);
      for (const Crash crash : {Crash::power_cut, Crash::mixed, Crash::killed}) {
        TemporaryDirectory left;
        f.files.lay_out(f.files.now(), crash, 1, left.open().get());
        auto options = small_journal();
        options.life = another_life;
        StoreUnderTest next(left, posix_file_system(), options);
        assert_int_equal((*next.list())->messages().size(), 3);
        wait_until_retired(left);
        assert_int_equal((*next.list())->messages().size(), 3);
        assert_int_equal(left.names(left.maildir(1) / "new").size(), 3);
      }
    }
}

void what_waits_for_it_is_bounded(void**) {
  auto options = small_journal();
  options.limits.stuck_copies = 2;
  Fixture f(options);
  f.make_unwritable();
  f.commit(delivery(transaction(1), text, {1}));
  f.commit(delivery(transaction(2), text, {1}));
  f.store.settle();
  for (const std::vector<std::uint32_t>& accounts : {std::vector<std::uint32_t>{1}, {1, 2}}) {
    const auto status = f.store.commit(delivery(Id128::random(), text, accounts));
    assert_int_equal(static_cast<int>(status), static_cast<int>(CommitStatus::failed));
  }
  f.commit(delivery(transaction(3), text, {2}));
}

// The disk becomes full while a maildrop cannot be written, so that all segments are held; and so
// it stays, through many starts.
void with_a_full_disk_removals_go_on_at_each_start(void**) {
  auto options = small_journal();
  options.limits.segments = 8;
  options.checkpoint_interval = std::chrono::milliseconds(300);
  Fixture f(options);
  f.make_unwritable();
  for (std::uint8_t i = 1; i <= 3; ++i)
    f.commit(delivery(transaction(i), text, {1}));
  for (int i = 0; i < 20; ++i)
    f.commit(delivery(Id128::random(), text, {2}));
  f.store.settle();
  for (const char* name : {"journal", "large"})
    f.files.freeze(f.directory.path() / name);
  const auto send = [&] {
    return f.store.commit(delivery(Id128::random(), std::string(20'000, 'y') + "\n", {2}));
  };
  int taken = 0;
  for (auto status = send(); status != CommitStatus::full; status = send()) {
    assert_true(status == CommitStatus::committed);
    ++taken;
  }
  for (std::size_t start = 0; start < 8; ++start) {
    const auto maildrop = *f.store.list(2);
    assert_int_equal(maildrop->messages().size(), 20 + static_cast<std::size_t>(taken) - start);
    assert_true(f.store.expunge(*maildrop, {0}).has_value());
    assert_int_equal((*f.store.list())->messages().size(), 3);
    // A start's own segment takes some of it.
    for (auto status = send(); status != CommitStatus::full; status = send()) {
      assert_true(status == CommitStatus::committed);
      ++taken;
    }
    f.store.close();
    options.life = start % 2 == 0 ? another_life : this_life;
    f.store = StoreUnderTest(f.directory, f.files, options);
  }
  f.files.thaw();
  f.fill_the_journal();
  assert_int_equal((*f.store.list())->messages().size(), 3);
  assert_int_equal((*f.store.list(2))->messages().size(),
                   12 + 100 + static_cast<std::size_t>(taken));
  f.wait_until([&] { return f.in_new() == 3 && f.directory.names("large").empty(); });
}

// What was made of their records for new ones that did not become durable.
void no_file_is_left_when_they_come_to_their_places_first(void**) {
  for (const Call fault : {Call::sync_everything, Call::sync_file}) {
    bool told = false;
    auto options = small_journal();
    options.checkpoint_interval = std::chrono::milliseconds(30'000);
    options.report = [&](const StoreReport& report) {
      told = told || report.event == "checkpoint.stuck";
    };
    Fixture f(options);
    f.make_unwritable();
    for (std::uint8_t i = 1; i <= 3; ++i)
      f.commit(delivery(transaction(i), text, {1}));
    f.store.settle();
    f.files.close_gate(Call::sync_everything);
    for (int i = 0; i < 8; ++i)
      f.commit(delivery(Id128::random(), std::string(20'000, 'y') + "\n", {2}));
    f.files.wait_for_caller_at_gate();
    // That of the files, or the journal's after it; the one at the gate asks whether there is such
    // a call.
    f.files.fail(fault, fault == Call::sync_everything ? 2 : 1, EIO);
    f.files.open_gate();
    f.wait_until([&] { return told; });
    assert_int_equal(f.directory.names("large").size(), 3);
    f.files.thaw();
    f.wait_until([&] { return f.directory.names("large").empty(); });
    assert_int_equal(f.in_new(), 3);
    assert_int_equal((*f.store.list())->messages().size(), 3);
  }
}

// It was carried out between the listing and its end: the other copies of its record still wait.
void what_is_given_up_late_ends_nothing(void**) {
  TemporaryDirectory directory;
  const UniqueFd root = directory.open();
  const auto completions = CompletionQueue::make();
  Reporter reporter(**completions, nullptr);
  const MaildirHost host("mx.example.com");
  Progress progress(0);
  progress.begin(1, 1);
  Materialiser materialiser({posix_file_system(),
                             root.get(),
                             root.get(),
                             root.get(),
                             host,
                             progress,
                             reporter,
                             [](std::uint32_t) {},
                             {}},
                            {});
  materialiser.moved({1, 7, std::nullopt});
  static_cast<void>(materialiser.stuck_up_to(1));
  assert_int_equal(progress.done_up_to(), 0);
}

// ---- What the log says

struct Told {
  std::vector<StoreReport> reports;

  MaildirStoreOptions options() {
    auto made = small_journal();
    made.report = [this](const StoreReport& report) { reports.push_back(report); };
    return made;
  }
  bool has(const std::string& event, const std::string& about) const {
    return std::any_of(reports.begin(), reports.end(), [&](const StoreReport& report) {
      return report.event == event && report.text.starts_with(about);
    });
  }
};

void a_message_whose_file_is_gone_is_given_up_by_name(void**) {
  Told told;
  Fixture f(told.options());
  f.make_unwritable();
  send_five(f);
  f.fill_the_journal();
  for (const std::string& name : f.directory.names("large"))
    std::filesystem::remove(f.directory.path() / "large" / name);
  f.fill_the_journal();
  assert_true(told.has("maildrop.lost", "maildrop 1: "));
}

void each_maildrop_that_fails_is_named_and_so_is_its_end(void**) {
  Told told;
  Fixture f(told.options());
  assert_true(f.store.resolve({"main", "alice", "bob"}).has_value());
  f.make_unwritable();
  for (const char* name : {"tmp", "new", "cur"})
    f.files.freeze(f.directory.maildir(3) / name);
  // Both are of one thread.
  f.commit(delivery(transaction(1), text, {1}));
  f.commit(delivery(transaction(2), text, {3}));
  for (const std::uint32_t account : {1U, 3U}) {
    f.store.settle(account);
    assert_true(told.has("maildrop.failing", "maildrop " + std::to_string(account) + ": "));
  }
  f.files.thaw();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!told.has("maildrop.mended", "maildrop 1: ") ||
         !told.has("maildrop.mended", "maildrop 3: ")) {
    assert_true(std::chrono::steady_clock::now() < deadline);
    pollfd watched{f.store->completion_descriptor(), POLLIN, 0};
    ::poll(&watched, 1, 100);
    f.store->drain_completions();
  }
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(it_does_not_hold_the_journal_of_the_others),
      cmocka_unit_test(its_messages_outlive_starts_and_power_cuts),
      cmocka_unit_test(at_each_moment_they_are_there_once),
      cmocka_unit_test(a_session_that_has_listed_them_can_read_them),
      cmocka_unit_test(a_start_that_finds_it_so_leaves_the_journal_to_the_others),
      cmocka_unit_test(what_is_expunged_there_stays_gone),
      cmocka_unit_test(what_never_came_there_can_be_expunged),
      cmocka_unit_test(what_waits_for_it_is_bounded),
      cmocka_unit_test(with_a_full_disk_removals_go_on_at_each_start),
      cmocka_unit_test(no_file_is_left_when_they_come_to_their_places_first),
      cmocka_unit_test(what_is_given_up_late_ends_nothing),
      cmocka_unit_test(a_message_whose_file_is_gone_is_given_up_by_name),
      cmocka_unit_test(each_maildrop_that_fails_is_named_and_so_is_its_end),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
