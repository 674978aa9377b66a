// The promises of docs/spool.md after a crash at every moment: each change to the disk is recorded,
// what the disk would hold after each prefix of them is laid out, and a new store starts on it.
#include "tests/unit/check.h"
#include "tests/unit/store_support.h"

#include <map>

using namespace letterlock;
using namespace letterlock::queued;

namespace {

// What was done with one message in one account, and the moments at which it was answered.
struct Story {
  std::uint32_t account;
  std::string content;
  CommitStatus status;
  std::size_t committed_at;
  std::optional<std::size_t> expunge_asked, expunge_answered;
};

// By UIDL and account.
using Stories = std::map<std::pair<std::string, std::uint32_t>, Story>;

void check_after_crash(const Stories& stories, std::size_t moment, StoreUnderTest& store) {
  std::map<std::pair<std::string, std::uint32_t>, int> found;
  for (const std::uint32_t account : {1U, 2U}) {
    const auto maildrop = store.list(account);
    if (!maildrop)
      continue; // a crash before there was one; then nothing can have been answered
    for (std::size_t i = 0; i < (*maildrop)->messages().size(); ++i) {
      const std::pair key{(*maildrop)->messages()[i].uidl, account};
      assert_true(stories.contains(key));
      ++found[key];
      // Whole, whatever was answered.
      assert_text_equal(store.read(**maildrop, i), stories.at(key).content);
    }
  }
  for (const auto& [key, story] : stories) {
    const int copies = found.contains(key) ? found[key] : 0;
    const bool answered = moment >= story.committed_at;
    const bool maybe_expunged = story.expunge_asked && moment >= *story.expunge_asked;
    assert_true(copies <= 1);
    if (answered && story.status == CommitStatus::committed && !maybe_expunged)
      assert_int_equal(copies, 1);
    if (answered && story.status != CommitStatus::committed &&
        story.status != CommitStatus::in_doubt)
      assert_int_equal(copies, 0);
    if (story.expunge_answered && moment >= *story.expunge_answered)
      assert_int_equal(copies, 0);
  }
}

void promises_hold_after_a_crash_at_every_moment(void**) {
  TemporaryDirectory directory;
  const UniqueFd root = directory.open();
  RecordingFileSystem files(root.get());
  Stories stories;
  std::size_t accounts_at = 0;
  {
    StoreUnderTest store(directory, files);
    assert_true(store.resolve({"main", "alice"}).has_value());
    accounts_at = files.now();
    const auto commit = [&](std::uint8_t number, std::vector<std::uint32_t> accounts,
                            CommitStatus expected, bool spoil = false) {
      const std::string text = "Subject: " + std::to_string(number) + "\n\nbody\n";
      Delivery what = delivery(transaction(number), text, accounts);
      what.crc ^= spoil;
      const CommitStatus status = store.commit(std::move(what));
      assert_int_equal(static_cast<int>(status), static_cast<int>(expected));
      for (const std::uint32_t account : accounts)
        stories[{transaction(number).hex(), account}] = {
            account, head_for(account) + text, status, files.now(), {}, {}};
    };
    commit(1, {1}, CommitStatus::committed);
    commit(2, {1, 2}, CommitStatus::committed);
    commit(3, {1, 2}, CommitStatus::refused, true);
    files.fail(Call::link, 2, EIO);
    commit(4, {1, 2}, CommitStatus::failed);
    files.fail(Call::sync_file, 2, EIO);
    commit(5, {2, 1}, CommitStatus::failed);
    files.fail(Call::append, 1, ENOSPC);
    commit(6, {2}, CommitStatus::full);
    files.fail(Call::sync_directory, 1, EIO);
    commit(7, {1, 2}, CommitStatus::in_doubt);

    auto maildrop = *store.list(1);
    assert_int_equal(maildrop->messages().size(), 2);
    Story& expunged = stories.at({maildrop->messages()[0].uidl, 1});
    expunged.expunge_asked = files.now();
    assert_int_equal(store.expunge(*maildrop, {0})->removed, 1);
    expunged.expunge_answered = files.now();
    commit(8, {1, 2}, CommitStatus::committed);
  }

  for (std::size_t moment = 0; moment <= files.now(); ++moment)
    for (unsigned seed = 0; seed < 6; ++seed) {
      const Crash crash = seed == 0 ? Crash::power_cut : (seed == 1 ? Crash::killed : Crash::mixed);
      TemporaryDirectory left;
      files.lay_out(moment, crash, seed, left.open().get());
      StoreUnderTest store(left);
      check_after_crash(stories, moment, store);
      for (const unsigned account : {1U, 2U})
        if (std::filesystem::exists(left.maildir(account)))
          assert_int_equal(left.names(left.maildir(account) / "tmp").size(), 0);
      // Ids that were told stay; and the store works.
      const auto ids = store.resolve({"alice", "main"});
      assert_true(ids.has_value());
      if (moment >= accounts_at) {
        assert_int_equal(static_cast<int>((*ids)[0]), 2);
        assert_int_equal(static_cast<int>((*ids)[1]), 1);
      }
      assert_int_equal(static_cast<int>(store.commit(delivery(transaction(99), "x\n", {1}))),
                       static_cast<int>(CommitStatus::committed));
    }
}

// Whatever the first attempt left, the repeat is answered committed and the message is there once.
void a_repeat_after_a_crash_at_every_moment_commits_once(void**) {
  TemporaryDirectory directory;
  const UniqueFd root = directory.open();
  RecordingFileSystem files(root.get());
  std::size_t first = 0;
  {
    StoreUnderTest store(directory, files);
    assert_true(store.resolve({"main", "alice"}).has_value());
    first = files.now();
    assert_int_equal(static_cast<int>(store.commit(delivery(transaction(1), "x\n", {1, 2}))),
                     static_cast<int>(CommitStatus::committed));
  }
  for (std::size_t moment = first; moment <= files.now(); ++moment)
    for (unsigned seed = 0; seed < 6; ++seed) {
      const Crash crash = seed == 0 ? Crash::power_cut : (seed == 1 ? Crash::killed : Crash::mixed);
      TemporaryDirectory left;
      files.lay_out(moment, crash, seed, left.open().get());
      StoreUnderTest store(left);
      Delivery repeat = delivery(transaction(1), "x\n", {1, 2});
      repeat.again = true;
      assert_int_equal(static_cast<int>(store.commit(std::move(repeat))),
                       static_cast<int>(CommitStatus::committed));
      for (const std::uint32_t account : {1U, 2U}) {
        const auto maildrop = *store.list(account);
        assert_int_equal(maildrop->messages().size(), 1);
        assert_text_equal(store.read(*maildrop, 0), head_for(account) + "x\n");
      }
    }
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(promises_hold_after_a_crash_at_every_moment),
      cmocka_unit_test(a_repeat_after_a_crash_at_every_moment_commits_once),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
