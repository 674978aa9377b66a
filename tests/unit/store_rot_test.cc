// Rot in the state directory, as docs/spool.md, "Rotten spools", has it: what it costs, and what is
// said of it.
#include "tests/unit/check.h"
#include "tests/unit/store_support.h"

#include <sys/stat.h>

using namespace letterlock;
using namespace letterlock::queued;

namespace {

namespace fs = std::filesystem;

using Reports = std::shared_ptr<std::vector<StoreReport>>;

MaildirStoreOptions reporting_to(const Reports& reports) {
  auto options = StoreUnderTest::default_options();
  options.first_retry = std::chrono::hours(1); // what fails once stays as it is
  options.report = [reports](const StoreReport& report) { reports->push_back(report); };
  return options;
}

std::size_t count(const Reports& reports, std::string_view event, std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(reports->begin(), reports->end(), [&](const StoreReport& report) {
        return report.event == event && report.text.find(text) != std::string::npos;
      }));
}

void make_store(const TemporaryDirectory& directory) {
  StoreUnderTest store(directory);
  assert_true(store.resolve({"main", "alice"}).has_value());
}

void replace_by_pipe(const fs::path& path) {
  fs::remove_all(path);
  assert_int_equal(::mkfifo(path.c_str(), 0600), 0);
}

void what_is_in_the_place_of_a_maildrops_directory_is_set_aside_and_said(void**) {
  for (const std::string name : {"maildrops/1", "maildrops/1/Maildir", "maildrops/1/Maildir/tmp",
                                 "maildrops/1/Maildir/new", "maildrops/1/Maildir/cur"}) {
    TemporaryDirectory directory;
    make_store(directory);
    fs::remove_all(directory.path() / name);
    directory.write(name, "no directory");
    const auto reports = std::make_shared<std::vector<StoreReport>>();
    StoreUnderTest store(directory, posix_file_system(), reporting_to(reports));
    assert_int_equal(static_cast<int>(store.commit(delivery(transaction(1), "x\n"))),
                     static_cast<int>(CommitStatus::committed));
    assert_int_equal((*store.list())->messages().size(), 1);
    std::string flat = name;
    std::replace(flat.begin(), flat.end(), '/', '-');
    assert_int_equal(count(reports, "spool.set_aside", name + " is now corrupt/" + flat + ".1"), 1);
    assert_text_equal(directory.read("corrupt/" + flat + ".1"), "no directory");
  }
}

// The thread that places messages finds it while the service runs.
void so_is_what_is_put_there_later(void**) {
  TemporaryDirectory directory;
  make_store(directory);
  const auto reports = std::make_shared<std::vector<StoreReport>>();
  auto options = reporting_to(reports);
  options.first_retry = std::chrono::milliseconds(1);
  StoreUnderTest store(directory, posix_file_system(), options);
  fs::remove_all(directory.maildir(1) / "tmp");
  directory.write("maildrops/1/Maildir/tmp", "no directory");
  assert_int_equal(static_cast<int>(store.commit(delivery(transaction(1), "x\n"))),
                   static_cast<int>(CommitStatus::committed));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (directory.names("maildrops/1/Maildir/new").empty() &&
         std::chrono::steady_clock::now() < deadline)
    store.settle();
  assert_int_equal(directory.names("maildrops/1/Maildir/new").size(), 1);
  assert_int_equal(count(reports, "spool.set_aside", "maildrops/1/Maildir/tmp is now corrupt/"), 1);
}

void nothing_in_the_place_of_a_file_stops_a_start(void**) {
  for (const std::string name : {"lock", "identity", "accounts", "maildrops/1/account",
                                 "identity.tmp", "accounts.tmp", "journal/0", "journal/1.tmp"})
    for (const bool is_pipe : {false, true}) {
      TemporaryDirectory directory;
      make_store(directory);
      if (is_pipe) {
        replace_by_pipe(directory.path() / name);
      } else {
        fs::remove_all(directory.path() / name);
        fs::create_directory(directory.path() / name);
        directory.write(name + "/inside", "something");
      }
      const auto reports = std::make_shared<std::vector<StoreReport>>();
      StoreUnderTest store(directory, posix_file_system(), reporting_to(reports));
      assert_true(*store.resolve({"main", "alice", "bob"}) ==
                  (std::vector{AccountId{1}, AccountId{2}, AccountId{3}}));
      assert_text_equal(directory.read("accounts"),
                        sealed("letterlock accounts 1\n1 main\n2 alice\n3 bob\n"));
      assert_text_equal(directory.read("maildrops/1/account"), "main\n");
      // What is in the way of a file to come is worth no word if it can just be removed.
      const bool left_over = name.ends_with(".tmp");
      assert_true(left_over || count(reports, "spool.set_aside", name + " is now ") +
                                       count(reports, "journal.damage", name + " is now ") ==
                                   1);
    }
}

