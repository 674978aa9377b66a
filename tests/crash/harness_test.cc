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
  assert_true(run.start());
  run.commit(Mail{1, {1, 2}, 700});
  run.commit(Mail{2, {1}, 60});
  assert_true(run.open(1));
  run.expunge(1, {0});
  run.commit(Mail{3, {2}, 60});
  return run.finish();
}

void an_honest_disk_is_found_honest(void**) {
  const Story story = told_over(Lie::none);
  const Report report = Explorer(story, {}).run();
  assert_text_equal(describe(story, report), story.name + ", LETTERLOCK_SEED=1\n");
  assert_true(report.states > 100);
}

void a_lie_is_found(const char* name, Lie lie, const char* expected) {
  const Story story = told_over(lie);
  const Report report = Explorer(story, {}).run();
  if (report.findings.empty())
    fail_msg("%s: not found out", name);
  bool said = false;
  for (const auto& finding : report.findings)
    for (const auto& wrong : finding.wrong)
      said = said || wrong.find(expected) != std::string::npos;
  if (!said)
    fail_with(std::string(name) + ": " + describe(story, report));
}

void each_lie_is_found(void**) {
  a_lie_is_found("no sync of files", Lie::no_file_sync, "damaged");
  a_lie_is_found("no sync of directories", Lie::no_directory_sync, "it is lost");
  a_lie_is_found("late sync of directories", Lie::late_directory_sync, "it is lost");
  a_lie_is_found("every other sync of a directory", Lie::every_other_directory, "it is lost");
  a_lie_is_found("removes nothing", Lie::removes_nothing, "must not be");
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_honest_disk_is_found_honest),
      cmocka_unit_test(each_lie_is_found),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
