// A client's share of keyd's time.
#include "keyd/computing_budget.h"

#include "tests/unit/check.h"

using namespace letterlock::keyd;
using std::chrono::milliseconds;

namespace {

const ComputingBudget::Time start{std::chrono::hours(1)};

void a_client_may_compute_until_its_budget_is_used_up(void**) {
  ComputingBudget budget;
  assert_true(budget.may_compute(start));
  budget.computed(milliseconds(30));
  assert_true(budget.may_compute(start));
  budget.computed(milliseconds(30));
  assert_false(budget.may_compute(start));
}

void half_of_the_time_comes_back(void**) {
  ComputingBudget budget;
  assert_true(budget.may_compute(start));
  budget.computed(milliseconds(60));
  assert_false(budget.may_compute(start + milliseconds(20)));
  assert_true(budget.may_compute(start + milliseconds(30)));
}

void silence_saves_no_more_than_the_bound(void**) {
  ComputingBudget budget;
  assert_true(budget.may_compute(start));
  assert_true(budget.may_compute(start + std::chrono::hours(1)));
  budget.computed(ComputingBudget::most_ahead);
  assert_false(budget.may_compute(start + std::chrono::hours(1)));
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_client_may_compute_until_its_budget_is_used_up),
      cmocka_unit_test(half_of_the_time_comes_back),
      cmocka_unit_test(silence_saves_no_more_than_the_bound),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