// Its mail waits for the administrator, who is told what there is.
void what_stands_for_a_name_that_nobody_else_knows_is_set_aside(void**) {
  TemporaryDirectory directory;
  make_store(directory);
  fs::remove(directory.path() / "accounts");
  fs::remove(directory.path() / "maildrops/2/account");
  fs::create_symlink("account", directory.path() / "maildrops/2/account");
  const auto reports = std::make_shared<std::vector<StoreReport>>();
  StoreUnderTest store(directory, posix_file_system(), reporting_to(reports));
  assert_true(*store.resolve({"alice", "main"}) == (std::vector{AccountId{3}, AccountId{1}}));
  assert_int_equal(count(reports, "spool.set_aside", "maildrops/2/account is now corrupt/"), 1);
}

// Empty, cut off, no name, or another maildrop's.
void what_does_not_say_whose_it_is_is_said(void**) {
  for (const char* text : {"", "alic", "al ice\n", "?\n", "main\n"}) {
    TemporaryDirectory directory;
    make_store(directory);
    fs::remove(directory.path() / "accounts");
    directory.write("maildrops/2/account", text);
    const auto reports = std::make_shared<std::vector<StoreReport>>();
    StoreUnderTest store(directory, posix_file_system(), reporting_to(reports));
    assert_true(*store.resolve({"alice", "main"}) == (std::vector{AccountId{3}, AccountId{1}}));
    assert_int_equal(count(reports, "accounts.unknown", "maildrops/2 does not say"), 1);
    assert_int_equal(count(reports, "accounts.unknown", "maildrops/1 "), 0);
  }
}

void a_name_that_is_nearly_an_id_is_none(void**) {
  TemporaryDirectory directory;
  make_store(directory);
  fs::remove(directory.path() / "accounts");
  for (const char* name : {"01", "0", "+1", "1x", "2 "})
    fs::create_directory(directory.path() / "maildrops" / name);
  StoreUnderTest store(directory);
  assert_true(*store.resolve({"alice", "main"}) == (std::vector{AccountId{2}, AccountId{1}}));
}

// With `accounts` and the maildrops gone, what the journal has is for ids whose names nobody knows.
void mail_in_the_journal_comes_to_nobody_elses_maildrop(void**) {
  TemporaryDirectory directory;
  {
    StoreUnderTest store(directory);
    assert_true(store.resolve({"main", "alice"}).has_value());
    assert_int_equal(static_cast<int>(store.commit(delivery(transaction(1), "x\n", {2}))),
                     static_cast<int>(CommitStatus::committed));
  }
  fs::remove(directory.path() / "accounts");
  fs::remove_all(directory.path() / "maildrops");
  const auto reports = std::make_shared<std::vector<StoreReport>>();
  StoreUnderTest store(directory, posix_file_system(), reporting_to(reports));
  assert_true(*store.resolve({"alice", "main"}) == (std::vector{AccountId{3}, AccountId{4}}));
  assert_int_equal((*store.list(3))->messages().size(), 0);
  assert_int_equal(count(reports, "accounts.unknown", "ids up to 2"), 1);
  assert_text_equal(directory.read("accounts"),
                    sealed("letterlock accounts 1\n1 ?\n2 ?\n3 alice\n4 main\n"));
}

// ---- Large messages that wait for their place

struct LargeThatWaits {
  TemporaryDirectory directory;
  const UniqueFd root = directory.open();
  RecordingFileSystem files{root.get()};
  Reports reports = std::make_shared<std::vector<StoreReport>>();
  std::unique_ptr<StoreUnderTest> store;
  fs::path file;

