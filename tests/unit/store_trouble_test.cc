// Several things that go wrong at once: a maildrop that cannot be written, and a power cut, a full
// journal, a disk that fails, a record that rots, many messages.
#include "tests/unit/check.h"
#include "tests/unit/store_support.h"

#include <atomic>

using namespace letterlock;
using namespace letterlock::queued;

namespace {

const std::string text = "Subject: hello\n\nworld\n";
const Id128 this_life{{1}}, another_life{{2}};

MaildirStoreOptions small_journal(Id128 life = this_life) {
  auto options = StoreUnderTest::default_options();
  options.limits.segment_bytes = 128 * 1024;
  options.limits.segments = 4;
  options.limits.record_bytes = 32 * 1024;
  options.life = life;
  options.checkpoint_interval = std::chrono::milliseconds(300);
  return options;
}

// How many of COUNT messages for account 2 are taken, though perhaps not at once.
int taken(StoreUnderTest& store, int count, std::size_t size) {
  int good = 0;
  for (int i = 0; i < count; ++i)
    good += store.commit_patiently([size] {
      return delivery(Id128::random(), std::string(size, 'y') + "\n", {2});
    }) == CommitStatus::committed;
  return good;
}

struct Fixture {
  TemporaryDirectory directory;
  UniqueFd root = directory.open();
  RecordingFileSystem files{root.get()};
  StoreUnderTest store;

