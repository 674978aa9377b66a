// Reading and expunging a maildrop, with other programs at work in it.
#include "queued/maildir/maildir_name.h"
#include "tests/unit/check.h"
#include "tests/unit/store_support.h"

#include <sys/stat.h>

using namespace letterlock;
using namespace letterlock::queued;

namespace {

struct Fixture {
  TemporaryDirectory directory;
  UniqueFd root = directory.open();
  RecordingFileSystem files{root.get()};
  StoreUnderTest store{directory, files};
  std::filesystem::path drop = directory.maildir(1);

  Fixture() {
    assert_true(store.resolve({"main"}).has_value());
    wait_for_spare_slot(directory);
  }

  void commit(std::uint8_t number, std::int64_t received = 1'700'000'000) {
    Delivery what = delivery(transaction(number), "message " + std::to_string(number) + "\n");
    what.received = received;
    assert_int_equal(static_cast<int>(store.commit(std::move(what))),
                     static_cast<int>(CommitStatus::committed));
    store.settle();
  }
  static std::string content(int number) {
    return head_for(1) + "message " + std::to_string(number) + "\n";
  }
  // What a mail reader does to each message that it has seen.
  void move_all_to_cur(const std::string& flags) const {
    for (const auto& name : directory.names(drop / "new"))
      std::filesystem::rename(drop / "new" / name, drop / "cur" / (name + ":2," + flags));
  }
};

void messages_are_numbered_by_time_then_arrival(void**) {
  Fixture f;
  f.commit(3, 100);
  f.commit(2, 200);
  f.commit(1, 200);
  f.directory.write(f.drop / "cur" / "150.foreign.host:2,S", "a\nb\n");
  const auto maildrop = *f.store.list();
  const auto& messages = maildrop->messages();
  assert_int_equal(messages.size(), 4);
  assert_text_equal(messages[1].uidl, "150.foreign.host");
  assert_text_equal(f.store.read(*maildrop, 0), f.content(3));
  assert_text_equal(f.store.read(*maildrop, 2), f.content(2));
  assert_text_equal(f.store.read(*maildrop, 3), f.content(1));
  assert_int_equal(messages[0].wire_size, mail::wire_size(f.content(3)));
  assert_int_equal(messages[0].received, 100);
  assert_int_equal(messages[1].wire_size, 6); // found by reading
}

void a_message_in_both_directories_is_one(void**) {
  Fixture f;
  f.commit(1);
  const auto name = f.directory.names(f.drop / "new").at(0);
  std::filesystem::create_hard_link(f.drop / "new" / name, f.drop / "cur" / (name + ":2,S"));
  assert_int_equal((*f.store.list())->messages().size(), 1);
}

void a_copy_under_another_name_has_a_uidl_of_its_own(void**) {
  Fixture f;
  f.commit(1);
  const auto name = f.directory.names(f.drop / "new").at(0);
  std::filesystem::copy_file(f.drop / "new" / name, f.drop / "new" / (name + ",copy"));
  std::string first;
  for (int time = 0; time < 2; ++time) {
    const auto maildrop = *f.store.list();
    assert_int_equal(maildrop->messages().size(), 2);
    assert_text_equal(maildrop->messages()[0].uidl, message_id_in(name)->hex());
    const std::string second(maildrop->messages()[1].uidl);
    assert_true(second != message_id_in(name)->hex());
    if (time == 1)
      assert_text_equal(second, first); // the same at each opening
    first = second;
  }
  // And is another message: it stays when the first one is expunged, also by recovery.
  assert_true(f.store.expunge(**f.store.list(), {0}).has_value());
  f.store.close();
  auto options = StoreUnderTest::default_options();
  options.life = Id128{{2}};
  StoreUnderTest next(f.directory, f.files, options);
  assert_int_equal((*next.list())->messages().size(), 1);
}

std::string later_than(const std::string& name) {
  const auto dot = name.find('.');
  return std::to_string(std::stoll(name.substr(0, dot)) + 5) + name.substr(dot);
}

// Whichever of a message's file and its copy is expunged, a start leaves the other one.
void a_copy_of_another_time_and_its_original_go_apart(void**) {
  for (std::uint8_t life = 1; life <= 2; ++life)
    for (const std::size_t expunged : {0u, 1u}) {
      Fixture f;
      f.commit(1);
      const auto name = f.directory.names(f.drop / "new").at(0);
      const auto copy = later_than(name) + ":2,S";
      std::filesystem::copy_file(f.drop / "new" / name, f.drop / "cur" / copy);
      assert_true(f.store.expunge(**f.store.list(), {expunged}).has_value());
      f.store.close();
      auto options = StoreUnderTest::default_options();
      options.life = Id128{{life}};
      StoreUnderTest next(f.directory, f.files, options);
      assert_int_equal((*next.list())->messages().size(), 1);
      assert_int_equal(f.directory.names(f.drop / "new").size(), expunged == 0 ? 0 : 1);
      assert_int_equal(f.directory.names(f.drop / "cur").size(), expunged == 0 ? 1 : 0);
    }
}

void an_original_that_is_expunged_does_not_come_back_for_its_lost_copy(void**) {
  Fixture f;
  f.commit(1);
  const auto name = f.directory.names(f.drop / "new").at(0);
  const auto copy = f.drop / "cur" / (later_than(name) + ":2,S");
  std::filesystem::copy_file(f.drop / "new" / name, copy);
  assert_true(f.store.expunge(**f.store.list(), {0}).has_value());
  f.store.close();
  std::filesystem::remove(copy); // it was never synced
  auto options = StoreUnderTest::default_options();
  options.life = Id128{{2}};
  StoreUnderTest next(f.directory, f.files, options);
  assert_int_equal((*next.list())->messages().size(), 0);
}

void a_message_in_both_directories_goes_from_both(void**) {
  Fixture f;
  f.commit(1);
  const auto name = f.directory.names(f.drop / "new").at(0);
  std::filesystem::create_hard_link(f.drop / "new" / name, f.drop / "cur" / (name + ":2,S"));
  auto maildrop = *f.store.list();
  assert_int_equal(f.store.expunge(*maildrop, {0})->removed, 1);
  maildrop.reset();
  assert_int_equal((*f.store.list())->messages().size(), 0);
  assert_int_equal(f.directory.names(f.drop / "new").size(), 0);
  assert_int_equal(f.directory.names(f.drop / "cur").size(), 0);
}

void directories_that_are_missing_are_made(void**) {
  Fixture f;
  f.commit(1);
  std::filesystem::remove_all(f.drop / "cur");
  const auto maildrop = f.store.list();
  assert_true(maildrop.has_value());
  assert_int_equal((*maildrop)->messages().size(), 1);
}

void messages_moved_to_cur_keep_number_and_content(void**) {
  Fixture f;
  f.commit(1, 100);
  f.commit(2, 200);
  auto maildrop = *f.store.list();
  f.move_all_to_cur("S");
  assert_text_equal(f.store.read(*maildrop, 0), f.content(1));
  assert_text_equal(f.store.read(*maildrop, 1), f.content(2));
  for (const auto& name : f.directory.names(f.drop / "cur"))
    std::filesystem::rename(f.drop / "cur" / name, f.drop / "cur" / (name + "T"));
  assert_text_equal(f.store.read(*maildrop, 1), f.content(2));
  assert_int_equal(f.store.expunge(*maildrop, {0, 1})->removed, 2);
  maildrop.reset();
  f.store.settle();
  assert_int_equal(f.directory.names(f.drop / "cur").size(), 0);
}

void the_uidl_is_the_same_in_new_and_cur(void**) {
  Fixture f;
  f.commit(1);
  const std::string before((*f.store.list())->messages()[0].uidl);
  f.move_all_to_cur("RS");
  assert_text_equal((*f.store.list())->messages()[0].uidl, before);
}

void a_message_that_another_program_removed_is_gone(void**) {
  Fixture f;
  f.commit(1);
  const auto maildrop = *f.store.list();
  std::filesystem::remove(f.drop / "new" / f.directory.names(f.drop / "new").at(0));
  assert_text_equal(f.store.read(*maildrop, 0), "(gone)");
  const auto expunged = f.store.expunge(*maildrop, {0});
  assert_int_equal(expunged->removed, 1); // no error
}

void odd_files_are_left_alone_and_mentioned_once(void**) {
  Fixture f;
  f.commit(1);
  f.directory.write("secret", "of somebody else\n");
  std::filesystem::create_symlink("../../../../secret", f.drop / "new" / "2.link.h");
  std::filesystem::create_directory(f.drop / "cur" / "folder");
  assert_int_equal(::mkfifo((f.drop / "new" / "3.fifo.h").c_str(), 0600), 0);
  f.directory.write(f.drop / "new" / ".hidden", "x\n");
  {
    const auto maildrop = *f.store.list();
    assert_int_equal(maildrop->messages().size(), 1);
    assert_int_equal(maildrop->notes().size(), 3);
  }
  assert_int_equal((*f.store.list())->notes().size(), 0);
}

void a_message_replaced_by_a_link_or_fifo_is_not_opened(void**) {
  Fixture f;
  f.commit(1);
  const auto maildrop = *f.store.list();
  f.directory.write("secret", "of somebody else\n");
  const auto path = f.drop / "new" / f.directory.names(f.drop / "new").at(0);
  std::filesystem::remove(path);
  std::filesystem::create_symlink("../../../../secret", path);
  assert_text_equal(f.store.read(*maildrop, 0), "(failed)");
  std::filesystem::remove(path);
  assert_int_equal(::mkfifo(path.c_str(), 0600), 0);
  assert_text_equal(f.store.read(*maildrop, 0), "(failed)");
}

void a_borrower_cannot_change_what_was_committed(void**) {
  Fixture f;
  auto lease = f.store.lease_scratch(Borrower{1}, 100);
  assert_true(lease.has_value());
  const std::string text = "as it was committed\n";
  Delivery what = delivery(transaction(1), text);
  what.content = ScratchContent{Borrower{1}, lease->id};
  const int scratch = lease->file.get();
  assert_int_equal(::pwrite(scratch, text.data(), text.size(), 0), text.size());
  assert_int_equal(static_cast<int>(f.store.commit(std::move(what))),
                   static_cast<int>(CommitStatus::committed));
  const auto maildrop = *f.store.list();
  const auto change = [&] {
    assert_int_equal(::pwrite(scratch, "overwritten", 11, 0), 11);
    assert_int_equal(::ftruncate(scratch, 5), 0);
    assert_text_equal(f.store.read(*maildrop, 0), head_for(1) + text);
  };
  change();
  f.store->return_scratch(Borrower{1}, lease->id);
  change();
}

void expunge_is_one_sync_of_the_journal(void**) {
  Fixture f;
  for (std::uint8_t i = 1; i <= 5; ++i)
    f.commit(i);
  auto maildrop = *f.store.list();
  const std::size_t syncs = f.files.count(Call::sync_file);
  const auto expunged = f.store.expunge(*maildrop, {0, 2, 4});
  assert_int_equal(expunged->removed, 3);
  assert_int_equal(f.files.count(Call::sync_file) - syncs, 1);
  maildrop.reset();
  f.store.settle();
  assert_int_equal(f.directory.names(f.drop / "new").size(), 2);
}

void an_expunge_that_is_not_synced_is_an_error_and_removes_nothing(void**) {
  Fixture f;
  f.commit(1);
  const auto maildrop = *f.store.list();
  f.files.fail(Call::sync_file, 1, EIO);
  assert_false(f.store.expunge(*maildrop, {0}).has_value());
  assert_text_equal(f.store.read(*maildrop, 0), f.content(1));
}

void a_file_that_cannot_be_removed_now_is_removed_later(void**) {
  Fixture f;
  f.commit(1, 100);
  f.commit(2, 200);
  auto maildrop = *f.store.list();
  f.files.fail(Call::unlink, 1, EIO);
  assert_int_equal(f.store.expunge(*maildrop, {0, 1})->removed, 2);
  maildrop.reset();
  assert_int_equal((*f.store.list())->messages().size(), 0); // whether it is there or not
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!f.directory.names(f.drop / "new").empty() && std::chrono::steady_clock::now() < deadline)
    ::poll(nullptr, 0, 1);
  assert_int_equal((*f.store.list())->messages().size(), 0);
}

