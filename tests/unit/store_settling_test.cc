// What a start has found, while it is being settled: sessions, quotas, other programs, disks that
// fail (docs/spool.md, "Settling a maildrop").
#include "tests/unit/passing_file_system.h"
#include "tests/unit/store_support.h"

#include <sys/stat.h>

#include <atomic>
#include <map>
#include <numeric>

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;
namespace fs = std::filesystem;

namespace {

std::string path_of(int descriptor) {
  return fs::read_symlink("/proc/self/fd/" + std::to_string(descriptor)).string();
}

// A disk on which each message file takes a while, so that there is time for a session.
class SlowDisk final : public PassingFileSystem {
public:
  SlowDisk() : PassingFileSystem(posix_file_system()) {}

  std::atomic<bool> is_slow = false;
  std::atomic<bool> refuses_writes_over = false; // of message files
  std::atomic<bool> refuses_message_files = false;
  std::atomic<int> failing_syncs = 0;
  std::function<void(const std::string& path)> before_sync_file, before_sync_directory;

  SystemResult<UniqueFd> create_file(int directory, const std::string& name, mode_t mode) override {
    take_a_while(name);
    if (refuses_message_files && is_message(name))
      return std::unexpected(Errno{EIO});
    return PassingFileSystem::create_file(directory, name, mode);
  }
  SystemResult<UniqueFd> open_file(int directory, const std::string& name) override {
    take_a_while(name);
    if (refuses_message_files && is_message(name))
      return std::unexpected(Errno{EIO});
    return PassingFileSystem::open_file(directory, name);
  }
  SystemResult<void> write_at(int file, std::uint64_t offset, Bytes bytes) override {
    if (refuses_writes_over && path_of(file).find("/maildrops/") != std::string::npos)
      return std::unexpected(Errno{EIO});
    return PassingFileSystem::write_at(file, offset, bytes);
  }
  SystemResult<void> sync_file(int file) override {
    if (before_sync_file)
      before_sync_file(path_of(file));
    return PassingFileSystem::sync_file(file);
  }
  SystemResult<void> sync_directory(int directory) override {
    if (before_sync_directory)
      before_sync_directory(path_of(directory));
    return PassingFileSystem::sync_directory(directory);
  }
  SystemResult<void> sync_everything(int directory) override {
    if (failing_syncs > 0 && failing_syncs-- > 0)
      return std::unexpected(Errno{EIO});
    return PassingFileSystem::sync_everything(directory);
  }

private:
  static bool is_message(const std::string& name) {
    return name.find("mx.example.com") != std::string::npos;
  }
  void take_a_while(const std::string& name) const {
    if (is_slow && is_message(name))
      ::poll(nullptr, 0, 5);
  }
};

const std::string text = "Subject: hello\n\nworld\n";
const std::uint64_t stored_size = head_for(1).size() + text.size();
constexpr std::size_t many = 200;

struct Fixture {
  TemporaryDirectory directory;
  SlowDisk disk;
  std::map<AccountId, std::optional<std::uint64_t>> rooms;
  std::uint8_t life = 1;
  std::size_t segments = StoreLimits{}.segments;
  std::chrono::milliseconds interval{30'000}, retry{1};
  std::size_t threads = 2;
  bool is_tried = false; // all that a start has found
  std::optional<StoreUnderTest> store;

  // COUNT messages in their places; then the power is cut, and all of it is on the disk.
  explicit Fixture(std::size_t count) {
    open();
    assert_true(store->resolve({"main"}).has_value());
    send(count);
    store->settle();
    store.reset();
    life = 2;
  }
  void open() {
    auto options = StoreUnderTest::default_options();
    options.life = Id128{{life}};
    options.checkpoint_interval = interval;
    options.first_retry = retry;
    is_tried = false;
    options.report = [this](const StoreReport& report) {
      is_tried = is_tried || report.event == "recovery.done";
    };
    options.materialise_threads = threads;
    options.limits.segments = segments;
    options.room_changed = [this](const AccountRoom& room) { rooms[room.account] = room.bytes; };
    store.emplace(directory, disk, options);
  }
  void open_slowly() {
    disk.is_slow = true;
    open();
  }
  void wait_until_tried() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (; !is_tried; ::poll(nullptr, 0, 1)) {
      (*store)->drain_completions();
      assert_true(std::chrono::steady_clock::now() < deadline);
    }
  }
  void settle_the_rest() {
    disk.is_slow = false;
    wait_until_retired(directory);
  }
  void send(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      assert_true(store->commit(delivery(Id128::random(), text)) == CommitStatus::committed);
  }
  // Until the journal says that all is in its place.
  void wait_until_noted() const {
    const UniqueFd journal(::open((directory.path() / "journal").c_str(), O_RDONLY | O_DIRECTORY));
    for (journal::Sequence sent = 0, placed = 0; placed == 0 || placed < sent;
         ::poll(nullptr, 0, 5))
      static_cast<void>(
          journal::read_journal(journal.get(), [&](const journal::Record& record,
                                                   journal::Sequence sequence, const auto&) {
            if (journal::accept_in(record))
              sent = sequence;
            else if (const auto* materialised = std::get_if<journal::Materialised>(&record))
              placed = materialised->up_to;
          }));
  }
  fs::path box() const { return directory.maildir(1); }
  fs::path in(const char* folder, const std::string& name) const {
    return directory.path() / box() / folder / name;
  }
  std::string last_in_new() const { return directory.names(box() / "new").back(); }
  // Where other programs put the last message.
  fs::path moved_to(const char* folder, const char* more) {
    const std::string name = last_in_new();
    fs::create_directories(in(folder, ""));
    const auto to = in(folder, name + more);
    fs::rename(in("new", name), to);
    return to;
  }
  std::uint64_t counted(std::uint64_t quota) {
    (*store)->drain_completions();
    const auto room = rooms.find(AccountId{1});
    return room == rooms.end() || !room->second ? 0 : (quota - *room->second) / stored_size;
  }
};

// As a power cut may leave it.
void tear(const fs::path& file) {
  const auto size = fs::file_size(file);
  fs::resize_file(file, 0);
  fs::resize_file(file, size);
}

std::string content_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void a_session_reads_what_is_not_settled(void**) {
  Fixture f(many);
  for (const std::string& name : f.directory.names(f.box() / "new"))
    tear(f.in("new", name));
  f.open_slowly();
  const auto session = *f.store->list();
  assert_int_equal(session->messages().size(), many);
  for (std::size_t i = 0; i < many; ++i)
    assert_true(f.store->read(*session, i) == head_for(1) + text);
  f.settle_the_rest();
  for (std::size_t i = 0; i < many; ++i)
    assert_true(f.store->read(*session, i) == head_for(1) + text);
  for (const std::string& name : f.directory.names(f.box() / "new"))
    assert_true(content_of(f.in("new", name)) == head_for(1) + text);
}

void mail_is_taken_before_all_is_settled(void**) {
  Fixture f(many);
  f.open_slowly();
  f.send(1);
  assert_int_equal((*f.store->list())->messages().size(), many + 1);
  f.settle_the_rest();
  assert_int_equal((*f.store->list())->messages().size(), many + 1);
}

// One slot for the mail that comes, and one for the next start: else this start has to make room.
void where_slots_are_few_all_is_settled_first(void**) {
  for (const std::size_t segments : {2u, 3u}) {
    Fixture f(many);
    for (const std::string& name : f.directory.names(f.box() / "new"))
      tear(f.in("new", name));
    f.segments = segments;
    f.open_slowly();
    std::size_t whole = 0;
    for (const std::string& name : f.directory.names(f.box() / "new"))
      whole += content_of(f.in("new", name)) == head_for(1) + text;
    if (segments == 2)
      assert_int_equal(whole, many);
    else
      assert_true(whole < many);
    f.send(1);
  }
}

void what_is_in_a_sub_folder_is_not_shown(void**) {
  Fixture f(many);
  const auto archived = f.moved_to(".Archive/cur", ":2,S");
  tear(archived);
  f.open_slowly();
  {
    const auto session = *f.store->list();
    assert_int_equal(session->messages().size(), many - 1);
    std::vector<std::size_t> all(many - 1);
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] = i;
    assert_true(f.store->expunge(*session, all).has_value());
  }
  f.settle_the_rest();
  assert_true(content_of(archived) == head_for(1) + text);
  assert_int_equal((*f.store->list())->messages().size(), 0);
}

