// What a start has found, while it is being settled and other programs use the maildrop
// (docs/spool.md, "Settling a maildrop").
#include "tests/unit/settling_scene.h"

using namespace letterlock;
using namespace letterlock::test;

namespace {

void what_is_in_a_sub_folder_is_not_shown(void**) {
  SettlingScene f(many);
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
  SettlingScene f(many);
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

// By whatever listing the settlement has known that it was there.
void what_others_remove_while_it_settles_stays_away(void**) {
  SettlingScene f(many);
  const auto last = f.last_in_new();
  f.open_slowly();
  assert_int_equal((*f.store->list())->messages().size(), many);
  assert_true(fs::remove(f.in("new", last)));
  assert_int_equal((*f.store->list())->messages().size(), many - 1);
  f.settle_the_rest();
  assert_int_equal((*f.store->list())->messages().size(), many - 1);
}

// Who deletes a copy deletes that file, and no other one with the same message's id.
void the_original_stays_when_its_copy_is_gone_already(void**) {
  SettlingScene f(1);
  const fs::path original = f.in("new", f.last_in_new());
  const fs::path copy = original.string() + ",X=1";
  const fs::path seen = f.in("cur", copy.filename().string() + ":2,S");
  fs::copy_file(original, copy);
  f.disk.before_unlink = [&](const std::string& path) {
    if (path == seen)
      fs::remove(seen); // by the other program as well
  };
  f.open();
  f.settle_the_rest();
  {
    const auto session = *f.store->list();
    assert_int_equal(session->messages().size(), 2);
    const bool is_first = original.string().find(session->messages()[0].uidl) == std::string::npos;
    fs::rename(copy, seen);
    assert_true(f.store->expunge(*session, {is_first ? 0u : 1u}).has_value());
  }
  assert_int_equal((*f.store->list())->messages().size(), 1);
  assert_true(fs::exists(original));
}

void what_is_moved_while_it_is_written_again_stays_moved(void**) {
  SettlingScene f(0);
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
  SettlingScene f(0);
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

void what_others_have_removed_stays_away_in_the_same_life(void**) {
  SettlingScene f(0);
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

void a_second_name_of_a_file_is_left_alone(void**) {
  SettlingScene f(1);
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

// Where a sub-folder cannot be read for a while, what was seen in it waits for that.
void what_nobody_can_look_for_is_not_given_up(void**) {
  SettlingScene f(many);
  const auto archived = f.moved_to(".Archive/cur", ":2,S");
  tear(archived);
  f.interval = std::chrono::milliseconds(50);
  f.open_to_the_gate();
  {
    const Unreadable folder(f.in(".Archive/cur", ""), f.in("kept", ""));
    bool is_open = false;
    f.begin_session(1, [&](bool) { is_open = true; });
    f.disk.is_gate_shut = false;
    f.until([&] { return is_open; });
  }
  wait_until_retired(f.directory);
  assert_true(content_of(archived) == head_for(1) + text);
  assert_int_equal(f.directory.names(f.box() / "new").size(), many - 1);
}

// And if it was never seen there, it is delivered again.
void what_may_be_in_a_folder_that_cannot_be_read_is_delivered(void**) {
  SettlingScene f(many);
  f.moved_to(".Archive/cur", ":2,S");
  const Unreadable folder(f.in(".Archive/cur", ""), f.in("kept", ""));
  f.open();
  wait_until_retired(f.directory);
  assert_int_equal(f.directory.names(f.box() / "new").size(), many);
}

// An IMAP program opens the INBOX; another one marks all as read.
void what_has_moved_since_it_was_looked_for_is_settled_there(void**) {
  SettlingScene f(many);
  for (const std::string& name : f.directory.names(f.box() / "new"))
    tear(f.in("new", name));
  f.open_to_the_gate();
  for (const std::string& name : f.directory.names(f.box() / "new"))
    fs::rename(f.in("new", name), f.in("cur", name + ":2,S"));
  f.disk.is_gate_shut = false;
  wait_until_retired(f.directory);
  assert_int_equal(f.directory.names(f.box() / "new").size(), 0);
  const auto names = f.directory.names(f.box() / "cur");
  assert_int_equal(names.size(), many);
  for (const std::string& name : names)
    assert_true(content_of(f.in("cur", name)) == head_for(1) + text);
}

// As mbsync does it, and then the disk does not take that file.
void a_renamed_file_that_cannot_be_written_keeps_nobody_out(void**) {
  SettlingScene f(many);
  tear(f.moved_to("cur", ",U=5:2,S"));
  f.disk.refused_part = ",U=5";
  f.open();
  f.wait_until_tried();
  const auto session = *f.store->list();
  assert_int_equal(session->messages().size(), many);
  for (std::size_t i = 0; i < many; ++i)
    assert_true(f.store->read(*session, i) == head_for(1) + text);
}

// It has the sizes of the message, whatever is in it.
void what_others_have_renamed_and_a_power_cut_has_emptied_is_shown_whole(void**) {
  SettlingScene f(1);
  fs::resize_file(f.moved_to("cur", ",U=5:2,S"), 0);
  f.open_to_the_gate();
  bool is_open = false;
  f.begin_session(1, [&](bool) { is_open = true; });
  f.disk.is_gate_shut = false;
  f.until([&] { return is_open; });
  wait_until_retired(f.directory);
  const auto session = *f.store->list();
  const std::string whole = head_for(1) + text;
  const auto lines = std::count(whole.begin(), whole.end(), '\n');
  assert_int_equal(session->messages().wire_size(0),
                   whole.size() + static_cast<std::size_t>(lines));
  assert_true(f.store->read(*session, 0) == head_for(1) + text);
}

void what_others_have_renamed_and_is_expunged_stays_away(void**) {
  for (const bool is_settled : {true, false}) {
    SettlingScene f(is_settled ? 0 : 3);
    if (is_settled) {
      f.open();
      f.send(3);
      f.store->settle();
    }
    const auto renamed = f.moved_to("cur", ",U=5:2,S");
    if (!is_settled)
      f.open_slowly();
    {
      const auto session = *f.store->list();
      assert_int_equal(session->messages().size(), 3);
      assert_true(f.store->expunge(*session, {0, 1, 2}).has_value());
    }
    f.store->settle();
    assert_false(fs::exists(renamed));
    f.store.reset();
    f.disk.is_slow = false;
    ++f.life; // and the power is cut
    f.open();
    assert_int_equal((*f.store->list())->messages().size(), 0);
    wait_until_retired(f.directory);
    assert_int_equal((*f.store->list())->messages().size(), 0);
  }
}

// mbsync gives it its name between the session's listing and its QUIT.
void what_others_rename_during_the_session_is_expunged(void**) {
  for (const bool is_settled : {true, false}) {
    SettlingScene f(is_settled ? 0 : 3);
    if (is_settled) {
      f.open();
      f.send(3);
      f.store->settle();
    } else {
      f.open_slowly();
    }
    {
      const auto session = *f.store->list();
      for (const std::string& name : f.directory.names(f.box() / "new"))
        fs::rename(f.in("new", name), f.in("cur", name + ",U=5:2,S"));
      assert_true(f.store->expunge(*session, {0, 1, 2}).has_value());
    }
    f.store->settle();
    const auto names = f.directory.names(f.box() / "cur");
    assert_int_equal(names.size(), 0);
    assert_int_equal((*f.store->list())->messages().size(), 0);
    f.store.reset();
    f.disk.is_slow = false;
    ++f.life;
    // As a power cut may bring it back.
    std::ofstream(f.in("cur", "1700000000." + Id128::random().hex() + ".x")) << "not ours";
    f.open();
    wait_until_retired(f.directory);
    assert_int_equal((*f.store->list())->messages().size(), 1);
  }
}

void what_a_power_cut_brings_back_renamed_is_removed(void**) {
  SettlingScene f(0);
  f.open();
  f.send(2);
  f.store->settle();
  const auto names = f.directory.names(f.box() / "new");
  const auto kept = f.directory.path() / "kept";
  fs::copy_file(f.in("new", names[0]), kept);
  {
    const auto session = *f.store->list();
    assert_true(f.store->expunge(*session, {0}).has_value());
  }
  f.store->settle();
  f.store.reset();
  ++f.life;
  fs::rename(kept, f.in("cur", names[0] + ",U=5:2,S"));
  f.open();
  wait_until_retired(f.directory);
  assert_int_equal(f.directory.names(f.box() / "cur").size(), 0);
  assert_int_equal((*f.store->list())->messages().size(), 1);
}

// What is expunged is what sessions see.
void what_is_expunged_is_whole_in_a_sub_folder(void**) {
  SettlingScene f(many);
  const std::string name = f.last_in_new();
  fs::create_directories(f.in(".Archive/cur", ""));
  const auto archived = f.in(".Archive/cur", name + ":2,S");
  fs::copy_file(f.in("new", name), archived);
  tear(archived);
  f.open_slowly();
  {
    const auto session = *f.store->list();
    std::vector<std::size_t> all(session->messages().size());
    std::iota(all.begin(), all.end(), 0);
    assert_int_equal(all.size(), many);
    assert_true(f.store->expunge(*session, all).has_value());
  }
  f.settle_the_rest();
  assert_true(content_of(archived) == head_for(1) + text);
  assert_int_equal((*f.store->list())->messages().size(), 0);
  assert_int_equal(f.directory.names(f.box() / "new").size(), 0);
}

// A copy that somebody made is another message, before and after a power cut.
void a_copy_of_what_is_expunged_stays(void**) {
  SettlingScene f(0);
  f.open();
  f.send(1);
  f.store->settle();
  const std::string name = f.last_in_new();
  fs::copy_file(f.in("new", name), f.in("cur", name + ",U=5:2,S"));
  {
    const auto session = *f.store->list();
    assert_int_equal(session->messages().size(), 2);
    assert_true(f.store->expunge(*session, {0}).has_value());
  }
  f.store.reset();
  f.life = 2;
  f.open();
  wait_until_retired(f.directory);
  const auto session = *f.store->list();
  assert_int_equal(session->messages().size(), 1);
  assert_true(f.store->read(*session, 0) == head_for(1) + text);
}

void mail_of_others_does_not_wait_for_a_long_removal(void**) {
  for (const bool with_session : {false, true}) {
    SettlingScene f(0);
    f.threads = 1;
    f.open();
    assert_true(f.store->resolve({"main", "other"}).has_value());
    f.store->settle();
    constexpr std::size_t long_one = 5000;
    for (std::size_t i = 0; i < long_one; ++i)
      std::ofstream(f.in("new", std::to_string(1700000000 + i) + "." + Id128::random().hex() +
                                    ".mx.example.com,S=45,W=50"))
          << std::string(45, 'x');
    auto session = *f.store->list();
    std::vector<std::size_t> all(long_one);
    std::iota(all.begin(), all.end(), 0);
    std::atomic<std::size_t> left = 0; // when that mail comes into its place
    f.disk.before_create_file = [&](const std::string& path) {
      if (path.find("/maildrops/2/") != std::string::npos)
        left = f.directory.names(f.box() / "new").size();
    };
    f.disk.is_gate_shut = true;
    assert_true(f.store->expunge(*session, all).has_value());
    session.reset();
    f.wait_for_the_gate();
    if (with_session)
      f.begin_session(1, [](bool) {});
    assert_true(f.store->commit(delivery(Id128::random(), text, {2})) == CommitStatus::committed);
    f.disk.is_gate_shut = false;
    f.until([&] { return f.directory.names(f.box() / "new").empty(); });
    f.until([&] { return !f.directory.names(f.directory.maildir(2) / "new").empty(); });
    assert_true(left > 0);
  }
}

void what_others_move_from_a_long_removal_is_removed(void**) {
  constexpr std::size_t long_one = 2500;
  SettlingScene f(0);
  f.open();
  f.store->settle();
  for (std::size_t i = 0; i < long_one; ++i)
    std::ofstream(f.in("new", std::to_string(1700000000 + i) + "." + Id128::random().hex() +
                                  ".mx.example.com,S=45,W=50"))
        << std::string(45, 'x');
  {
    const auto session = *f.store->list();
    for (const std::string& name : f.directory.names(f.box() / "new"))
      fs::rename(f.in("new", name), f.in("cur", name + ":2,S"));
    std::vector<std::size_t> all(long_one);
    std::iota(all.begin(), all.end(), 0);
    assert_true(f.store->expunge(*session, all).has_value());
  }
  f.store->settle();
  assert_int_equal(f.directory.names(f.box() / "cur").size(), 0);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_original_stays_when_its_copy_is_gone_already),
      cmocka_unit_test(what_is_in_a_sub_folder_is_not_shown),
      cmocka_unit_test(what_others_have_renamed_is_shown_once_and_whole),
      cmocka_unit_test(what_others_remove_while_it_settles_stays_away),
      cmocka_unit_test(what_is_moved_while_it_is_written_again_stays_moved),
      cmocka_unit_test(what_was_moved_before_its_turn_is_durable_there),
      cmocka_unit_test(what_others_have_removed_stays_away_in_the_same_life),
      cmocka_unit_test(a_second_name_of_a_file_is_left_alone),
      cmocka_unit_test(what_nobody_can_look_for_is_not_given_up),
      cmocka_unit_test(what_may_be_in_a_folder_that_cannot_be_read_is_delivered),
      cmocka_unit_test(what_has_moved_since_it_was_looked_for_is_settled_there),
      cmocka_unit_test(a_renamed_file_that_cannot_be_written_keeps_nobody_out),
      cmocka_unit_test(what_others_have_renamed_and_a_power_cut_has_emptied_is_shown_whole),
      cmocka_unit_test(what_others_have_renamed_and_is_expunged_stays_away),
      cmocka_unit_test(what_others_rename_during_the_session_is_expunged),
      cmocka_unit_test(what_a_power_cut_brings_back_renamed_is_removed),
      cmocka_unit_test(what_is_expunged_is_whole_in_a_sub_folder),
      cmocka_unit_test(a_copy_of_what_is_expunged_stays),
      cmocka_unit_test(mail_of_others_does_not_wait_for_a_long_removal),
      cmocka_unit_test(what_others_move_from_a_long_removal_is_removed),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