// docs/spool.md, "Recovery": what a maildrop does not give stays the journal's.
void an_expunge_that_recovery_cannot_carry_out_stays_one(void**) {
  for (int nth = 1; nth <= 8; ++nth) { // whichever removal of the start it is
    Fixture f;
    f.commit(1);
    f.commit(2);
    auto maildrop = *f.store.list();
    f.files.fail(Call::unlink, 1, EIO);
    assert_int_equal(f.store.expunge(*maildrop, {0})->removed, 1);
    maildrop.reset();
    f.store.close();
    auto options = StoreUnderTest::default_options();
    options.life = Id128{{2}};
    options.first_retry = std::chrono::hours(1);
    f.files.fail(Call::unlink, nth, EACCES);
    for (int start = 0; start < 2; ++start) {
      StoreUnderTest next(f.directory, f.files, options);
      const auto after = *next.list();
      assert_int_equal(after->messages().size(), 1);
      assert_text_equal(next.read(*after, 0), f.content(2));
    }
  }
}

void one_session_has_a_maildrop(void**) {
  Fixture f;
  assert_true(f.store.resolve({"main", "alice"}).has_value());
  auto lock = f.store->lock_maildrop(AccountId{1});
  assert_true(lock.has_value());
  assert_false(f.store->lock_maildrop(AccountId{1}).has_value());
  assert_true(f.store->lock_maildrop(AccountId{2}).has_value());
  lock.reset();
  auto maildrop = *f.store.list(1); // holds it
  assert_false(f.store->lock_maildrop(AccountId{1}).has_value());
  maildrop.reset();
  assert_true(f.store->lock_maildrop(AccountId{1}).has_value());
}