  LargeThatWaits() {
    store = std::make_unique<StoreUnderTest>(directory, files, reporting_to(reports));
    assert_true(store->resolve({"main"}).has_value());
    files.fail(Call::link, 1, EIO);
    assert_int_equal(
        static_cast<int>(store->commit(delivery(transaction(1), std::string(300'000, 'x')))),
        static_cast<int>(CommitStatus::committed));
    assert_int_equal((*store->list())->messages().size(), 1);
    file = directory.path() / "large" / directory.names("large").at(0);
  }
};

void a_pipe_in_its_place_is_never_waited_for(void**) {
  LargeThatWaits f;
  auto maildrop = *f.store->list();
  replace_by_pipe(f.file);
  assert_text_equal(f.store->read(*maildrop, 0), "(failed)");
}

void what_is_no_file_is_no_message(void**) {
  for (const bool is_pipe : {false, true}) {
    LargeThatWaits f;
    f.store->close();
    if (is_pipe) {
      replace_by_pipe(f.file);
    } else {
      fs::remove(f.file);
      fs::create_symlink("/etc/passwd", f.file);
    }
    StoreUnderTest next(f.directory, f.files, reporting_to(f.reports));
    wait_until_retired(f.directory);
    assert_int_equal((*next.list())->messages().size(), 0);
    assert_int_equal(f.directory.names(f.directory.maildir(1) / "new").size(), 0);
    assert_int_equal(count(f.reports, "maildrop.missing", "maildrop 1: the file of "), 1);
  }
}

// Trying for ever would hold up the journal, and with it everybody's mail.
void one_whose_file_is_gone_while_the_service_runs_is_given_up(void**) {
  for (const bool is_pipe : {false, true}) {
    TemporaryDirectory directory;
    const UniqueFd root = directory.open();
    RecordingFileSystem files(root.get());
    const auto reports = std::make_shared<std::vector<StoreReport>>();
    auto options = reporting_to(reports);
    options.first_retry = std::chrono::milliseconds(1);
    StoreUnderTest store(directory, files, options);
    assert_true(store.resolve({"main"}).has_value());
    files.close_gate(Call::link);
    files.fail(Call::link, 1, EIO);
    assert_int_equal(
        static_cast<int>(store.commit(delivery(transaction(1), std::string(300'000, 'x')))),
        static_cast<int>(CommitStatus::committed));
    files.wait_for_caller_at_gate();
    const auto file = directory.path() / "large" / directory.names("large").at(0);
    if (is_pipe)
      replace_by_pipe(file);
    else
      fs::remove(file);
    files.open_gate();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (count(reports, "maildrop.missing", "maildrop 1") == 0 &&
           std::chrono::steady_clock::now() < deadline)
      store.settle();
    assert_int_equal(count(reports, "maildrop.missing", "maildrop 1"), 1);
    assert_int_equal((*store.list())->messages().size(), 0);
  }
}

void a_failed_start_says_what_it_has_set_aside(void**) {
  TemporaryDirectory directory;
  const UniqueFd root = directory.open();
  RecordingFileSystem files(root.get());
  directory.write("corrupt", "no directory");
  files.fail(Call::mkdir, 3, EIO); // corrupt, corrupt again, maildrops
  const auto opened =
      open_maildir_store(directory.open(), StoreUnderTest::default_options(), files);
  assert_text_equal(opened ? "" : opened.error().text,
                    "maildrops: Input/output error; corrupt is now corrupt.rotten: it is no "
                    "directory");
}

// Whichever sync it is that fails.
void so_does_one_that_fails_later(void**) {
  std::size_t failed = 0;
  for (int number = 1; number <= 8; ++number) {
    TemporaryDirectory directory;
    {
      StoreUnderTest store(directory);
      assert_true(store.resolve({"main"}).has_value());
      store.commit(delivery(transaction(1), "x\n"));
      store.settle();
    }
    fs::remove(directory.path() / directory.maildir(1) / "tmp");
    directory.write(directory.maildir(1) / "tmp", "no directory");
    const UniqueFd root = directory.open();
    RecordingFileSystem files(root.get());
    files.fail(Call::sync_file, number, EIO);
    const auto opened =
        open_maildir_store(directory.open(), StoreUnderTest::default_options(), files);
    if (opened)
      continue;
    ++failed;
    const bool was_set_aside = !directory.names("corrupt").empty();
    assert_int_equal(opened.error().text.find("tmp is now corrupt/") != std::string::npos,
                     was_set_aside);
    failed += was_set_aside;
  }
  assert_true(failed > 1);
}

} // namespace

int main() {
  ::umask(027);
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_is_in_the_place_of_a_maildrops_directory_is_set_aside_and_said),
      cmocka_unit_test(so_is_what_is_put_there_later),
      cmocka_unit_test(nothing_in_the_place_of_a_file_stops_a_start),
      cmocka_unit_test(what_stands_for_a_name_that_nobody_else_knows_is_set_aside),
      cmocka_unit_test(what_does_not_say_whose_it_is_is_said),
      cmocka_unit_test(a_name_that_is_nearly_an_id_is_none),
      cmocka_unit_test(mail_in_the_journal_comes_to_nobody_elses_maildrop),
      cmocka_unit_test(a_pipe_in_its_place_is_never_waited_for),
      cmocka_unit_test(what_is_no_file_is_no_message),
      cmocka_unit_test(one_whose_file_is_gone_while_the_service_runs_is_given_up),
      cmocka_unit_test(a_failed_start_says_what_it_has_set_aside),
      cmocka_unit_test(so_does_one_that_fails_later),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