// As mbsync does it.
void what_others_have_renamed_is_shown_once_and_whole(void**) {
  Fixture f(many);
  tear(f.moved_to("cur", ",U=5:2,S"));
  f.open_slowly();
  {
    const auto session = *f.store->list();
    assert_int_equal(session->messages().size(), many);
    for (std::size_t i = 0; i < many; ++i)
      assert_true(f.store->read(*session, i) == head_for(1) + text);
  }
  f.settle_the_rest();
  assert_int_equal((*f.store->list())->messages().size(), many);
}

// Nobody can say where its messages are while it cannot be listed. What could not be written then
// waits longer than the settlement, and is shown no otherwise.
void trouble_while_it_settles_shows_nothing_that_is_not_so(void**) {
  enum class How { archived, removed, renamed };
  for (const How how : {How::archived, How::removed, How::renamed})
    for (const bool is_stuck : {false, true}) {
      Fixture f(many);
      fs::path moved;
      if (how == How::removed) {
        f.life = 1; // what is not there in the same life was removed
        fs::remove(f.in("new", f.last_in_new()));
      } else {
        moved = f.moved_to(how == How::archived ? ".Archive/cur" : "cur", ",U=5:2,S");
        tear(moved);
      }
      f.retry = std::chrono::hours(1);
      f.disk.refuses_message_files = is_stuck;
      f.open_slowly();
      if (is_stuck) {
        f.wait_until_tried();
      } else {
        fs::rename(f.in("cur", ""), f.in("kept", ""));
        f.directory.write(f.box() / "cur", "no directory");
        assert_false(f.store->list().has_value());
        fs::remove(f.directory.path() / f.box() / "cur");
        fs::rename(f.in("kept", ""), f.in("cur", ""));
      }
      f.disk.refuses_message_files = false;
      const auto session = *f.store->list();
      assert_int_equal(session->messages().size(), how == How::renamed ? many : many - 1);
      for (std::size_t i = 0; i < session->messages().size(); ++i)
        assert_true(f.store->read(*session, i) == head_for(1) + text);
      // The one in the sub-folder is not given up with what is removed here.
      if (how == How::archived) {
        std::vector<std::size_t> all(session->messages().size());
        std::iota(all.begin(), all.end(), 0);
        assert_true(f.store->expunge(*session, all).has_value());
        f.store.reset();
        f.open();
        wait_until_retired(f.directory);
        assert_true(content_of(moved) == head_for(1) + text);
      }
    }
}