// Not even by those that share its thread.
void a_long_removal_is_not_waited_for_by_others(void**) {
  Fixture f;
  assert_true(f.store.resolve({"main", "alice", "bob"}).has_value());
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < 2500; ++i) {
    f.directory.write(f.drop / "new" / ("1700000000.M" + std::to_string(i) + ".host"), "x\n");
    all.push_back(i);
  }
  auto maildrop = *f.store.list(1);
  f.files.close_gate(Call::unlink);
  assert_int_equal(f.store.expunge(*maildrop, all)->removed, 2500);
  maildrop.reset();
  f.files.wait_for_caller_at_gate();
  std::vector<std::shared_ptr<std::optional<ReadResult<std::shared_ptr<Maildrop>>>>> answers;
  for (const std::uint32_t account : {1U, 3U}) {
    answers.push_back(std::make_shared<std::optional<ReadResult<std::shared_ptr<Maildrop>>>>());
    f.store->open_maildrop(*f.store->lock_maildrop(AccountId{account}),
                           [answer = answers.back()](auto opened) { *answer = std::move(opened); });
  }
  f.files.let_through(2000); // two steps
  f.files.wait_for_caller_at_gate();
  assert_true(f.store.wait_for(answers[1]).has_value());
  // Its own next session sees nothing of what was removed.
  f.store->drain_completions();
  assert_false(answers[0]->has_value());
  f.files.open_gate();
  const auto own = f.store.wait_for(answers[0]);
  assert_int_equal((*own)->messages().size(), 0);
}