  explicit Fixture(MaildirStoreOptions options = small_journal())
      : store(directory, files, options) {
    assert_true(store.resolve({"main", "alice", "bob"}).has_value());
    wait_for_spare_slot(directory, options.limits.segments);
  }
  void make_unwritable() {
    for (const char* name : {"tmp", "new", "cur"})
      files.freeze(directory.maildir(1) / name);
  }
  void restart(MaildirStoreOptions options) {
    store.close();
    store = StoreUnderTest(directory, files, options);
  }
  void commit(Delivery what) {
    const auto status = store.commit(std::move(what));
    assert_int_equal(static_cast<int>(status), static_cast<int>(CommitStatus::committed));
  }
  void fill(int count = 100, std::size_t size = 20'000) {
    assert_int_equal(taken(store, count, size), count);
  }
  // Whether 20 messages of 20 KB for account 2 are taken within that time.
  bool takes_mail_within(std::chrono::seconds time) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    for (int taken = 0; std::chrono::steady_clock::now() < deadline;) {
      if (store.commit(delivery(Id128::random(), std::string(20'000, 'z') + "\n", {2})) ==
          CommitStatus::committed)
        ++taken;
      else
        ::poll(nullptr, 0, 50);
      if (taken == 20)
        return true;
    }
    return false;
  }
  std::string the_file_in_new() const {
    const auto names = directory.names(directory.maildir(1) / "new");
    assert_int_equal(names.size(), 1);
    return directory.read(directory.maildir(1) / "new" / names[0]);
  }
};

// A power cut leaves a name with no content; the start cannot replace it; the record is written
// again as a large one; the maildrop takes mail again.
void a_torn_file_is_replaced_though_its_record_was_written_again(void**) {
  for (const bool restarted : {false, true}) {
    Fixture f;
    f.commit(delivery(transaction(1), text, {1}));
    f.store.settle();
    f.store.close();
    const auto names = f.directory.names(f.directory.maildir(1) / "new");
    assert_int_equal(names.size(), 1);
    std::filesystem::resize_file(f.directory.maildir(1) / "new" / names[0], 0); // the power cut
    f.make_unwritable();
    f.store = StoreUnderTest(f.directory, f.files, small_journal(another_life));
    f.fill();
    f.files.thaw();
    if (restarted)
      f.restart(small_journal(Id128{{3}}));
    for (int i = 0; i < 400 && f.the_file_in_new().empty(); ++i) {
      f.store.settle();
      ::poll(nullptr, 0, 50);
    }
    assert_text_equal(f.the_file_in_new(), head_for(1) + text);
  }
}

// The maildrop takes the copy while its record is being written again, and the power goes before
// the checkpoint's sync.
void a_copy_that_came_to_its_place_while_it_was_moved_outlives_a_power_cut(void**) {
  auto slow = small_journal();
  slow.checkpoint_interval = std::chrono::milliseconds(30'000);
  Fixture f(slow);
  f.make_unwritable();
  f.commit(delivery(transaction(1), text, {1}));
  f.store.settle();
  f.files.close_gate(Call::sync_everything);
  f.fill(8);
  f.files.wait_for_caller_at_gate();   // large/MESSAGE.1 was made
  f.files.close_gate(Call::sync_file); // the journal's, of the record that is written again
  f.files.wait_for_caller_at_gate();
  f.files.thaw();
  for (int i = 0; i < 100 && f.directory.names(f.directory.maildir(1) / "new").empty(); ++i)
    ::poll(nullptr, 0, 50);
  assert_text_equal(f.the_file_in_new(), head_for(1) + text);
  f.files.close_gate(Call::sync_everything); // the checkpoint's
  f.files.wait_for_caller_at_gate();
  const std::size_t moment = f.files.now();
  f.files.open_gate();
  int bad = 0;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    TemporaryDirectory left;
    f.files.lay_out(moment, Crash::mixed, seed, left.open().get());
    StoreUnderTest next(left, posix_file_system(), small_journal(another_life));
    auto maildrop = *next.list();
    const bool good =
        maildrop->messages().size() == 1 && next.read(*maildrop, 0) == head_for(1) + text;
    if (!good) {
      ++bad;
      print_error("seed %u: %zu messages\n", seed, maildrop->messages().size());
    }
  }
  assert_int_equal(bad, 0);
}

// A sync of everything takes its time while one copy is stuck, and the journal becomes full.
void a_full_journal_becomes_free_though_a_maildrop_cannot_be_written(void**) {
  for (const bool stuck : {false, true}) {
    auto options = small_journal();
    options.limits.segment_bytes = 1u << 20;
    options.limits.segments = 8;
    Fixture f(options);
    f.make_unwritable();
    if (stuck)
      f.commit(delivery(transaction(1), text, {1}));
    f.store.settle();
    f.files.close_gate(Call::sync_everything);
    std::vector<std::shared_ptr<std::optional<CommitResult>>> answers;
    for (;;) {
      const auto status =
          f.store.commit(delivery(Id128::random(), std::string(30'000, 'y') + "\n", {2}));
      if (status == CommitStatus::full)
        break;
      assert_int_equal(static_cast<int>(status), static_cast<int>(CommitStatus::committed));
    }
    f.files.open_gate();
    const bool taken = f.takes_mail_within(std::chrono::seconds(10));
    if (!taken) {
      f.restart(options);
    }
    assert_true(taken);
  }
}

// 20 copies with heads of 60 KB (1,000 recipients of one account), segments of 1 MiB as on a file
// system below 512 MiB.
void long_heads_of_what_is_stuck_do_not_fill_the_journal_for_ever(void**) {
  auto options = small_journal();
  options.limits = StoreLimits();
  options.limits.segment_bytes = 1u << 20;
  for (const std::size_t head : {600u, 60'000u}) {
    Fixture f(options);
    f.make_unwritable();
    for (std::uint8_t i = 1; i <= 20; ++i) {
      auto made = delivery(transaction(i), text, {1});
      made.copies[0].head = std::string(head, 'h') + "\n";
      const auto status = f.store.commit(std::move(made)); // until too much waits
      assert_true(status == CommitStatus::committed || status == CommitStatus::failed);
    }
    f.store.settle();
    for (int i = 0; i < 300; ++i)
      static_cast<void>(
          f.store.commit(delivery(Id128::random(), std::string(50'000, 'y') + "\n", {2})));
    const bool goes_on = f.takes_mail_within(std::chrono::seconds(10));
    assert_true(goes_on);
  }
}

// One batch is not more than a segment can hold: 40 messages of 100 KB that come at once, in an
// empty journal of 8 segments of 1 MiB.
void what_comes_at_once_is_taken_though_it_is_more_than_a_segment(void**) {
  auto options = small_journal();
  options.limits = StoreLimits();
  options.limits.segment_bytes = 1u << 20;
  options.checkpoint_interval = std::chrono::milliseconds(30'000);
  Fixture f(options);
  f.files.close_gate(Call::sync_file);
  std::vector<std::shared_ptr<std::optional<CommitResult>>> answers;
  answers.push_back(f.store.submit(delivery(Id128::random(), text, {2})));
  f.files.wait_for_caller_at_gate();
  for (int i = 0; i < 40; ++i)
    answers.push_back(
        f.store.submit(delivery(Id128::random(), std::string(100'000, 'y') + "\n", {2})));
  f.files.open_gate();
  int full = 0;
  for (auto& answer : answers) {
    const auto result = f.store.wait_for(answer);
    if (result.status != CommitStatus::committed) {
      ++full;
    }
  }
  assert_int_equal(full, 0);
}

// 800 copies are stuck, and come round many times.
void what_is_written_again_does_not_push_out_what_is_remembered(void**) {
  auto options = small_journal();
  options.limits = StoreLimits();
  options.limits.segment_bytes = 1u << 20;
  for (const bool stuck : {false, true}) {
    Fixture f(options);
    if (stuck)
      f.make_unwritable();
    for (int i = 0; i < 800; ++i)
      f.commit(delivery(Id128::random(), text, {1}));
    f.store.settle();
    const Id128 known = Id128::random();
    f.commit(delivery(known, text, {2}));
    f.fill(700, 50'000);
    assert_true(f.store->knows(known));
    f.restart(options);
    assert_true(f.store->knows(known));
  }
}

// What recovery could not put into a maildrop with many messages is tried again and again, each
// time by a listing of all of it.
void a_maildrop_that_cannot_be_written_does_not_stop_its_shard(void**) {
  auto options = small_journal();
  options.limits = StoreLimits();
  options.limits.segment_bytes = 1u << 20;
  Fixture f(options);
  for (int i = 0; i < 20'000; ++i)
    std::ofstream(f.directory.maildir(1) / "cur" / ("17000000." + std::to_string(i) + ".x:2,S"));
  f.make_unwritable();
  for (int i = 0; i < 800; ++i)
    f.commit(delivery(Id128::random(), text, {1}));
  f.restart(options);
  // Account 3 is of the same shard: its session is not kept waiting until the patience ends.
  for (int i = 0; i < 5; ++i)
    f.store.settle(3);
}

void flip(const TemporaryDirectory& directory, const std::string& what) {
  for (const auto& name : directory.names("journal")) {
    std::string bytes = directory.read(std::filesystem::path("journal") / name);
    const auto at = bytes.find(what);
    if (at == std::string::npos)
      continue;
    std::fstream file(directory.path() / "journal" / name,
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.put('#');
    return;
  }
  fail_msg("not found");
}

// One record that is needed again has become unreadable while queued runs.
void one_record_that_cannot_be_read_does_not_stop_all(void**) {
  for (const bool relayed : {true, false}) {
    Fixture f;
    auto made = delivery(transaction(1), "Subject: needle-in-the-record\n\nworld\n", {1});
    if (relayed) {
      RelayEnvelope envelope{"me@example.com", "", "", 0, {{"you@example.net", "", ""}}};
      made.relay = std::make_shared<const RelayEnvelope>(envelope);
    } else {
      f.make_unwritable();
    }
    f.commit(std::move(made));
    f.store.settle();
    flip(f.directory, "needle-in-the-record");
    for (int i = 0; i < 60; ++i)
      static_cast<void>(
          f.store.commit(delivery(Id128::random(), std::string(20'000, 'y') + "\n", {2})));
    const bool goes_on = f.takes_mail_within(std::chrono::seconds(5));
    assert_true(goes_on);
  }
}

// A session listed what was stuck; the maildrop took it later; nobody logged in again.
void room_is_given_back_when_a_stuck_copy_is_in_its_place(void**) {
  for (const bool listed : {false, true}) {
    Fixture f;
    f.files.set_free_bytes(700'000);
    f.make_unwritable();
    for (std::uint8_t i = 1; i <= 20; ++i)
      f.commit(delivery(transaction(i), std::string(25'000, 'x') + "\n", {1}));
    if (listed)
      assert_int_equal((*f.store.list())->messages().size(), 20);
    f.files.thaw();
    const auto fresh = f.directory.maildir(1) / "new";
    for (int i = 0; i < 200 && f.directory.names(fresh).size() < 20; ++i)
      ::poll(nullptr, 0, 50);
    assert_int_equal(f.directory.names(fresh).size(), 20);
    ::poll(nullptr, 0, 200);
    const auto status =
        f.store.commit(delivery(Id128::random(), std::string(30'000, 'x') + "\n", {2}));
    assert_int_equal(static_cast<int>(status), static_cast<int>(CommitStatus::committed));
  }
}

// The real one, but for what a test makes of it.
class BadDisk final : public FileSystem {
public:
  std::atomic<int> good_syncs = -1;      // of everything; then it becomes bad; -1: never
  std::atomic<bool> bad = false;         // the journal cannot be synced, and `large` has no room
  std::atomic<bool> no_maildrop = false; // nothing comes into maildrop 1
  std::atomic<int> refused_in_large = 0;

  SystemResult<UniqueFd> create_file(int directory, const std::string& name, mode_t mode) override {
    if (bad && is_in(directory, "/large")) {
      ++refused_in_large;
      return std::unexpected(Errno{ENOSPC});
    }
    if (no_maildrop && is_in(directory, "/maildrops/1/"))
      return std::unexpected(Errno{EROFS});
    return real_.create_file(directory, name, mode);
  }
  SystemResult<UniqueFd> create_unnamed_file(int directory) override {
    return real_.create_unnamed_file(directory);
  }
  SystemResult<UniqueFd> open_file(int directory, const std::string& name) override {
    return real_.open_file(directory, name);
  }
  SystemResult<void> append(int file, Bytes bytes) override { return real_.append(file, bytes); }
  SystemResult<void> write_at(int file, std::uint64_t offset, Bytes bytes) override {
    return real_.write_at(file, offset, bytes);
  }
  SystemResult<void> truncate(int file) override { return real_.truncate(file); }
  SystemResult<void> sync_file(int file) override {
    if (bad && is_in(file, "/journal/"))
      return std::unexpected(Errno{EIO});
    return real_.sync_file(file);
  }
  SystemResult<void> sync_directory(int directory) override {
    return real_.sync_directory(directory);
  }
  SystemResult<void> sync_everything(int directory) override {
    auto done = real_.sync_everything(directory);
    if (good_syncs > 0 && --good_syncs == 0)
      bad = true;
    return done;
  }
  SystemResult<void> link(int from, const std::string& from_name, int to,
                          const std::string& to_name) override {
    if (no_maildrop && is_in(to, "/maildrops/1/"))
      return std::unexpected(Errno{EROFS});
    return real_.link(from, from_name, to, to_name);
  }
  SystemResult<void> rename(int from, const std::string& from_name, int to,
                            const std::string& to_name) override {
    return real_.rename(from, from_name, to, to_name);
  }
  SystemResult<void> unlink(int directory, const std::string& name) override {
    if (no_maildrop && is_in(directory, "/maildrops/1/"))
      return std::unexpected(Errno{EROFS});
    return real_.unlink(directory, name);
  }
  SystemResult<void> make_directory(int directory, const std::string& name, mode_t mode) override {
    return real_.make_directory(directory, name, mode);
  }
  SystemResult<FreeSpace> free_space(int directory) override { return real_.free_space(directory); }

private:
  static bool is_in(int descriptor, std::string_view part) {
    std::error_code error;
    const auto path =
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), error);
    return path.string().find(part) != std::string::npos;
  }
  FileSystem& real_ = posix_file_system();
};

// The record that is written again is in doubt (its sync failed, and no slot takes a Void); the
// next checkpoint sets the content down anew, for which there is no room; then kill -9.
void a_record_written_again_and_in_doubt_keeps_its_file(void**) {
  TemporaryDirectory directory;
  BadDisk files;
  auto options = small_journal();
  options.checkpoint_interval = std::chrono::milliseconds(2'000);
  auto store = std::make_unique<StoreUnderTest>(directory, files, options);
  assert_true(store->resolve({"main", "alice", "bob"}).has_value());
  wait_for_spare_slot(directory, options.limits.segments);
  files.no_maildrop = true;
  assert_true(store->commit(delivery(transaction(1), text, {1})) == CommitStatus::committed);
  store->settle();
  files.good_syncs = 2;
  for (int i = 0; i < 8; ++i)
    static_cast<void>(
        store->commit(delivery(Id128::random(), std::string(20'000, 'y') + "\n", {2})));
  for (int i = 0; i < 200 && !files.bad; ++i)
    ::poll(nullptr, 0, 20);
  assert_true(files.bad);
  for (int i = 0; i < 500 && files.refused_in_large == 0; ++i) {
    static_cast<void>(store->commit(delivery(Id128::random(), text, {2})));
    ::poll(nullptr, 0, 20);
  }
  TemporaryDirectory left; // kill -9 now
  std::filesystem::copy(directory.path(), left.path(),
                        std::filesystem::copy_options::recursive |
                            std::filesystem::copy_options::overwrite_existing);
  StoreUnderTest next(left, posix_file_system(), options);
  next->drain_completions();
  auto maildrop = *next.list();
  const auto found = maildrop->messages().size();
  maildrop.reset();
  next.close();
  store->close();
  assert_int_equal(found, 1);
}

// 10,000 copies of one maildrop are what the limit allows; a journal of 8 segments of 1 MiB.
void one_maildrop_within_its_limit_does_not_fill_a_small_journal(void**) {
  TemporaryDirectory directory;
  BadDisk files;
  auto options = small_journal();
  options.limits = StoreLimits();
  options.limits.segment_bytes = 1u << 20;
  StoreUnderTest store(directory, files, options);
  assert_true(store.resolve({"main", "alice", "bob"}).has_value());
  files.no_maildrop = true;
  int stuck = 0;
  for (int i = 0; i < 40; ++i) { // in batches
    std::vector<std::shared_ptr<std::optional<CommitResult>>> answers;
    for (int j = 0; j < 250; ++j) {
      auto made = delivery(Id128::random(), text, {1});
      made.copies[0].head = std::string(800, 'h') + "\n"; // Return-Path, Delivered-To, Received
      answers.push_back(store.submit(std::move(made)));
    }
    for (auto& answer : answers) {
      const auto status = store.wait_for(answer).status;
      stuck += status == CommitStatus::committed;
    }
  }
  assert_true(stuck > 0 && stuck < 10'000);
  assert_int_equal(taken(store, 300, 20'000), 300);
}

// Many messages are expunged from a maildrop that cannot be written, in several sessions; a start
// makes one removal of all of them, and its one record does not fit into a segment.
void expunges_that_a_start_joined_do_not_hold_the_journal_for_ever(void**) {
  for (const bool restarted : {false, true}) {
    TemporaryDirectory directory;
    BadDisk files;
    auto options = small_journal();
    options.limits = StoreLimits();
    options.limits.segment_bytes = 1u << 20;
    auto store = std::make_unique<StoreUnderTest>(directory, files, options);
    assert_true(store->resolve({"main", "alice", "bob"}).has_value());
    const std::string base(200, 'f');
    for (int i = 0; i < 5500; ++i)
      std::ofstream(directory.maildir(1) / "cur" / (std::to_string(i) + base + ":2,S"));
    files.no_maildrop = true;
    for (int session = 0; session < 3; ++session) {
      auto maildrop = *store->list();
      const std::size_t size = std::min<std::size_t>(maildrop->messages().size(), 1800);
      std::vector<std::size_t> all(size);
      for (std::size_t i = 0; i < size; ++i)
        all[i] = i;
      const auto expunged = store->expunge(*maildrop, all);
    }
    store->settle();
    if (restarted) {
      store->close();
      store = std::make_unique<StoreUnderTest>(directory, files, options);
    }
    assert_int_equal(taken(*store, 300, 50'000), 300);
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_torn_file_is_replaced_though_its_record_was_written_again),
      cmocka_unit_test(a_copy_that_came_to_its_place_while_it_was_moved_outlives_a_power_cut),
      cmocka_unit_test(a_full_journal_becomes_free_though_a_maildrop_cannot_be_written),
      cmocka_unit_test(long_heads_of_what_is_stuck_do_not_fill_the_journal_for_ever),
      cmocka_unit_test(what_comes_at_once_is_taken_though_it_is_more_than_a_segment),
      cmocka_unit_test(what_is_written_again_does_not_push_out_what_is_remembered),
      cmocka_unit_test(room_is_given_back_when_a_stuck_copy_is_in_its_place),
      cmocka_unit_test(a_record_written_again_and_in_doubt_keeps_its_file),
      cmocka_unit_test(one_maildrop_within_its_limit_does_not_fill_a_small_journal),
      cmocka_unit_test(expunges_that_a_start_joined_do_not_hold_the_journal_for_ever),
      cmocka_unit_test(one_record_that_cannot_be_read_does_not_stop_all),
      cmocka_unit_test(a_maildrop_that_cannot_be_written_does_not_stop_its_shard),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
