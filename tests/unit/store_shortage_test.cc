// Starts that are short of descriptors: nothing on the disk is judged by what we lack ourselves.
#include "tests/unit/store_support.h"

#include <sys/resource.h>

#include "tests/unit/check.h" // last

using namespace letterlock;
using namespace letterlock::queued;
namespace fs = std::filesystem;

namespace {

constexpr rlim_t more_than_a_start_needs = 64;

// Opens the store, and closes it if that succeeds, with numbers below LIMIT alone.
void start_with(const TemporaryDirectory& directory, rlim_t limit) {
  rlimit all{};
  assert_int_equal(::getrlimit(RLIMIT_NOFILE, &all), 0);
  const rlimit few{limit, all.rlim_max};
  auto root = directory.open();
  assert_int_equal(::setrlimit(RLIMIT_NOFILE, &few), 0);
  static_cast<void>(
      open_maildir_store(std::move(root), StoreUnderTest::default_options(), posix_file_system()));
  assert_int_equal(::setrlimit(RLIMIT_NOFILE, &all), 0);
}

void no_account_loses_its_id(void**) {
  for (const bool is_known : {true, false})
    for (rlim_t limit = 4; limit < more_than_a_start_needs; ++limit) {
      TemporaryDirectory directory;
      {
        StoreUnderTest store(directory);
        assert_true(store.resolve({"main", "alice", "bob"}).has_value());
      }
      if (!is_known)
        directory.write("accounts", "garbage\n");
      start_with(directory, limit);
      StoreUnderTest store(directory);
      assert_true(*store.resolve({"main", "alice", "bob"}) ==
                  (std::vector{AccountId{1}, AccountId{2}, AccountId{3}}));
      assert_int_equal(directory.names("corrupt").size(), is_known ? 0 : 1);
    }
}

// Its record is in the second slot, and its file was not synced.
void no_message_is_lost(void**) {
  for (rlim_t limit = 4; limit < more_than_a_start_needs; ++limit) {
    TemporaryDirectory after_cut;
    {
      TemporaryDirectory directory;
      StoreUnderTest(directory).close();
      StoreUnderTest store(directory);
      assert_true(store.resolve({"main"}).has_value());
      assert_true(store.commit(delivery(transaction(1), "x\n")) == CommitStatus::committed);
      store.settle();
      fs::copy(directory.path(), after_cut.path(),
               fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    }
    for (const auto& name : after_cut.names("maildrops/1/Maildir/new"))
      fs::remove(after_cut.path() / after_cut.maildir(1) / "new" / name);
    start_with(after_cut, limit);
    StoreUnderTest store(after_cut);
    store.settle();
    assert_int_equal(after_cut.names("maildrops/1/Maildir/new").size(), 1);
    assert_int_equal(after_cut.names("corrupt").size(), 0);
  }
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(no_account_loses_its_id),
      cmocka_unit_test(no_message_is_lost),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