void a_lock_lasts_until_its_last_operation_has_ended(void**) {
  Fixture f;
  f.commit(1);
  auto maildrop = *f.store.list();
  f.files.close_gate(Call::sync_file);
  auto answer = std::make_shared<std::optional<ReadResult<Expunged>>>();
  maildrop->expunge(Id128::random(), {0}, [answer](auto done) { *answer = std::move(done); });
  maildrop.reset();
  f.files.wait_for_caller_at_gate();
  assert_false(f.store->lock_maildrop(AccountId{1}).has_value());
  f.files.open_gate();
  assert_int_equal(f.store.wait_for(answer)->removed, 1);
  assert_true(f.store->lock_maildrop(AccountId{1}).has_value());
}

void a_lock_may_outlive_the_store(void**) {
  Fixture f;
  auto lock = f.store->lock_maildrop(AccountId{1});
  f.store.close();
  lock.reset();
}

void reading_leaves_no_time_of_access(void**) {
  Fixture f;
  f.commit(1);
  const auto name = f.directory.names(f.drop / "new").at(0);
  const std::vector<std::filesystem::path> read{f.directory.path() / f.drop / "new",
                                                f.directory.path() / f.drop / "cur",
                                                f.directory.path() / f.drop / "new" / name};
  const timespec times[2] = {{1000, 0}, {0, UTIME_OMIT}};
  for (const auto& path : read)
    assert_int_equal(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  assert_text_equal(f.store.read(**f.store.list(), 0), f.content(1));
  for (const auto& path : read) {
    struct stat about = {};
    assert_int_equal(::stat(path.c_str(), &about), 0);
    assert_int_equal(about.st_atim.tv_sec, 1000);
  }
}

void an_index_out_of_range_is_gone(void**) {
  Fixture f;
  const auto maildrop = *f.store.list();
  assert_text_equal(f.store.read(*maildrop, 0), "(gone)");
  assert_int_equal(f.store.expunge(*maildrop, {7})->removed, 0);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(messages_are_numbered_by_time_then_arrival),
      cmocka_unit_test(a_message_in_both_directories_is_one),
      cmocka_unit_test(a_copy_under_another_name_has_a_uidl_of_its_own),
      cmocka_unit_test(a_copy_of_another_time_and_its_original_go_apart),
      cmocka_unit_test(an_original_that_is_expunged_does_not_come_back_for_its_lost_copy),
      cmocka_unit_test(a_message_in_both_directories_goes_from_both),
      cmocka_unit_test(directories_that_are_missing_are_made),
      cmocka_unit_test(messages_moved_to_cur_keep_number_and_content),
      cmocka_unit_test(the_uidl_is_the_same_in_new_and_cur),
      cmocka_unit_test(a_message_that_another_program_removed_is_gone),
      cmocka_unit_test(odd_files_are_left_alone_and_mentioned_once),
      cmocka_unit_test(a_message_replaced_by_a_link_or_fifo_is_not_opened),
      cmocka_unit_test(a_borrower_cannot_change_what_was_committed),
      cmocka_unit_test(expunge_is_one_sync_of_the_journal),
      cmocka_unit_test(an_expunge_that_is_not_synced_is_an_error_and_removes_nothing),
      cmocka_unit_test(a_file_that_cannot_be_removed_now_is_removed_later),
      cmocka_unit_test(an_expunge_that_recovery_cannot_carry_out_stays_one),
      cmocka_unit_test(one_session_has_a_maildrop),
      cmocka_unit_test(a_long_removal_is_not_waited_for_by_others),
      cmocka_unit_test(a_lock_lasts_until_its_last_operation_has_ended),
      cmocka_unit_test(a_lock_may_outlive_the_store),
      cmocka_unit_test(reading_leaves_no_time_of_access),
      cmocka_unit_test(an_index_out_of_range_is_gone),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