void a_directory_that_is_missing_is_made_again(void**) {
  Fixture f(many);
  f.open_slowly();
  fs::remove(f.in("cur", ""));
  assert_int_equal((*f.store->list())->messages().size(), many);
  f.settle_the_rest();
  assert_int_equal((*f.store->list())->messages().size(), many);
}

// A session whose maildrop others have renamed throughout waits for all of that; others do not.
void what_comes_first_is_settled_in_turns(void**) {
  Fixture f(many);
  for (std::size_t i = 0; i < many; ++i)
    f.moved_to("cur", ",U=5:2,S");
  f.threads = 1;
  f.open_slowly();
  assert_true(f.store->resolve({"main", "other"}).has_value());
  std::string order;
  const auto begin = [&](std::uint32_t account, char name) {
    (*f.store)->open_maildrop(*(*f.store)->lock_maildrop(AccountId{account}),
                              [&order, name](const auto& opened) { order += opened ? name : '-'; });
  };
  begin(1, 'm');
  begin(2, 'o');
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (; order.size() < 2 && std::chrono::steady_clock::now() < deadline; ::poll(nullptr, 0, 1))
    (*f.store)->drain_completions();
  assert_text_equal(order, "om");
}

// By whatever listing the settlement has known that it was there.
void what_others_remove_while_it_settles_stays_away(void**) {
  Fixture f(many);
  const auto last = f.last_in_new();
  f.open_slowly();
  assert_int_equal((*f.store->list())->messages().size(), many);
  assert_true(fs::remove(f.in("new", last)));
  assert_int_equal((*f.store->list())->messages().size(), many - 1);
  f.settle_the_rest();
  assert_int_equal((*f.store->list())->messages().size(), many - 1);
}

// One message has a copy in each of two maildrops of the same thread.
void what_one_account_removes_another_keeps(void**) {
  for (const bool is_stuck : {false, true}) {
    Fixture f(0);
    f.threads = 1;
    f.retry = std::chrono::hours(1);
    f.open();
    assert_true(f.store->resolve({"main", "other"}).has_value());
    for (std::size_t i = 0; i < many; ++i)
      assert_true(f.store->commit(delivery(Id128::random(), text, {1, 2})) ==
                  CommitStatus::committed);
    f.store->settle(1);
    f.store->settle(2);
    f.store.reset();
    f.life = 3;
    for (const std::uint32_t account : {1u, 2u})
      for (const std::string& name : f.directory.names(f.directory.maildir(account) / "new"))
        tear(f.directory.path() / f.directory.maildir(account) / "new" / name);
    f.disk.refuses_message_files = is_stuck;
    f.open_slowly();
    if (is_stuck)
      f.wait_until_tried();
    f.disk.refuses_message_files = false;
    {
      const auto session = *f.store->list(1);
      std::vector<std::size_t> all(session->messages().size());
      std::iota(all.begin(), all.end(), 0);
      assert_int_equal(all.size(), many);
      assert_true(f.store->expunge(*session, all).has_value());
    }
    assert_int_equal((*f.store->list(1))->messages().size(), 0);
    const auto session = *f.store->list(2);
    assert_int_equal(session->messages().size(), many);
    for (std::size_t i = 0; i < many; ++i)
      assert_true(f.store->read(*session, i) == head_for(2) + text);
  }
}

