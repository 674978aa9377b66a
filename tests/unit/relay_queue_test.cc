// What Accepts and Outcomes add up to, row by row of docs/spool.md, "The queue".
#include "queued/store/relay_envelope.h"
#include "queued/store/relay_queue.h"
#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

using journal::RecipientState;

Id128 id(std::uint8_t number) {
  Id128 made;
  made.bytes[15] = number;
  return made;
}

journal::Accept accept(std::uint8_t number, std::size_t recipients) {
  journal::Accept made;
  made.message = id(number);
  made.relay.emplace();
  made.relay->recipients.assign(recipients, {"a@example.net", "", ""});
  return made;
}

journal::Outcome outcome(std::uint8_t number, std::vector<journal::RecipientOutcome> recipients) {
  journal::Outcome made;
  made.message = id(number);
  made.recipients = std::move(recipients);
  return made;
}

const journal::RecipientOutcome first_done{0, RecipientState::done, 0, "250"};
const journal::RecipientOutcome second_done{1, RecipientState::done, 0, "250"};
const journal::RecipientOutcome first_deferred{0, RecipientState::deferred, 60, "451"};
const journal::RecipientOutcome second_failed{1, RecipientState::failed, 0, "550"};

std::string states(const RelayQueue& queue, std::uint8_t number) {
  std::string text;
  const auto* entry = queue.find(id(number));
  if (entry != nullptr)
    for (const QueuedRecipient& one : entry->message.recipients)
      text += "wdDF"[static_cast<int>(one.state)];
  return text;
}

void accept_outcomes_and_what_is_left(void**) {
  const struct {
    std::vector<journal::RecipientOutcome> outcomes; // one record each
    const char* states;                              // "" : not there
  } table[] = {
      {{}, "ww"},
      {{first_deferred}, "dw"},
      {{first_deferred, first_done}, "Dw"},
      {{first_done, first_deferred}, "Dw"}, // done is final
      {{second_failed, second_done}, "wF"}, // so is failed
      {{first_deferred, first_deferred}, "dw"},
      {{first_done, second_failed}, ""},
      {{second_done, first_deferred, first_done}, ""},
      {{{7, RecipientState::done, 0, ""}}, "ww"}, // nobody
  };
  for (const auto& row : table) {
    RelayQueue queue;
    queue.add(accept(1, 2), 5, {});
    journal::Sequence sequence = 6;
    for (const auto& one : row.outcomes)
      queue.apply(outcome(1, {one}), sequence++);
    assert_text_equal(states(queue, 1), row.states);
    assert_int_equal(queue.unfinished(), *row.states == '\0' ? 0 : 1);
    assert_int_equal(queue.recipients(), *row.states == '\0' ? 0 : 2);
    assert_int_equal(queue.messages().size(), queue.unfinished());
    // Twice changes nothing.
    sequence = 6;
    for (const auto& one : row.outcomes)
      queue.apply(outcome(1, {one}), sequence++);
    if (*row.states != '\0' && row.outcomes.size() == 1)
      assert_text_equal(states(queue, 1), row.states);
  }
}

void an_outcome_of_nobody_and_an_accept_without_recipients_mean_nothing(void**) {
  RelayQueue queue;
  queue.apply(outcome(1, {first_done}), 3);
  journal::Accept local;
  local.message = id(2);
  queue.add(local, 4, {});
  assert_int_equal(queue.entries().size(), 0);
  queue.add(accept(1, 1), 5, {});
  queue.add(accept(1, 3), 6, {}); // known
  assert_text_equal(states(queue, 1), "w");
}

void what_is_due(void**) {
  RelayQueue queue;
  queue.add(accept(1, 2), 5, {});
  assert_int_equal(queue.due(4).size(), 0); // its record stays
  assert_int_equal(queue.first_needed(), 5);
  auto due = queue.due(5);
  assert_int_equal(due.size(), 1);
  assert_true(due[0].write_message && !due[0].write_state);
  // An attempt ends meanwhile.
  queue.apply(outcome(1, {first_deferred}), 6);
  queue.was_done(due[0]);
  assert_int_equal(queue.first_needed(), 6);
  due = queue.due(5);
  assert_true(!due[0].write_message && due[0].write_state);
  assert_int_equal(due[0].recipients.size(), 2);
  queue.was_done(due[0]);
  assert_int_equal(queue.first_needed(), 0);
  assert_int_equal(queue.due(100).size(), 0);
  queue.apply(outcome(1, {first_deferred}), 7); // nothing new
  assert_int_equal(queue.due(100).size(), 0);
  queue.apply(outcome(1, {first_done, second_failed}), 8);
  assert_int_equal(queue.unfinished(), 0);
  assert_int_equal(queue.first_needed(), 8);
  due = queue.due(8);
  assert_true(!due[0].write_message && !due[0].write_state);
  queue.was_done(due[0]);
  assert_int_equal(queue.entries().size(), 0);
  assert_int_equal(queue.first_needed(), 0);
}

void one_that_is_finished_at_once_is_never_due(void**) {
  RelayQueue queue;
  auto room = std::make_shared<int>(1);
  const auto envelope = std::make_shared<const RelayEnvelope>(
      RelayEnvelope{"", "", "", 0, {{"a@example.net", "", ""}}});
  queue.add({id(1), 0, 0, 0, 0, envelope, {}}, false, 5, {}, room);
  assert_int_equal(room.use_count(), 2);
  queue.apply(outcome(1, {first_done}), 6);
  assert_int_equal(room.use_count(), 1);
  assert_int_equal(queue.due(100).size(), 0);
}

