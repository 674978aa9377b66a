// The harness itself: that a disk which lies, or a store which forgets, is found out. Without this,
// a harness that finds nothing would prove nothing.
#include "tests/crash/explorer.h"
#include "tests/crash/fail_with.h"
#include "tests/crash/liar.h"

using namespace letterlock;
using namespace letterlock::crash;
using queued::CommitStatus;

namespace {

Story told_over(Lie lie) {
  Run run("lie", 1, interpose(lie));
  run.story().checkpoint_interval = std::chrono::milliseconds(10);
  assert_true(run.start());
  run.commit(Mail{1, {1, 2}, 700});
  run.commit(Mail{2, {1}, 5000});
  if (lie != Lie::no_file_sync)
    run.wait_for_checkpoint();
  assert_true(run.open(1));
  run.expunge(1, {0});
  run.commit(Mail{3, {2}, 60});
  return run.finish();
}

void an_honest_disk_is_found_honest(void**) {
  const Story story = told_over(Lie::none);
  Effort effort;
  effort.repeats_every = 8;
  const Report report = Explorer(story, effort).run();
  assert_text_equal(describe(story, report), story.name + ", LETTERLOCK_SEED=1\n");
  assert_true(report.states > 100);
}

// What a lie does depends on how the store's threads meet, so the story is told until it shows.
void a_lie_is_found(const char* name, Lie lie) {
  Effort effort;
  effort.breadth = {32, 4, 2, 8};
  effort.repeats_every = 0;
  for (int telling = 0; telling < 20; ++telling)
    if (!Explorer(told_over(lie), effort).run().findings.empty())
      return;
  fail_msg("%s: not found out", name);
}

void each_lie_is_found(void**) {
  a_lie_is_found("no sync of files", Lie::no_file_sync);
  a_lie_is_found("late sync of files", Lie::late_file_sync);
  a_lie_is_found("no sync of directories", Lie::no_directory_sync);
  a_lie_is_found("every other sync of a directory", Lie::every_other_directory);
  a_lie_is_found("no sync of everything", Lie::no_sync_of_everything);
  a_lie_is_found("removes nothing", Lie::removes_nothing);
  a_lie_is_found("writes another octet", Lie::writes_another_octet);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_honest_disk_is_found_honest),
      cmocka_unit_test(each_lie_is_found),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