void what_is_there_is_not_counted_twice(void**) {
  Fixture f(many);
  const std::uint64_t quota = stored_size * (many + 100);
  f.open_slowly();
  (*f.store)->set_account_rules({{AccountId{1}, quota}});
  f.store->settle();
  f.send(1);
  f.settle_the_rest();
  assert_int_equal(f.counted(quota), many + 1);
}

void what_was_lost_is_counted_once(void**) {
  Fixture f(many);
  const std::uint64_t quota = stored_size * 1000;
  for (const std::string& name : f.directory.names(f.box() / "new"))
    fs::remove(f.in("new", name));
  f.open_slowly();
  (*f.store)->set_account_rules({{AccountId{1}, quota}});
  while (f.directory.names(f.box() / "new").size() < many / 4)
    ::poll(nullptr, 0, 1);
  f.store->settle(); // a session begins in the middle of it, and counts
  f.settle_the_rest();
  f.store->settle();
  assert_int_equal(f.counted(quota), many);
}

void what_is_expunged_before_it_came_is_taken_away_once(void**) {
  Fixture f(many);
  const std::uint64_t quota = stored_size * 1000;
  const auto names = f.directory.names(f.box() / "new");
  for (std::size_t i = many - 50; i < many; ++i)
    fs::remove(f.in("new", names[i]));
  f.open_slowly();
  (*f.store)->set_account_rules({{AccountId{1}, quota}});
  {
    const auto session = *f.store->list();
    std::vector<std::size_t> last;
    for (std::size_t i = many - 50; i < many; ++i)
      last.push_back(i);
    assert_true(f.store->expunge(*session, last).has_value());
  }
  f.settle_the_rest();
  assert_int_equal(f.directory.names(f.box() / "new").size(), many - 50);
  while (f.counted(quota) == 0)
    ::poll(nullptr, 0, 1);
  assert_int_equal(f.counted(quota), many - 50);
}

// A part of a page can only be written when the rest of it can be read.
void what_cannot_be_written_over_gets_another_file(void**) {
  Fixture f(3);
  f.disk.refuses_writes_over = true;
  f.open();
  wait_until_retired(f.directory);
  assert_int_equal((*f.store->list())->messages().size(), 3);
}

void what_is_moved_while_it_is_written_again_stays_moved(void**) {
  Fixture f(0);
  f.interval = std::chrono::milliseconds(50);
  f.disk.failing_syncs = 1;
  std::atomic<bool> moved = false;
  f.disk.before_sync_file = [&](const std::string& path) {
    if (path.find("/Maildir/tmp/") == std::string::npos || moved.exchange(true))
      return;
    const std::string name = fs::path(path).filename();
    fs::create_directories(f.in(".Archive/cur", ""));
    fs::rename(f.in("new", name), f.in(".Archive/cur", name + ":2,S"));
  };
  f.open();
  f.send(1);
  f.store->settle();
  wait_until_retired(f.directory);
  assert_true(moved);
  assert_int_equal(f.directory.names(f.box() / "new").size(), 0);
  assert_int_equal(f.directory.names(f.box() / ".Archive/cur").size(), 1);
}

// It is written again where it is by then, and that directory is synced.
void what_was_moved_before_its_turn_is_durable_there(void**) {
  Fixture f(0);
  f.interval = std::chrono::milliseconds(200);
  f.disk.failing_syncs = 1;
  std::atomic<bool> moved = false, synced = false;
  f.disk.before_sync_file = [&](const std::string& path) {
    if (path.find("/Maildir/tmp/") == std::string::npos || moved)
      return;
    fs::create_directories(f.in(".Archive/cur", ""));
    for (const std::string& name : f.directory.names(f.box() / "new"))
      if (name != fs::path(path).filename())
        fs::rename(f.in("new", name), f.in(".Archive/cur", name + ":2,S"));
    moved = true;
  };
  f.disk.before_sync_directory = [&](const std::string& path) {
    synced = synced || (moved && path.ends_with("/.Archive/cur"));
  };
  f.open();
  f.send(2);
  f.store->settle();
  wait_until_retired(f.directory);
  assert_true(moved);
  assert_true(synced);
  assert_int_equal(f.directory.names(f.box() / ".Archive/cur").size(), 1);
}

