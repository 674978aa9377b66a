// Starting on a state directory, row by row of docs/spool.md; and scratch files and their room.
#include "queued/store/identity.h"
#include "tests/unit/check.h"
#include "tests/unit/store_support.h"

#include <sys/stat.h>

#include <thread>

using namespace letterlock;
using namespace letterlock::queued;

namespace {

unsigned mode_of(const std::filesystem::path& path) {
  struct stat about = {};
  assert_int_equal(::stat(path.c_str(), &about), 0);
  return about.st_mode & 07777;
}

std::string start_error(const TemporaryDirectory& directory, FileSystem& files,
                        MaildirStoreOptions options = StoreUnderTest::default_options()) {
  const auto opened = open_maildir_store(directory.open(), options, files);
  return opened ? std::string() : opened.error().text;
}

void the_layout_is_made_and_synced(void**) {
  TemporaryDirectory directory;
  const UniqueFd root = directory.open();
  RecordingFileSystem files(root.get());
  StoreUnderTest store(directory, files);
  assert_true(store.resolve({"main"}).has_value());
  for (const char* name :
       {"maildrops", "maildrops/1", "maildrops/1/Maildir", "maildrops/1/Maildir/tmp",
        "maildrops/1/Maildir/new", "maildrops/1/Maildir/cur"})
    assert_int_equal(mode_of(directory.path() / name), 02750);
  assert_int_equal(mode_of(directory.path() / "scratch"), 0700);
  assert_int_equal(mode_of(directory.path() / "corrupt"), 0700);
  assert_int_equal(mode_of(directory.path() / "queue"), 0700);
  TemporaryDirectory left;
  files.lay_out(files.now(), Crash::power_cut, 0, left.open().get());
  assert_true(std::filesystem::exists(left.maildir(1) / "cur"));
  assert_text_equal(left.read("accounts"), sealed("letterlock accounts 1\n1 main\n"));
}

void messages_are_readable_by_the_group(void**) {
  TemporaryDirectory directory;
  StoreUnderTest store(directory);
  assert_true(store.resolve({"main"}).has_value());
  store.commit(delivery(transaction(1), "x\n"));
  store.settle();
  const auto fresh = directory.maildir(1) / "new";
  assert_int_equal(mode_of(fresh / directory.names(fresh).at(0)), 0640);
}

void a_second_queued_fails_after_its_wait(void**) {
  TemporaryDirectory directory;
  StoreUnderTest first(directory);
  auto options = StoreUnderTest::default_options();
  options.lock_wait = std::chrono::milliseconds(50);
  assert_text_equal(start_error(directory, posix_file_system(), options),
                    "lock: another queued uses this state directory");
}

void a_second_queued_takes_over_from_one_that_goes(void**) {
  TemporaryDirectory directory;
  auto first = std::make_unique<StoreUnderTest>(directory);
  auto options = StoreUnderTest::default_options();
  options.lock_wait = std::chrono::seconds(10);
  std::thread second([&] { StoreUnderTest next(directory, posix_file_system(), options); });
  first.reset();
  second.join();
}

void accounts_keep_their_ids(void**) {
  TemporaryDirectory directory;
  {
    StoreUnderTest store(directory);
    const auto ids = store.resolve({"main", "alice"});
    assert_true(*ids == (std::vector{AccountId{1}, AccountId{2}}));
  }
  StoreUnderTest store(directory);
  assert_true(*store.resolve({"bob", "alice"}) == (std::vector{AccountId{3}, AccountId{2}}));
  assert_true(*store.resolve({"main"}) == std::vector{AccountId{1}});
  assert_false(store.resolve({"carol", "two words"}).has_value());
  assert_true(*store.resolve({"carol"}) == std::vector{AccountId{4}});
}

void an_account_file_that_cannot_be_understood_is_set_aside_and_made_anew(void**) {
  TemporaryDirectory directory;
  {
    StoreUnderTest store(directory);
    assert_true(store.resolve({"main", "alice"}).has_value());
  }
  for (const std::string& rotten :
       {sealed("letterlock accounts 1\n7 main\n"), std::string(),
        std::string("letterlock accounts 1\n1 m"),
        std::string("letterlock accounts 1\n1 maio\n2 alice\ncrc32c 00000000\n")}) {
    directory.write("accounts", rotten);
    const std::size_t before = directory.names("corrupt").size();
    StoreUnderTest store(directory);
    assert_int_equal(directory.names("corrupt").size(), before + 1);
    assert_text_equal(directory.read("accounts"),
                      sealed("letterlock accounts 1\n1 main\n2 alice\n"));
  }
  std::filesystem::remove(directory.path() / "accounts");
  // A maildrop that does not know its name: its id is given to nobody.
  std::filesystem::remove(directory.path() / "maildrops/1/account");
  StoreUnderTest store(directory);
  assert_true(*store.resolve({"main", "alice"}) == (std::vector{AccountId{3}, AccountId{2}}));
  assert_text_equal(directory.read("accounts"),
                    sealed("letterlock accounts 1\n1 ?\n2 alice\n3 main\n"));
}

void every_start_has_an_epoch_of_its_own(void**) {
  TemporaryDirectory directory;
  std::string node;
  for (const unsigned epoch : {1U, 2U, 3U}) {
    StoreUnderTest store(directory);
    const auto identity = Identity::parse(directory.read("identity"));
    assert_int_equal(identity->epoch, epoch);
    assert_true(identity->node != 0);
    const std::string text = directory.read("identity");
    assert_true(node.empty() || text.find(node) != std::string::npos);
    node = text.substr(text.find("node "), 13);
  }
  directory.write("identity", "letterlock identity 1\nnode x\n");
  StoreUnderTest store(directory);
  assert_int_equal(Identity::parse(directory.read("identity"))->epoch, 1);
  assert_true(std::filesystem::exists(directory.path() / "corrupt/identity.1"));
}

void what_is_no_directory_is_set_aside(void**) {
  TemporaryDirectory directory;
  for (const char* name : {"corrupt", "maildrops", "scratch", "journal", "large", "queue"})
    directory.write(name, "no directory");
  std::filesystem::create_symlink("/etc/passwd", directory.path() / "lock");
  StoreUnderTest store(directory);
  assert_true(store.resolve({"main"}).has_value());
  assert_int_equal(static_cast<int>(store.commit(delivery(transaction(1), "x\n"))),
                   static_cast<int>(CommitStatus::committed));
  for (const char* name :
       {"corrupt.rotten", "corrupt/maildrops.1", "corrupt/scratch.1", "corrupt/journal.1",
        "corrupt/large.1", "corrupt/queue.1", "lock.rotten"})
    assert_true(std::filesystem::exists(std::filesystem::symlink_status(directory.path() / name)));
}

void an_id_is_told_only_when_it_is_durable(void**) {
  for (const auto& [call, nth] :
       {std::pair(Call::append, 1), std::pair(Call::sync_file, 1), std::pair(Call::rename, 1),
        std::pair(Call::sync_directory, 1), std::pair(Call::mkdir, 1)}) {
    TemporaryDirectory directory;
    const UniqueFd root = directory.open();
    RecordingFileSystem files(root.get());
    StoreUnderTest store(directory, files);
    wait_for_spare_slot(directory);
    files.fail(call, nth, EIO);
    assert_false(store.resolve({"main"}).has_value());
    assert_true(*store.resolve({"main"}) == std::vector{AccountId{1}});
  }
}

void left_overs_are_swept(void**) {
  TemporaryDirectory directory;
  {
    StoreUnderTest store(directory);
    assert_true(store.resolve({"main"}).has_value());
  }
  const auto tmp = directory.maildir(1) / "tmp";
  directory.write("accounts.tmp", "half");
  directory.write("scratch/unnamed", "content");
  directory.write(tmp / ("5." + transaction(1).hex() + ".mx,S=1,W=1"), "x"); // ours
  directory.write(tmp / "5.foreign_old.h", "x");
  directory.write(tmp / "5.foreign_new.h", "x");
  const timespec old[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  const timespec recent[2] = {{1'700'000'000, 0}, {1'700'000'000 - 3600, 0}};
  ::utimensat(AT_FDCWD, (tmp / "5.foreign_old.h").c_str(), old, 0);
  ::utimensat(AT_FDCWD, (tmp / "5.foreign_new.h").c_str(), recent, 0);
  StoreUnderTest store(directory);
  assert_false(std::filesystem::exists(directory.path() / "accounts.tmp"));
  assert_int_equal(directory.names("scratch").size(), 0);
  assert_true(directory.names(tmp) == std::vector<std::string>{"5.foreign_new.h"});
}

void a_missing_maildrop_directory_is_made_again(void**) {
  TemporaryDirectory directory;
  {
    StoreUnderTest store(directory);
    assert_true(store.resolve({"main"}).has_value());
  }
  std::filesystem::remove(directory.maildir(1) / "cur");
  StoreUnderTest store(directory);
  assert_true(store.list().has_value());
}

void scratch_files_have_no_name(void**) {
  TemporaryDirectory directory;
  StoreUnderTest store(directory);
  const auto lease = store.lease_scratch(Borrower{1}, 10);
  assert_true(lease.has_value());
  assert_int_equal(directory.names("scratch").size(), 0);
}

void a_returned_file_goes_back_empty_and_only_to_its_borrower(void**) {
  TemporaryDirectory directory;
  auto options = StoreUnderTest::default_options();
  options.copy_threads = 1; // which also empties files: a lease that comes later waits for that
  StoreUnderTest store(directory, posix_file_system(), options);
  const auto inode = [](const UniqueFd& file) {
    struct stat about = {};
    assert_int_equal(::fstat(file.get(), &about), 0);
    assert_int_equal(about.st_size, 0);
    return about.st_ino;
  };
  auto first = *store.lease_scratch(Borrower{1}, 10);
  const auto its_inode = inode(first.file);
  assert_int_equal(::write(first.file.get(), "secret", 6), 6);
  store->return_scratch(Borrower{2}, first.id); // not its own: nothing happens
  assert_true(store->grow_scratch(Borrower{1}, first.id, 10));
  store->return_scratch(Borrower{1}, first.id);
  assert_false(store->grow_scratch(Borrower{1}, first.id, 10));
  auto strangers = *store.lease_scratch(Borrower{2}, 10);
  assert_true(inode(strangers.file) != its_inode);
  auto again = *store.lease_scratch(Borrower{1}, 10);
  assert_true(inode(again.file) == its_inode);
  assert_int_equal(::lseek(again.file.get(), 0, SEEK_CUR), 0);
}

void a_file_that_a_commit_still_reads_is_not_emptied(void**) {
  TemporaryDirectory directory;
  const UniqueFd root = directory.open();
  RecordingFileSystem files(root.get());
  StoreUnderTest store(directory, files);
  assert_true(store.resolve({"main"}).has_value());
  auto lease = *store.lease_scratch(Borrower{1}, 10);
  assert_int_equal(::write(lease.file.get(), "text\n", 5), 5);
  Delivery what = delivery(transaction(1), "text\n");
  what.content = ScratchContent{Borrower{1}, lease.id};
  files.close_gate(Call::sync_file);
  auto answer = store.submit(std::move(what));
  files.wait_for_caller_at_gate();
  store->return_scratch(Borrower{1}, lease.id);
  files.open_gate();
  assert_int_equal(static_cast<int>(store.wait_for(answer).status),
                   static_cast<int>(CommitStatus::committed));
}

void room_is_booked_before_it_is_used(void**) {
  TemporaryDirectory directory;
  const UniqueFd root = directory.open();
  RecordingFileSystem files(root.get());
  auto options = StoreUnderTest::default_options();
  options.reserve = 1000;
  options.limits.leases = 3;
  StoreUnderTest store(directory, files, options);
  files.set_free_bytes(1100);
  assert_false(store.lease_scratch(Borrower{1}, 101).has_value());
  auto first = *store.lease_scratch(Borrower{1}, 60);
  assert_false(store.lease_scratch(Borrower{2}, 41).has_value());
  assert_true(store->grow_scratch(Borrower{1}, first.id, 40));
  assert_false(store->grow_scratch(Borrower{1}, first.id, 1));
  store->return_scratch(Borrower{1}, first.id);
  assert_true(store.lease_scratch(Borrower{2}, 100).has_value());
  assert_false(store.lease_scratch(Borrower{3}, std::uint64_t(-1)).has_value());
  store->forget_borrower(Borrower{2});
  for (int i = 0; i < 3; ++i)
    assert_true(store.lease_scratch(Borrower{3}, 1).has_value());
  assert_false(store.lease_scratch(Borrower{3}, 1).has_value()); // one too many
}

void what_is_expected_has_to_fit_but_is_not_booked(void**) {
  TemporaryDirectory directory;
  const UniqueFd root = directory.open();
  RecordingFileSystem files(root.get());
  auto options = StoreUnderTest::default_options();
  options.reserve = 1000;
  StoreUnderTest store(directory, files, options);
  files.set_free_bytes(1100);
  assert_false(store.lease_scratch(Borrower{1}, 10, 101).has_value());
  assert_false(store.lease_scratch(Borrower{1}, 10, std::uint64_t(-1)).has_value());
  auto first = *store.lease_scratch(Borrower{1}, 10, 100);
  assert_true(store.lease_scratch(Borrower{2}, 10, 90).has_value());
  assert_false(store.lease_scratch(Borrower{2}, 10, 81).has_value());
  assert_true(store->grow_scratch(Borrower{1}, first.id, 80));
  assert_false(store->grow_scratch(Borrower{1}, first.id, 1));
}

} // namespace

int main() {
  ::umask(027);
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_layout_is_made_and_synced),
      cmocka_unit_test(messages_are_readable_by_the_group),
      cmocka_unit_test(a_second_queued_fails_after_its_wait),
      cmocka_unit_test(a_second_queued_takes_over_from_one_that_goes),
      cmocka_unit_test(accounts_keep_their_ids),
      cmocka_unit_test(an_account_file_that_cannot_be_understood_is_set_aside_and_made_anew),
      cmocka_unit_test(every_start_has_an_epoch_of_its_own),
      cmocka_unit_test(what_is_no_directory_is_set_aside),
      cmocka_unit_test(an_id_is_told_only_when_it_is_durable),
      cmocka_unit_test(left_overs_are_swept),
      cmocka_unit_test(a_missing_maildrop_directory_is_made_again),
      cmocka_unit_test(scratch_files_have_no_name),
      cmocka_unit_test(a_returned_file_goes_back_empty_and_only_to_its_borrower),
      cmocka_unit_test(a_file_that_a_commit_still_reads_is_not_emptied),
      cmocka_unit_test(room_is_booked_before_it_is_used),
      cmocka_unit_test(what_is_expected_has_to_fit_but_is_not_booked),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
