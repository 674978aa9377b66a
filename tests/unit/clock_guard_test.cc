// ClockGuard: when the clock is believed, by tables of what was read.
#include "queued/store/clock_guard.h"

#include <vector>

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

constexpr std::int64_t t = 1'800'000'000, hour = 3600, day = 24 * hour, year = 365 * day;

struct Step {
  ClockReading now;
  bool believed;
  std::string_view said; // a part of it; empty: nothing
};

void walk(ClockGuard guard, const std::vector<Step>& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string said = guard.observe(steps[i].now);
    if (said.empty() != steps[i].said.empty() || said.find(steps[i].said) == std::string::npos)
      fail_msg("step %zu: said \"%s\"", i, said.c_str());
    if (guard.is_believed() != steps[i].believed)
      fail_msg("step %zu: %s", i, guard.is_believed() ? "believed" : "doubted");
    assert_true(guard.record().doubted != steps[i].believed);
    assert_true(guard.doubt().empty() == steps[i].believed);
  }
}

void an_even_clock_is_believed(void**) {
  walk(ClockGuard({t, 100}, {}), {{{t, 100}, true, ""},
                                  {{t + hour, 100 + hour}, true, ""},
                                  {{t + year, 100 + year}, true, ""}});
}

// As when somebody sets it right by a little.
void a_small_step_is_believed(void**) {
  walk(ClockGuard({t, 100}, {}), {{{t + hour, 100}, true, ""},
                                  {{t - hour, 100}, true, ""},
                                  {{t + day + hour, 100 + day}, true, ""}});
}

void small_steps_add_up(void**) {
  walk(
      ClockGuard({t, 100}, {}),
      {{{t + 1800, 100}, true, ""}, {{t + 3600, 100}, true, ""}, {{t + 5400, 100}, false, "5400"}});
}

void a_jump_is_doubted_for_a_day(void**) {
  for (const std::int64_t by : {hour + 1, -hour - 1, 30 * day, -30 * day, 100 * year, -40 * year})
    walk(ClockGuard({t, 100}, {}),
         {{{t + hour, 100 + hour}, true, ""},
          {{t + hour + by, 100 + hour}, false, "jumped by " + std::to_string(by) + " s"},
          {{t + 2 * hour + by, 100 + 2 * hour}, false, ""},
          {{t + hour + day + by - 1, 100 + hour + day - 1}, false, ""},
          {{t + hour + day + by, 100 + hour + day}, true, "believed again"},
          {{t + hour + 2 * day + by, 100 + hour + 2 * day}, true, ""}});
}

void a_jump_back_begins_the_day_anew(void**) {
  walk(ClockGuard({t, 0}, {}), {{{t + year, 0}, false, "jumped"},
                                {{t + 23 * hour, 23 * hour}, false, "jumped"},
                                {{t + 46 * hour, 46 * hour}, false, ""},
                                {{t + 47 * hour, 47 * hour}, true, "believed again"}});
}

void a_start_is_compared_with_the_one_before(void**) {
  const struct {
    ClockRecord before;
    std::string_view doubt;
  } table[] = {
      {{t, false}, ""},
      {{t - hour, false}, ""},
      {{t - 7 * day, false}, ""},
      {{t - 7 * day - 1, false}, "more than 7 days past"},
      {{t - 50 * year, false}, "more than 7 days past"},
      {{0, false}, "more than 7 days past"},
      {{t + 1, false}, "behind"},
      {{t + year, false}, "behind"},
      {{t - hour, true}, "was doubted"},
      {{t + hour, true}, "was doubted"},
  };
  for (const auto& row : table) {
    ClockGuard guard({t, 50}, row.before);
    assert_true(guard.is_believed() == row.doubt.empty());
    assert_true(guard.doubt().find(row.doubt) != std::string::npos);
    walk(guard, {{{t + hour, 50 + hour}, row.doubt.empty(), ""},
                 {{t + day, 50 + day}, true, row.doubt.empty() ? "" : "believed again"}});
  }
}

// Else two starts would be enough to believe a wrong clock.
void what_is_kept_is_what_was_believed_last(void**) {
  ClockGuard guard({t, 0}, {});
  guard.observe({t + hour, hour});
  assert_int_equal(guard.record().believed, t + hour);
  guard.observe({t + year, hour});
  assert_int_equal(guard.record().believed, t + hour);
  assert_true(guard.record().doubted);
  const ClockGuard next({t + year, 5}, guard.record());
  assert_false(next.is_believed());
  assert_int_equal(next.record().believed, t + hour);
  guard.observe({t + year + day, hour + day});
  assert_int_equal(guard.record().believed, t + year + day);
  assert_false(guard.record().doubted);
  // A clock that was wrong, believed, and set right.
  guard.observe({t + day, hour + day});
  guard.observe({t + 2 * day, hour + 2 * day});
  assert_int_equal(guard.record().believed, t + 2 * day);
  assert_true(guard.is_believed());
}

void the_file_is_read_as_it_was_written(void**) {
  for (const bool doubted : {false, true}) {
    const auto read = ClockRecord::parse(ClockRecord{t, doubted}.format());
    assert_true(read.has_value());
    assert_int_equal(read->believed, t);
    assert_true(read->doubted == doubted);
  }
  assert_text_equal((ClockRecord{t, false}.format()), "letterlock clock 1\nbelieved 1800000000\n");
  for (const char* bad :
       {"", "letterlock clock 2\nbelieved 1\n", "letterlock clock 1\n", "letterlock clock 1\nx 1\n",
        "letterlock clock 1\nbelieved \n", "letterlock clock 1\nbelieved -1\n",
        "letterlock clock 1\nbelieved 1", "letterlock clock 1\nbelieved 1\n\n",
        "letterlock clock 1\nbelieved 99999999999999999999\n", "letterlock clock 1\ndoubted 1\n"})
    if (ClockRecord::parse(bad))
      fail_msg("taken: %s", bad);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_even_clock_is_believed),
      cmocka_unit_test(a_small_step_is_believed),
      cmocka_unit_test(small_steps_add_up),
      cmocka_unit_test(a_jump_is_doubted_for_a_day),
      cmocka_unit_test(a_jump_back_begins_the_day_anew),
      cmocka_unit_test(a_start_is_compared_with_the_one_before),
      cmocka_unit_test(what_is_kept_is_what_was_believed_last),
      cmocka_unit_test(the_file_is_read_as_it_was_written),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
