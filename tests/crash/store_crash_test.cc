// The store of docs/spool.md, cut off at every change to the disk: small stories in every state,
// long ones at random. LETTERLOCK_CRASH=full takes many more; LETTERLOCK_SEED repeats one.
#include "tests/crash/fail_with.h"
#include "tests/crash/play.h"

using namespace letterlock;
using namespace letterlock::crash;
using queued::CommitStatus;

namespace {

bool in_full() {
  const char* form = std::getenv("LETTERLOCK_CRASH");
  return form != nullptr && std::string_view(form) == "full";
}

// Everything that was tried in one test.
struct Sum {
  std::size_t stories = 0, moments = 0, states = 0, recoveries = 0;
  std::string wrong; // of the first story with findings

  void add(const Story& story, const Effort& effort) {
    const Report report = Explorer(story, effort).run();
    ++stories;
    moments += report.moments;
    states += report.states;
    recoveries += report.recoveries;
    if (!report.findings.empty() && wrong.empty())
      wrong = describe(story, report);
    for (const auto& contradiction : story.ledger.contradictions())
      if (wrong.empty())
        wrong = describe(story, report) + contradiction;
  }
  void assert_good() const {
    print_message("%zu stories, %zu moments, %zu states, %zu recoveries\n", stories, moments,
                  states, recoveries);
    if (!wrong.empty())
      fail_with(wrong);
  }
};

Effort thorough() {
  Effort effort;
  if (in_full()) {
    effort.breadth = {1024, 100, 20, 64};
    effort.nested_every = 2;
    effort.nested = {32, 8, 1, 4};
  } else {
    effort.breadth = {32, 4, 2, 8};
    effort.repeats_every = 3;
    effort.nested_every = 24;
    effort.nested = {4, 1, 1, 1};
  }
  return effort;
}

void assert_status(CommitStatus actual, CommitStatus expected) {
  assert_int_equal(static_cast<int>(actual), static_cast<int>(expected));
}

// BEFORE changes the story before it begins. Of a long one MOMENTS are taken; in full all of them,
// but fewer of their recoveries are cut off, each of which has hundreds of moments of its own.
void small_story(
    const char* name, const std::function<void(Run&)>& what,
    const std::function<void(Story&)>& before = [](Story&) {}, std::size_t moments = never) {
  Sum sum;
  Run run(name, seed_from_environment(1));
  before(run.story());
  assert_true(run.start());
  what(run);
  Effort effort = thorough();
  if (!in_full())
    effort.moments = moments;
  else if (moments != never)
    effort.nested_every = 50;
  sum.add(run.finish(), effort);
  sum.assert_good();
}

void one_message(void**) {
  small_story("one message", [](Run& run) {
    assert_status(run.commit(Mail{1, {1}, 700}), CommitStatus::committed);
  });
}

void one_message_to_two_accounts_and_its_repeat(void**) {
  small_story("two accounts", [](Run& run) {
    assert_status(run.commit(Mail{1, {1, 2}, 700}), CommitStatus::committed);
    assert_status(run.commit(Mail{1, {1, 2}, 700}, true), CommitStatus::committed);
    assert_status(run.commit(Mail{2, {2, 1}, 60, false, true}), CommitStatus::refused);
  });
}

void many_at_once(void**) {
  small_story("at once", [](Run& run) {
    run.commit({Mail{1, {1}}, Mail{2, {2, 1}, 600}, Mail{3, {1}, 60, true}, Mail{4, {2}}});
  });
}

void expunged_while_mail_comes_in(void**) {
  small_story("expunge", [](Run& run) {
    run.commit({Mail{1, {1}}, Mail{2, {1, 2}}, Mail{3, {1}}});
    assert_true(run.open(1));
    assert_status(run.commit(Mail{4, {1}}), CommitStatus::committed);
    assert_true(run.expunge(1, {0, 2}));
    assert_status(run.commit(Mail{5, {1}}), CommitStatus::committed);
  });
}

void other_programs_in_the_maildir(void**) {
  small_story("other programs", [](Run& run) {
    run.commit({Mail{1, {1}}, Mail{2, {1}}, Mail{3, {1}}});
    run.deliver_by_another(1, 7);
    assert_true(run.open(1));
    assert_true(run.mark_seen(1));
    assert_true(run.mark_seen(1));
    assert_true(run.expunge(1, {1, 3}));
    assert_true(run.remove_by_another(1));
  });
}

// As mbsync does it.
void files_that_others_rename(void**) {
  small_story("renamed", [](Run& run) {
    run.commit({Mail{1, {1}}, Mail{2, {1}}, Mail{3, {1}}});
    assert_true(run.open(1));
    for (const char* const more : {",U=1:2,S", ",U=2:2,", ",U=3:2,S"})
      assert_true(run.mark_seen(1, more));
    assert_true(run.open(1));
    assert_true(run.expunge(1, {0}));
    assert_true(run.remove_by_another(1, "cur"));
  });
}

void restarts_in_good_order(void**) {
  small_story("restarts", [](Run& run) {
    assert_status(run.commit(Mail{1, {1, 2}}), CommitStatus::committed);
    run.stop();
    assert_true(run.start());
    assert_status(run.commit(Mail{2, {1}}), CommitStatus::committed);
    assert_true(run.open(1));
    assert_true(run.expunge(1, {0}));
    run.stop();
    assert_true(run.start());
    assert_status(run.commit(Mail{3, {1}}), CommitStatus::committed);
  });
}

void large_messages(void**) {
  small_story("large", [](Run& run) {
    assert_status(run.commit(Mail{1, {1, 2}, 5000}), CommitStatus::committed);
    run.commit({Mail{2, {1}, 4500, true}, Mail{3, {2}}, Mail{4, {1, 2}, 6000, false, true}});
    assert_true(run.open(1));
    assert_true(run.expunge(1, {0}));
    assert_status(run.commit(Mail{1, {1, 2}, 5000}, true), CommitStatus::committed);
  });
}

void with_checkpoints(Run& run) {
  run.commit({Mail{1, {1, 2}}, Mail{2, {1}, 5000}, Mail{3, {2}}});
  run.wait_for_checkpoint();
  assert_true(run.open(1));
  assert_true(run.expunge(1, {0}));
  run.wait_for_checkpoint();
  run.commit({Mail{4, {1}, 700}, Mail{5, {2}, 5000}});
  run.stop();
  assert_true(run.start());
  run.commit(Mail{6, {1}});
  run.wait_for_checkpoint();
  assert_true(run.open(2));
  assert_true(run.expunge(2, {0, 1}));
}

void checkpoints(void**) {
  small_story("checkpoints", with_checkpoints,
              [](Story& story) { story.checkpoint_interval = std::chrono::milliseconds(10); });
}

void checkpoints_without_a_sync_of_everything(void**) {
  small_story("checkpoints file by file", with_checkpoints, [](Story& story) {
    story.checkpoint_interval = std::chrono::milliseconds(10);
    story.syncs_everything = false;
  });
}

// Nobody knows what was lost then: everything since the last good one is written again.
void a_checkpoint_that_fails(void**) {
  small_story(
      "a checkpoint fails",
      [](Run& run) {
        run.commit({Mail{1, {1, 2}, 700}, Mail{2, {1}, 5000}});
        run.wait_for_checkpoint();
        run.disk().fail(Call::sync_everything, {0, 1, EIO});
        run.commit({Mail{3, {1}, 700}, Mail{4, {1, 2}, 5000}});
        run.wait_for_checkpoint();
        run.commit(Mail{5, {1}});
        run.wait_for_checkpoint();
      },
      [](Story& story) { story.checkpoint_interval = std::chrono::milliseconds(10); });
}

void segments_that_are_used_again(void**) {
  small_story(
      "segments",
      [](Run& run) {
        std::uint32_t number = 0;
        for (std::size_t round = 0; round < 20; ++round)
          run.commit({Mail{++number, {1}, 4000}, Mail{++number, {2}, 3000}, Mail{++number, {1}}});
        assert_true(run.open(1));
        assert_true(run.expunge(1, {0, 1, 2}));
      },
      [](Story& story) { story.segments = 3; }, 60);
}

// Each call of a small story fails once, with each error, having done a part or nothing.
void every_call_fails_once(void**) {
  Sum sum;
  Effort effort;
  effort.breadth = {8, 2, 1, 4};
  effort.moments = in_full() ? ~std::size_t{0} : 12;
  effort.repeats_every = in_full() ? 1 : 4;
  const std::size_t stride = in_full() ? 1 : 5;
  std::size_t number = seed_from_environment(0);
  for (std::size_t call = 0; call <= static_cast<std::size_t>(Call::unlink); ++call)
    for (std::size_t after = 0;; ++after) {
      std::size_t calls = 0;
      for (const int error : {EIO, ENOSPC}) {
        const std::size_t part = 40 * (number % 3);
        Run run(std::string(name_of(static_cast<Call>(call))) + " fails after " +
                    std::to_string(after) + ", error " + std::to_string(error),
                number);
        assert_true(run.start());
        const std::size_t before = run.disk().calls(static_cast<Call>(call));
        run.disk().fail(static_cast<Call>(call), {after, 1, error, part});
        run.commit({Mail{1, {1, 2}, 600}, Mail{2, {2}}});
        run.commit(Mail{3, {2, 1}});
        // Where the call that fails makes room for the journal, nothing may have been stored.
        if (run.open(1) && run.messages(1) > 0)
          static_cast<void>(run.expunge(1, {0}));
        run.commit(Mail{1, {1, 2}, 600}, true);
        calls = run.disk().calls(static_cast<Call>(call)) - before;
        run.disk().heal();
        run.commit(Mail{4, {1}});
        const Story story = run.finish();
        if (++number % stride == 0)
          sum.add(story, effort);
      }
      if (calls <= after)
        break;
    }
  sum.assert_good();
}

// What a failed sync leaves in the page cache no later sync brings to the disk, but a start reads
// it.
void killed_after_a_sync_that_failed(void**) {
  Sum sum;
  Effort effort = thorough();
  effort.nested_every = 1;
  if (!in_full()) {
    effort.breadth = {1, 0, 0, 0};
    effort.nested = {1, 0, 0, 3};
  }
  for (std::uint32_t before = 1; before <= (in_full() ? 3 : 1); ++before) {
    Run run("syncs fail after " + std::to_string(before), seed_from_environment(1));
    run.story().segments = 3; // none is kept free, so that the first sync to fail is the batch's
    assert_true(run.start());
    for (std::uint32_t number = 1; number <= before; ++number)
      assert_status(run.commit(Mail{number, {1}, 700}), CommitStatus::committed);
    if (!in_full())
      effort.first_moment = run.now();
    run.disk().fail(Call::sync_file, {0, ~std::size_t{0}, EIO});
    assert_status(run.commit(Mail{7, {1, 2}, 900}), CommitStatus::in_doubt);
    sum.add(run.finish(), effort);
  }
  sum.assert_good();
}

// The same of a checkpoint: a start must not believe the files that it finds in the page cache.
void killed_after_a_checkpoint_that_failed(void**) {
  Sum sum;
  Effort effort = thorough();
  effort.nested_every = 1;
  if (!in_full()) {
    effort.breadth = {1, 0, 0, 0};
    effort.nested = {1, 0, 0, 3};
  }
  Run run("checkpoints fail", seed_from_environment(1));
  run.story().checkpoint_interval = std::chrono::milliseconds(10);
  assert_true(run.start());
  run.commit(Mail{1, {1}, 700});
  run.wait_for_checkpoint();
  const std::size_t before = run.disk().calls(Call::sync_everything);
  if (!in_full())
    effort.first_moment = run.now();
  run.disk().fail(Call::sync_everything, {0, ~std::size_t{0}, EIO});
  run.commit(Mail{2, {1, 2}, 900});
  run.wait_for_call(Call::sync_everything, before + 1);
  sum.add(run.finish(), effort);
  sum.assert_good();
}

// What a start has settled by then may be lost, also of records that no checkpoint is about yet.
void a_checkpoint_fails_while_a_start_settles(void**) {
  Sum sum;
  Effort effort = thorough();
  Run run("partly settled", seed_from_environment(1));
  run.story().segments = 8;
  assert_true(run.start());
  run.commit(Mail{1, {2}, 700});
  run.commit(Mail{2, {1}, 700});
  run.commit(Mail{3, {2}, 700});
  assert_true(run.open(1));
  assert_true(run.open(2)); // they are in their places
  run.stop();
  run.hold(1);
  run.story().checkpoint_interval = std::chrono::milliseconds(50);
  run.disk().fail(Call::sync_everything, {0, 1, EIO});
  if (!in_full())
    effort.first_moment = run.now();
  assert_true(run.start());
  run.wait_for_call(Call::sync_everything, 1);
  run.disk().let_go();
  run.wait_for_checkpoint();
  sum.add(run.finish(), effort);
  sum.assert_good();
}

void lives_and_crashes(bool faults, std::uint64_t first_seed) {
  Sum sum;
  Effort effort;
  effort.breadth = {16, 4, 2, 4};
  effort.moments = in_full() ? 40 : 12;
  effort.repeats_every = 4;
  effort.nested_every = in_full() ? 20 : 60;
  effort.nested = {4, 1, 1, 2};
  Temper temper;
  temper.faults = faults;
  const bool one = std::getenv("LETTERLOCK_SEED") != nullptr;
  const std::uint64_t first = seed_from_environment(first_seed);
  for (std::uint64_t seed = first; seed < first + (one ? 1 : in_full() ? 100 : 3); ++seed) {
    std::string wrong;
    try {
      wrong = play_lives(faults ? "lives with faults" : "lives", seed, 4, 15, temper,
                         [&](const Story& story) { sum.add(story, effort); });
    } catch (const std::exception& trouble) {
      wrong = "LETTERLOCK_SEED=" + std::to_string(seed) + ": " + trouble.what();
    }
    if (sum.wrong.empty())
      sum.wrong = wrong;
  }
  sum.assert_good();
}

void lives_on_a_good_disk(void**) {
  lives_and_crashes(false, 1000);
}

void lives_on_a_failing_disk(void**) {
  lives_and_crashes(true, 2000);
}

} // namespace

// store_crash_test [TEST]: the tests whose names match; * and ? stand for anything.
int main(int argc, char** argv) {
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  const CMUnitTest tests[] = {
      cmocka_unit_test(one_message),
      cmocka_unit_test(one_message_to_two_accounts_and_its_repeat),
      cmocka_unit_test(many_at_once),
      cmocka_unit_test(expunged_while_mail_comes_in),
      cmocka_unit_test(other_programs_in_the_maildir),
      cmocka_unit_test(files_that_others_rename),
      cmocka_unit_test(restarts_in_good_order),
      cmocka_unit_test(large_messages),
      cmocka_unit_test(checkpoints),
      cmocka_unit_test(checkpoints_without_a_sync_of_everything),
      cmocka_unit_test(a_checkpoint_that_fails),
      cmocka_unit_test(segments_that_are_used_again),
      cmocka_unit_test(every_call_fails_once),
      cmocka_unit_test(killed_after_a_sync_that_failed),
      cmocka_unit_test(killed_after_a_checkpoint_that_failed),
      cmocka_unit_test(a_checkpoint_fails_while_a_start_settles),
      cmocka_unit_test(lives_on_a_good_disk),
      cmocka_unit_test(lives_on_a_failing_disk),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