void one_that_is_finished_while_it_is_written_is_removed(void**) {
  RelayQueue queue;
  queue.add(accept(1, 1), 5, {});
  auto due = queue.due(5);
  queue.apply(outcome(1, {first_done}), 6);
  queue.was_done(due[0]);
  due = queue.due(6);
  assert_int_equal(due.size(), 1);
  assert_true(!due[0].write_message && !due[0].write_state);
  // The same if the writing failed half way.
  queue.add(accept(2, 1), 7, {});
  static_cast<void>(queue.due(7));
  queue.apply(outcome(2, {first_done}), 8);
  assert_int_equal(queue.due(8).size(), 2);
  assert_int_equal(queue.first_needed(), 6);
}

void what_comes_from_files(void**) {
  RelayQueue queue;
  queue.add_kept(accept(1, 2));
  assert_int_equal(queue.due(100).size(), 0);
  assert_false(queue.apply_kept(outcome(1, {first_deferred})));                // not all of them
  assert_false(queue.apply_kept(outcome(1, {second_failed, first_deferred}))); // in disorder
  assert_false(queue.apply_kept(outcome(2, {first_done, second_done})));
  assert_true(queue.apply_kept(outcome(1, {first_deferred, second_failed})));
  assert_text_equal(states(queue, 1), "dF");
  assert_int_equal(queue.due(100).size(), 0);
  queue.add(accept(1, 2), 5, {}); // the journal has it as well
  queue.apply(outcome(1, {second_failed}), 6);
  assert_int_equal(queue.due(100).size(), 0);
  // A finished state: its files go.
  queue.add_kept(accept(3, 2));
  assert_true(queue.apply_kept(outcome(3, {first_done, second_done})));
  assert_int_equal(queue.unfinished(), 1);
  assert_int_equal(queue.due(0).size(), 1);
  assert_int_equal(queue.first_needed(), 0);
}

void claims(void**) {
  RelayQueue queue;
  queue.add(accept(1, 2), 5, {});
  const auto claimed = [&](std::uint8_t number, std::vector<std::uint16_t> recipients,
                           QueuedState state = QueuedState::done) {
    QueueOutcome made;
    made.message = id(number);
    for (const std::uint16_t recipient : recipients)
      made.recipients.push_back({recipient, {state, 0, ""}});
    return queue.claim(made).empty();
  };
  assert_false(claimed(2, {0}));
  assert_false(claimed(1, {}));
  assert_false(claimed(1, {2}));
  assert_false(claimed(1, {0, 0}));
  assert_false(claimed(1, {0}, QueuedState::waiting));
  assert_true(claimed(1, {0}));
  assert_false(claimed(1, {0}));
  assert_false(claimed(1, {1, 0}));
  assert_true(claimed(1, {1}));
  queue.release(id(1), {0});
  assert_true(claimed(1, {0}, QueuedState::deferred));
  queue.release(id(1), {0, 1});
  queue.apply(outcome(1, {first_done}), 6);
  assert_false(claimed(1, {0}));
  queue.apply(outcome(1, {second_failed}), 7);
  assert_false(claimed(1, {1}));
  queue.release(id(1), {1}); // of one that is gone
}

void a_status_is_printable_and_bounded(void**) {
  assert_text_equal(printable_status("550 no\r\n\tsuch \xc3\xa9 user\x7f"),
                    "550 no???such ?? user?");
  assert_int_equal(printable_status(std::string(1000, 'x')).size(), longest_status);
}

void an_envelope_that_cannot_be(void**) {
  const StoreLimits limits;
  const RelayEnvelope good{"me@example.com", "id", "HDRS", 5, {{"a@example.net", "NEVER", "x"}}};
  assert_text_equal(check_envelope(good, limits), "");
  const auto refused = [&](auto&& spoil) {
    RelayEnvelope bad = good;
    spoil(bad);
    assert_false(check_envelope(bad, limits).empty());
  };
  refused([](RelayEnvelope& e) { e.recipients.clear(); });
  refused([](RelayEnvelope& e) { e.recipients.resize(10'001, e.recipients[0]); });
  refused([](RelayEnvelope& e) { e.recipients[0].address.clear(); });
  refused([](RelayEnvelope& e) { e.recipients[0].address = "a\n@example.net"; });
  refused([](RelayEnvelope& e) { e.recipients[0].address.assign(321, 'x'); });
  refused([](RelayEnvelope& e) { e.recipients[0].notify.assign(29, 'x'); });
  refused([](RelayEnvelope& e) { e.recipients[0].original.assign(501, 'x'); });
  refused([](RelayEnvelope& e) { e.reverse_path = std::string(1, '\0'); });
  refused([](RelayEnvelope& e) { e.envelope_id.assign(101, 'x'); });
  refused([](RelayEnvelope& e) { e.ret = "ALL"; });
  refused([](RelayEnvelope& e) { e.not_before = -1; });
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(accept_outcomes_and_what_is_left),
      cmocka_unit_test(an_outcome_of_nobody_and_an_accept_without_recipients_mean_nothing),
      cmocka_unit_test(what_is_due),
      cmocka_unit_test(one_that_is_finished_at_once_is_never_due),
      cmocka_unit_test(one_that_is_finished_while_it_is_written_is_removed),
      cmocka_unit_test(what_comes_from_files),
      cmocka_unit_test(claims),
      cmocka_unit_test(a_status_is_printable_and_bounded),
      cmocka_unit_test(an_envelope_that_cannot_be),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
