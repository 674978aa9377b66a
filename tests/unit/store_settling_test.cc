// What a start has found, while it is being settled: sessions, quotas, disks that fail
// (docs/spool.md, "Settling a maildrop").
#include "tests/unit/settling_scene.h"

using namespace letterlock;
using namespace letterlock::test;

namespace {

void a_session_reads_what_is_not_settled(void**) {
  SettlingScene f(many);
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
  SettlingScene f(many);
  f.open_slowly();
  f.send(1);
  assert_int_equal((*f.store->list())->messages().size(), many + 1);
  f.settle_the_rest();
  assert_int_equal((*f.store->list())->messages().size(), many + 1);
}

// One slot for the mail that comes, and one for the next start: else this start has to make room.
void where_slots_are_few_all_is_settled_first(void**) {
  for (const std::size_t segments : {2u, 3u}) {
    SettlingScene f(many);
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

// Nobody can say where its messages are while it cannot be listed. What could not be written then
// waits longer than the settlement, and is shown no otherwise.
void trouble_while_it_settles_shows_nothing_that_is_not_so(void**) {
  enum class How { archived, removed, renamed };
  for (const How how : {How::archived, How::removed, How::renamed})
    for (const bool is_stuck : {false, true}) {
      SettlingScene f(many);
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
  SettlingScene f(many);
  f.open_slowly();
  fs::remove(f.in("cur", ""));
  assert_int_equal((*f.store->list())->messages().size(), many);
  f.settle_the_rest();
  assert_int_equal((*f.store->list())->messages().size(), many);
}

// One message has a copy in each of two maildrops of the same thread.
void what_one_account_removes_another_keeps(void**) {
  for (const bool is_stuck : {false, true}) {
    SettlingScene f(0);
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
  SettlingScene f(many);
  const std::uint64_t quota = stored_size * (many + 100);
  f.open_slowly();
  (*f.store)->set_account_rules({{AccountId{1}, quota}});
  f.store->settle();
  f.send(1);
  f.settle_the_rest();
  assert_int_equal(f.counted(quota), many + 1);
}

void what_was_lost_is_counted_once(void**) {
  SettlingScene f(many);
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
  SettlingScene f(many);
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
  SettlingScene f(3);
  f.disk.refuses_writes_over = true;
  f.open();
  wait_until_retired(f.directory);
  assert_int_equal((*f.store->list())->messages().size(), 3);
}

// In the same life, too: what was read once may have been dropped from memory since.
void a_session_reads_what_was_in_its_place_from_the_journal(void**) {
  SettlingScene f(0);
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

void a_file_keeps_its_time(void**) {
  SettlingScene f(1);
  const auto file = f.in("new", f.last_in_new());
  const auto arrival = fs::file_time_type::clock::now() - std::chrono::hours(10);
  fs::last_write_time(file, arrival);
  const auto before = fs::last_write_time(file);
  f.open();
  wait_until_retired(f.directory);
  assert_true(fs::last_write_time(file) == before);
}

void a_store_that_ends_leaves_the_rest_to_the_next(void**) {
  SettlingScene f(many);
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
      cmocka_unit_test(trouble_while_it_settles_shows_nothing_that_is_not_so),
      cmocka_unit_test(a_directory_that_is_missing_is_made_again),
      cmocka_unit_test(what_one_account_removes_another_keeps),
      cmocka_unit_test(what_is_there_is_not_counted_twice),
      cmocka_unit_test(what_was_lost_is_counted_once),
      cmocka_unit_test(what_is_expunged_before_it_came_is_taken_away_once),
      cmocka_unit_test(what_cannot_be_written_over_gets_another_file),
      cmocka_unit_test(a_session_reads_what_was_in_its_place_from_the_journal),
      cmocka_unit_test(a_file_keeps_its_time),
      cmocka_unit_test(a_store_that_ends_leaves_the_rest_to_the_next),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