// In the same life, too: what was read once may have been dropped from memory since.
void a_session_reads_what_was_in_its_place_from_the_journal(void**) {
  Fixture f(0);
  f.open();
  f.send(many);
  f.store->settle();
  f.wait_until_noted();
  f.store.reset();
  tear(f.in("new", f.last_in_new()));
  tear(f.moved_to("cur", ",U=5:2,S"));
  f.open_slowly();
  {
    const auto session = *f.store->list();
    assert_int_equal(session->messages().size(), many);
    for (std::size_t i = 0; i < many; ++i)
      assert_true(f.store->read(*session, i) == head_for(1) + text);
  }
  f.settle_the_rest();
}

void what_others_have_removed_stays_away_in_the_same_life(void**) {
  Fixture f(0);
  f.open();
  f.send(3);
  f.store->settle();
  f.wait_until_noted();
  f.store.reset();
  fs::remove(f.in("new", f.last_in_new()));
  f.open();
  assert_int_equal((*f.store->list())->messages().size(), 2);
  wait_until_retired(f.directory);
  assert_int_equal((*f.store->list())->messages().size(), 2);
}

void a_file_keeps_its_time(void**) {
  Fixture f(1);
  const auto file = f.in("new", f.last_in_new());
  const auto arrival = fs::file_time_type::clock::now() - std::chrono::hours(10);
  fs::last_write_time(file, arrival);
  const auto before = fs::last_write_time(file);
  f.open();
  wait_until_retired(f.directory);
  assert_true(fs::last_write_time(file) == before);
}

void a_second_name_of_a_file_is_left_alone(void**) {
  Fixture f(1);
  const auto file = f.in("new", f.last_in_new());
  const auto snapshot = f.directory.path() / "snapshot";
  tear(file);
  fs::create_hard_link(file, snapshot);
  const std::string torn = content_of(snapshot);
  f.open();
  wait_until_retired(f.directory);
  assert_true(content_of(file) == head_for(1) + text);
  assert_true(content_of(snapshot) == torn);
}

void a_store_that_ends_leaves_the_rest_to_the_next(void**) {
  Fixture f(many);
  for (const std::string& name : f.directory.names(f.box() / "new"))
    tear(f.in("new", name));
  f.open_slowly();
  f.store.reset();
  f.disk.is_slow = false;
  f.open();
  wait_until_retired(f.directory);
  for (const std::string& name : f.directory.names(f.box() / "new"))
    assert_true(content_of(f.in("new", name)) == head_for(1) + text);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_session_reads_what_is_not_settled),
      cmocka_unit_test(mail_is_taken_before_all_is_settled),
      cmocka_unit_test(where_slots_are_few_all_is_settled_first),
      cmocka_unit_test(what_is_in_a_sub_folder_is_not_shown),
      cmocka_unit_test(what_others_have_renamed_is_shown_once_and_whole),
      cmocka_unit_test(trouble_while_it_settles_shows_nothing_that_is_not_so),
      cmocka_unit_test(a_directory_that_is_missing_is_made_again),
      cmocka_unit_test(what_comes_first_is_settled_in_turns),
      cmocka_unit_test(what_others_remove_while_it_settles_stays_away),
      cmocka_unit_test(what_one_account_removes_another_keeps),
      cmocka_unit_test(what_is_there_is_not_counted_twice),
      cmocka_unit_test(what_was_lost_is_counted_once),
      cmocka_unit_test(what_is_expunged_before_it_came_is_taken_away_once),
      cmocka_unit_test(what_cannot_be_written_over_gets_another_file),
      cmocka_unit_test(what_is_moved_while_it_is_written_again_stays_moved),
      cmocka_unit_test(what_was_moved_before_its_turn_is_durable_there),
      cmocka_unit_test(a_session_reads_what_was_in_its_place_from_the_journal),
      cmocka_unit_test(what_others_have_removed_stays_away_in_the_same_life),
      cmocka_unit_test(a_file_keeps_its_time),
      cmocka_unit_test(a_second_name_of_a_file_is_left_alone),
      cmocka_unit_test(a_store_that_ends_leaves_the_rest_to_the_next),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
