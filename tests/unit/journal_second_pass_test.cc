// The second look at the records of a journal: many, long ones, in turns, changed since the first.
#include "queued/disk/worker_pool.h"
#include "tests/unit/journal_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;
using namespace letterlock::queued::journal;

namespace {

void assert_undamaged(const Reading& reading) {
  if (!reading.contents.damage.empty())
    fail_msg("damage: %s", reading.contents.damage.front().why.c_str());
  assert_true(reading.in_order);
}

// More than are looked at together, and longer ones than that. As body_of() by sequence, with the
// type before.
std::map<Sequence, std::string> write_many_records(const TemporaryDirectory& directory) {
  constexpr std::size_t size = 32u << 20;
  SegmentBytes first(1, 1, 1, size), second(2, 9001, 1, size);
  std::map<Sequence, std::string> sent;
  const std::string longest(5u << 20, 'l'), longer(3u << 20, 'm');
  for (Sequence i = 1; i <= 18'000; ++i) {
    const auto number = static_cast<std::uint8_t>(i);
    const auto accept = i % 4000 == 1 ? small_accept(number, longer)
                        : i % 4000 == 2
                            ? small_accept(number, longest)
                            : small_accept(number, std::string_view(longest).substr(0, i % 100));
    (i <= 9000 ? first : second).add(accept, i);
    sent[i] = '\1' + body_of(accept);
  }
  assert_true(first.used() < size && second.used() < size);
  directory.write("1", first.whole());
  directory.write("0", second.whole());
  return sent;
}

void many_records_and_long_ones(void**) {
  const TemporaryDirectory directory;
  const auto sent = write_many_records(directory);
  const Reading reading = reading_of(directory);
  assert_undamaged(reading);
  assert_true(reading.records == sent);
}

// What is read a second time is looked at as closely as the first time.
void records_that_change_are_damage(void**) {
  const TemporaryDirectory directory;
  const auto sent = write_many_records(directory);
  const auto places = reading_of(directory).places;
  const auto file_of = [&](const Place& place) {
    return UniqueFd(
        ::open((directory.path() / std::to_string(place.slot)).c_str(), O_RDWR | O_CLOEXEC));
  };
  const Place spoilt = places.at(17'900), replaced = places.at(17'800), other = places.at(17'700);
  assert_int_equal(replaced.length, other.length);
  std::set<Sequence> seen;
  const auto contents =
      read_journal(directory.open().get(), [&](const Record&, Sequence sequence, const Place&) {
        if (seen.empty()) {
          std::string frame(other.length, '\0');
          const auto size = static_cast<ssize_t>(frame.size());
          assert_int_equal(::pread(file_of(other).get(), frame.data(), frame.size(),
                                   static_cast<off_t>(other.offset)),
                           size);
          assert_int_equal(::pwrite(file_of(replaced).get(), frame.data(), frame.size(),
                                    static_cast<off_t>(replaced.offset)),
                           size);
          assert_int_equal(::pwrite(file_of(spoilt).get(), "x", 1,
                                    static_cast<off_t>(spoilt.offset + frame_size)),
                           1);
        }
        assert_true(seen.insert(sequence).second);
      });
  assert_int_equal(seen.size(), sent.size() - 2);
  assert_false(seen.contains(17'900) || seen.contains(17'800));
  assert_int_equal(contents->damage.size(), 2);
  for (const Damage& damage : contents->damage)
    assert_text_equal(damage.why, "a record that changes");
}

// Some of an earlier segment's were written again into a later one: both are read in turns.
void records_of_two_segments_in_turns(void**) {
  const TemporaryDirectory directory;
  SegmentBytes first(1, 1), second(2, 3);
  std::map<Sequence, std::string> expected;
  const std::string text(40, 'c');
  for (Sequence i = 1; i <= 300; ++i) {
    const auto accept =
        small_accept(static_cast<std::uint8_t>(i), std::string_view(text).substr(0, i % 40));
    first.add(accept, i);
    if (i % 3 == 0)
      second.add_as(i, accept, i);
    expected[i] = '\1' + body_of(accept);
  }
  directory.write("0", first.whole());
  directory.write("1", second.whole());
  const Reading reading = reading_of(directory);
  assert_undamaged(reading);
  assert_true(reading.records == expected);
  for (const auto& [sequence, place] : reading.places)
    assert_int_equal(place.slot, sequence % 3 == 0 ? 1 : 0);
}

// Where the system has no room for another thread the one that asks does it all.
void without_threads_the_same_is_read(void**) {
  const TemporaryDirectory directory;
  const auto sent = write_many_records(directory);
  const UniqueFd journal = directory.open();
  const uid_t user = ::geteuid() == 0 ? 65'534 : ::geteuid(); // root has room for any number
  for (const char* name : {".", "0", "1"})
    assert_int_equal(::chown((directory.path() / name).c_str(), user, static_cast<gid_t>(-1)), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit none{0, 0};
    bool good = ::setrlimit(RLIMIT_NPROC, &none) == 0 && ::setresuid(user, user, user) == 0;
    sigset_t before, after;
    sigprocmask(SIG_SETMASK, nullptr, &before);
    good = good && !try_to_start_thread([] {});
    sigprocmask(SIG_SETMASK, nullptr, &after);
    good = good && sigismember(&before, SIGTERM) == sigismember(&after, SIGTERM);
    good = good && reading_of(journal.get()).records == sent;
    ::_exit(good ? 0 : 1);
  }
  int status = -1;
  assert_int_equal(::waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(many_records_and_long_ones),
      cmocka_unit_test(records_that_change_are_damage),
      cmocka_unit_test(records_of_two_segments_in_turns),
      cmocka_unit_test(without_threads_the_same_is_read),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
