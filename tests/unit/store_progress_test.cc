// Progress: which records are carried out, and who waits for that.
#include "queued/store/progress.h"

#include "tests/unit/check.h"

#include <atomic>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

using namespace letterlock::queued;

namespace {

constexpr std::chrono::seconds patience{20};

void records_are_done_in_their_order(void**) {
  Progress progress(4);
  progress.begin(6, 2); // 5 has none
  progress.begin(7, 1);
  assert_int_equal(progress.done_up_to(), 5);
  progress.end(7);
  progress.end(6);
  assert_int_equal(progress.done_up_to(), 5);
  progress.end(6);
  assert_int_equal(progress.done_up_to(), 7);
}

void what_is_done_is_not_waited_for(void**) {
  Progress progress(4);
  assert_true(progress.wait_for(4, patience, [] { return false; }));
  assert_false(progress.wait_for(5, std::chrono::milliseconds(1), [] { return false; }));
  assert_false(progress.wait_for(5, patience, [] { return true; }));
}

void who_waits_is_told(void**) {
  Progress progress(0);
  progress.begin(1, 1);
  std::promise<void> waiting;
  std::thread other([&] {
    waiting.get_future().wait();
    progress.end(1);
  });
  bool asked = false;
  assert_true(progress.wait_for(1, patience, [&] {
    if (!std::exchange(asked, true))
      waiting.set_value();
    return false;
  }));
  other.join();
}

// The pipeline wakes the checkpoint's thread under the very lock that the answer of that thread
// needs: neither may wait for the other.
void a_wake_does_not_wait_for_who_is_asked(void**) {
  Progress progress(0);
  std::timed_mutex held;
  std::promise<void> asked;
  std::atomic<bool> stop = false, got_it = true;
  std::unique_lock lock(held);
  std::thread waiter([&] {
    bool first = true;
    progress.wait_for(1, patience, [&] {
      if (std::exchange(first, false))
        asked.set_value();
      const std::unique_lock wanted(held, patience / 2);
      got_it = got_it && wanted.owns_lock();
      return stop || !wanted;
    });
  });
  asked.get_future().wait();
  stop = true;
  progress.wake();
  lock.unlock();
  waiter.join();
  assert_true(got_it);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(records_are_done_in_their_order),
      cmocka_unit_test(what_is_done_is_not_waited_for),
      cmocka_unit_test(who_waits_is_told),
      cmocka_unit_test(a_wake_does_not_wait_for_who_is_asked),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
