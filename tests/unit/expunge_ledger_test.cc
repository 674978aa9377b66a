// What has become of a removal, asked for again.
#include "queued/expunge_ledger.h"

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

struct Heard {
  int times = 0;
  bool durable = false;
  ExpungeLedger::Answer answer() {
    return [this](bool d) {
      ++times;
      durable = d;
    };
  }
};

void an_unknown_removal_was_not_durable(void**) {
  ExpungeLedger ledger;
  Heard heard;
  ledger.ask(Id128::random(), heard.answer());
  assert_int_equal(heard.times, 1);
  assert_false(heard.durable);
}

void a_finished_removal_is_remembered(void**) {
  ExpungeLedger ledger;
  const Id128 id = Id128::random();
  ledger.begin(id);
  ledger.finish(id, true);
  Heard heard;
  ledger.ask(id, heard.answer());
  assert_int_equal(heard.times, 1);
  assert_true(heard.durable);
}

void one_under_way_is_answered_when_it_is_finished(void**) {
  ExpungeLedger ledger;
  const Id128 id = Id128::random();
  ledger.begin(id);
  Heard heard;
  ledger.ask(id, heard.answer());
  assert_int_equal(heard.times, 0);
  ledger.finish(id, true);
  assert_int_equal(heard.times, 1);
  assert_true(heard.durable);
}

void the_oldest_are_forgotten(void**) {
  ExpungeLedger ledger;
  const Id128 first = Id128::random();
  ledger.begin(first);
  ledger.finish(first, true);
  for (std::size_t i = 0; i < ExpungeLedger::most; ++i) {
    const Id128 id = Id128::random();
    ledger.begin(id);
    ledger.finish(id, true);
  }
  assert_false(ledger.knows(first));
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_unknown_removal_was_not_durable),
      cmocka_unit_test(a_finished_removal_is_remembered),
      cmocka_unit_test(one_under_way_is_answered_when_it_is_finished),
      cmocka_unit_test(the_oldest_are_forgotten),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
