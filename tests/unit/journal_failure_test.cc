// The rows of "When the disk fails" that are the journal's.
#include "tests/unit/journal_scene.h"

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;
using namespace letterlock::queued::journal;

namespace {

// Row "the journal's write or fdatasync fails".
void a_batch_that_cannot_be_written_is_void(void**) {
  JournalScene scene;
  scene.start();
  assert_true(scene.commit(1) != 0);
  scene.files().fail(Call::write_at, 1, EIO);
  assert_int_equal(scene.commit(2), 0);
  assert_true(scene.fault() == BatchFault::failed);
  assert_text_equal(scene.last().error().text, "the journal cannot be written: Input/output error");
  assert_text_equal(scene.messages_after_power_cut(), "1");
  assert_true(scene.commit(3) != 0);
  assert_int_equal(scene.last()->front().slot, 1);
  assert_text_equal(scene.messages(), "1 3");
  const Reading reading = reading_of(scene.descriptor());
  const std::vector<Id128> seen = {id_of(1), id_of(3)};
  assert_true(reading.contents.seen == seen);
}

void a_batch_that_is_written_in_part_is_void(void**) {
  JournalScene scene;
  scene.start();
  assert_true(scene.commit(1) != 0);
  // The first of two records gets to the disk.
  scene.writer().add(small_accept(2));
  scene.writer().add(small_accept(3));
  scene.disk().tear_next_write();
  const auto result = scene.writer().commit();
  assert_true(result.error().fault == BatchFault::failed);
  assert_text_equal(scene.messages(), "1");
  assert_text_equal(scene.messages_after_power_cut(), "1");
}

void a_batch_that_cannot_be_synced_is_void(void**) {
  JournalScene scene;
  scene.start();
  assert_true(scene.commit(1) != 0);
  scene.files().fail(Call::sync_file, 1, EIO);
  assert_int_equal(scene.commit(2), 0);
  assert_true(scene.fault() == BatchFault::failed);
  // It is in the file, whole.
  assert_true(scene.directory().read("0").find(std::string(10, '\2')) != std::string::npos);
  assert_text_equal(scene.messages(), "1");
  assert_text_equal(scene.messages_after_power_cut(), "1");
  assert_true(scene.commit(3) != 0);
  assert_text_equal(scene.messages(), "1 3");
}

void what_was_written_lazily_is_void_with_its_batch(void**) {
  for (const bool at_the_lazy_write : {true, false}) {
    JournalScene scene;
    scene.start();
    const Sequence one = scene.commit(1);
    if (at_the_lazy_write)
      scene.files().fail(Call::write_at, 1, EIO);
    const Sequence lazy = scene.writer().add(Materialised{id_of(1), one});
    const auto written = scene.writer().write_lazily();
    assert_int_equal(written.has_value(), !at_the_lazy_write);
    if (at_the_lazy_write) {
      assert_true(written.error().fault == BatchFault::failed);
    } else {
      scene.files().fail(Call::sync_file, 1, EIO);
      assert_int_equal(scene.commit(2), 0);
      assert_true(scene.fault() == BatchFault::failed);
    }
    assert_true(scene.commit(3) > lazy);
    const Reading reading = reading_of(scene.descriptor());
    assert_false(reading.records.contains(lazy));
    assert_text_equal(scene.messages(), "1 3");
  }
}

void a_new_segment_that_cannot_be_written_is_void(void**) {
  for (const bool at_the_sync : {false, true}) {
    JournalScene scene(4);
    scene.start();
    assert_true(scene.writer().prepare_slot().has_value());
    std::string expected;
    std::uint8_t number = 1;
    for (; number <= 5; ++number) {
      assert_true(scene.commit(number, 10'000) != 0);
      expected += std::to_string(number) + " ";
    }
    scene.files().fail(at_the_sync ? Call::sync_file : Call::write_at, 1, EIO);
    assert_int_equal(scene.commit(number, 10'000), 0);
    assert_true(scene.fault() == BatchFault::failed);
    assert_text_equal(scene.messages() + " ", expected);
    assert_text_equal(scene.messages_after_power_cut() + " ", expected);
    assert_true(scene.commit(7, 10'000) != 0);
    assert_text_equal(scene.messages(), expected + "7");
    // What failed holds nothing that is needed.
    assert_int_equal(scene.writer().use().slots, 2);
  }
}

void an_old_segment_that_cannot_be_synced_before_the_new_one(void**) {
  JournalScene scene;
  scene.start();
  for (std::uint8_t i = 1; i <= 5; ++i)
    assert_true(scene.commit(i, 10'000) != 0);
  assert_true(scene.writer().prepare_slot().has_value());
  scene.writer().add(Materialised{id_of(1), 2});
  assert_true(scene.writer().write_lazily().has_value());
  scene.files().fail(Call::sync_file, 1, EIO);
  assert_int_equal(scene.commit(6, 10'000), 0);
  assert_true(scene.fault() == BatchFault::failed);
  assert_text_equal(scene.messages(), "1 2 3 4 5");
  assert_true(scene.commit(7) != 0);
  assert_text_equal(scene.messages(), "1 2 3 4 5 7");
}

constexpr int messages_of_a_segment = 60;

// Commits messages, and then what may use the room that messages leave, until something needs a
// second segment, or commit FAILING cannot be synced. How many went into the first.
int fill_a_segment(JournalScene& scene, int failing) {
  for (std::uint32_t mailbox = 100; mailbox < 300; ++mailbox)
    scene.begin().positions.push_back({mailbox, 9});
  scene.start();
  assert_true(scene.writer().prepare_slot().has_value());
  for (int number = 1;; ++number) {
    if (number == failing)
      scene.files().fail(Call::sync_file, 1, EIO);
    if (number <= messages_of_a_segment)
      scene.commit(static_cast<std::uint8_t>(number), 500);
    else
      scene.retire(0);
    if (!scene.last() || scene.writer().use().slots > 1)
      return number - 1;
  }
}

// All of a segment that is as full as it gets fits into the next one.
void a_full_segment_is_written_again(void**) {
  JournalScene whole;
  const int fit = fill_a_segment(whole, 0);
  assert_true(fit > messages_of_a_segment);
  JournalScene scene;
  assert_int_equal(fill_a_segment(scene, fit), fit - 1);
  assert_true(scene.fault() == BatchFault::failed);
  std::string expected = "1";
  for (int number = 2; number <= messages_of_a_segment; ++number)
    expected += " " + std::to_string(number);
  assert_text_equal(scene.messages(), expected);
  // From the new segment alone.
  std::filesystem::remove(scene.directory().path() / "0");
  assert_text_equal(scene.messages_of(reading_of(scene.descriptor())), expected);
}

void a_poisoned_slot_is_used_when_all_in_it_is_retired(void**) {
  JournalScene scene(3);
  scene.start();
  const Sequence one = scene.commit(1, 10'000);
  scene.files().fail(Call::sync_file, 1, EIO);
  const Sequence doubtful = scene.commit(2, 10'000) + 2; // the next sequence, which failed
  assert_true(scene.fault() == BatchFault::failed);
  assert_int_equal(scene.writer().use().slots, 2);
  std::set<std::uint32_t> used;
  for (std::uint8_t i = 3; scene.commit(i, 10'000) != 0; ++i)
    used.insert(scene.last()->front().slot);
  assert_true(scene.fault() == BatchFault::full);
  assert_true((used == std::set<std::uint32_t>{1, 2}));
  scene.retire(one);
  assert_int_equal(scene.writer().use().slots, 3); // what failed is in it, too
  scene.retire(one + doubtful + 100);
  assert_int_equal(scene.writer().use().slots, 1);
  for (std::uint8_t i = 50; i < 60 && !used.contains(0); ++i)
    if (scene.commit(i, 10'000) != 0)
      used.insert(scene.last()->front().slot);
  assert_true(used.contains(0));
}

void retired_records_are_not_written_again(void**) {
  JournalScene scene;
  scene.start();
  const Sequence one = scene.commit(1, 10'000);
  scene.commit(2, 10'000);
  scene.retire(one);
  scene.files().fail(Call::sync_file, 1, EIO);
  scene.commit(3);
  const std::string second = scene.directory().read("1");
  assert_true(second.find(std::string(100, '\1')) == std::string::npos);
  assert_true(second.find(std::string(100, '\2')) != std::string::npos);
  assert_text_equal(scene.messages(), "2");
}

// A record that cannot be read back stays where it is, and costs no other.
void a_record_that_cannot_be_written_again(void**) {
  JournalScene scene;
  scene.start();
  scene.commit(1);
  scene.commit(2, 100);
  const Place damaged = scene.last()->front();
  scene.commit(3);
  std::string bytes = scene.directory().read("0");
  bytes[damaged.offset + 150] ^= 1;
  const UniqueFd file(::open((scene.directory().path() / "0").c_str(), O_WRONLY));
  assert_int_equal(::pwrite(file.get(), bytes.data(), bytes.size(), 0), bytes.size());
  scene.files().fail(Call::sync_file, 1, EIO);
  scene.commit(4);
  assert_true(scene.fault() == BatchFault::failed);
  const Reading at_once = reading_of(scene.descriptor());
  assert_text_equal(scene.messages_of(at_once), "1 3");
  assert_true(scene.commit(5) != 0);
  const Reading reading = reading_of(scene.descriptor());
  assert_text_equal(scene.messages_of(reading), "1 3 5");
  bool is_told = false;
  for (const Damage& damage : reading.contents.damage)
    is_told = is_told || (damage.slot == 0 && damage.offset == damaged.offset &&
                          damage.length == damaged.length);
  assert_true(is_told);
  // If the sector can be read again, it is there.
  bytes[damaged.offset + 150] ^= 1;
  assert_int_equal(::pwrite(file.get(), bytes.data(), bytes.size(), 0), bytes.size());
  assert_text_equal(scene.messages(), "1 2 3 5");
}

void failures_follow_each_other(void**) {
  JournalScene scene(4);
  scene.start();
  std::string expected;
  Sequence last = 0;
  for (std::uint8_t i = 1; i <= 60; ++i) {
    if (i % 2 == 0)
      scene.files().fail(i % 4 == 0 ? Call::write_at : Call::sync_file, 1, EIO);
    const Sequence sequence = scene.commit(i);
    assert_int_equal(sequence == 0, i % 2 == 0);
    if (sequence == 0) {
      assert_true(scene.fault() == BatchFault::failed);
      continue;
    }
    expected += (expected.empty() ? "" : " ") + std::to_string(i);
    assert_text_equal(scene.messages(), expected);
    assert_text_equal(scene.messages_after_power_cut(), expected);
    assert_true(sequence > last);
    last = sequence;
    if (i % 3 == 0) {
      scene.retire(sequence);
      expected.clear();
    }
  }
}

// Row "that fails too", while another slot works.
void the_next_slot_is_tried(void**) {
  JournalScene scene;
  scene.start();
  scene.commit(1);
  scene.files().fail(Call::write_at, 1, EIO);
  assert_true(scene.writer().prepare_slot().has_value());
  scene.files().fail(Call::sync_file, 1, EIO); // of the next segment
  assert_int_equal(scene.commit(2), 0);
  assert_true(scene.fault() == BatchFault::failed);
  assert_true(scene.commit(3) != 0);
  assert_int_equal(scene.last()->front().slot, 2);
  assert_text_equal(scene.messages(), "1 3");
  assert_text_equal(scene.messages_after_power_cut(), "1 3");
}

// Row "that fails too": broken.
void a_dead_disk_leaves_the_batch_in_doubt(void**) {
  JournalScene scene;
  scene.start();
  scene.commit(1);
  scene.writer().add(small_accept(2));
  scene.disk().set_dead(true);
  auto result = scene.writer().commit();
  assert_true(result.error().fault == BatchFault::in_doubt);
  assert_true(result.error().text.find("cannot be made void") != std::string::npos);
  assert_true(scene.writer().use().broken);
  assert_int_equal(scene.commit(3), 0);
  assert_true(scene.fault() == BatchFault::broken);
  scene.writer().add(Materialised{id_of(1), 2});
  assert_true(scene.writer().write_lazily().error().fault == BatchFault::broken);
  assert_false(scene.writer().mend());
  assert_false(scene.writer().mend());
  assert_text_equal(scene.messages(), "1"); // what is durable can be read
  scene.disk().set_dead(false);
  assert_true(scene.writer().mend());
  assert_false(scene.writer().use().broken);
  assert_true(scene.writer().mend());
  assert_text_equal(scene.messages_after_power_cut(), "1");
  assert_true(scene.commit(4) != 0);
  assert_text_equal(scene.messages(), "1 4");
}

// The batch got to the disk; only its sync failed, and the Void's.
void what_is_in_doubt_is_void_when_the_journal_is_mended(void**) {
  JournalScene scene(2);
  scene.start();
  scene.commit(1);
  scene.files().fail(Call::sync_file, 1, EIO);
  scene.files().fail(Call::append, 1, EIO); // no second slot
  assert_int_equal(scene.commit(2), 0);
  assert_true(scene.fault() == BatchFault::in_doubt);
  assert_text_equal(scene.messages(), "1 2"); // in doubt: it may be there
  assert_true(scene.writer().mend());
  assert_text_equal(scene.messages(), "1");
  assert_text_equal(scene.messages_after_power_cut(), "1");
}

// Broken for want of a slot, and mended by what needs its record no more.
void a_broken_journal_can_be_freed(void**) {
  JournalScene scene(2);
  scene.start();
  std::uint8_t number = 1;
  Sequence last = 0;
  while (const Sequence sequence = scene.commit(number, 10'000)) {
    last = sequence;
    ++number;
  }
  assert_true(scene.fault() == BatchFault::full);
  scene.writer().add(Retire{1, 1});
  scene.files().fail(Call::sync_file, 1, EIO);
  const auto result = scene.writer().commit();
  assert_true(result.error().fault == BatchFault::in_doubt);
  assert_false(scene.writer().mend());
  scene.writer().retire(last);
  assert_true(scene.writer().mend());
  assert_true(scene.commit(number, 10'000) != 0);
  const Reading reading = reading_of(scene.descriptor());
  assert_true(reading.contents.damage.empty());
  assert_text_equal(scene.messages_of(reading), std::to_string(number));
  assert_int_equal(reading.contents.retired, last + 1);
}

// Killed, or the power cut, at each moment of failures and mending.
void it_can_end_anywhere(void**) {
  JournalScene scene(3);
  scene.start();
  struct Step {
    std::size_t begun = 0, ended = 0;
    std::uint8_t number = 0;
    bool committed = false;
  };
  std::vector<Step> steps;
  const auto step = [&](std::uint8_t number, std::size_t size) {
    Step made{scene.files().now(), 0, number, false};
    made.committed = scene.commit(number, size) != 0;
    assert_true(made.committed || scene.fault() == BatchFault::failed);
    made.ended = scene.files().now();
    steps.push_back(made);
  };
  step(1, 100);
  step(2, 20'000);
  scene.files().fail(Call::sync_file, 1, EIO);
  step(3, 100); // poisons slot 0
  step(4, 100);
  scene.disk().tear_next_write();
  step(5, 600); // poisons slot 1
  step(6, 100);
  assert_text_equal(scene.messages(), "1 2 4 6");

  for (std::size_t moment = steps.front().begun; moment <= scene.files().now(); ++moment)
    for (unsigned seed = 0; seed < 8; ++seed) {
      const TemporaryDirectory after;
      const Crash crash = seed == 0 ? Crash::killed : seed == 1 ? Crash::power_cut : Crash::mixed;
      scene.files().lay_out(moment, crash, seed, after.open().get());
      const Reading reading = reading_of(after);
      if (!reading.contents.damage.empty())
        fail_msg("moment %zu: %s", moment, reading.contents.damage.front().why.c_str());
      const std::string found = " " + scene.messages_of(reading) + " ";
      for (const Step& one : steps) {
        const bool is_there =
            found.find(" " + std::to_string(one.number) + " ") != std::string::npos;
        if (one.ended <= moment && is_there != one.committed)
          fail_msg("moment %zu, seed %u: message %d: %s", moment, seed, one.number, found.c_str());
        if (one.begun >= moment && is_there)
          fail_msg("message %d before its time", one.number);
      }
    }
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_batch_that_cannot_be_written_is_void),
      cmocka_unit_test(a_batch_that_is_written_in_part_is_void),
      cmocka_unit_test(a_batch_that_cannot_be_synced_is_void),
      cmocka_unit_test(what_was_written_lazily_is_void_with_its_batch),
      cmocka_unit_test(a_new_segment_that_cannot_be_written_is_void),
      cmocka_unit_test(an_old_segment_that_cannot_be_synced_before_the_new_one),
      cmocka_unit_test(a_full_segment_is_written_again),
      cmocka_unit_test(a_poisoned_slot_is_used_when_all_in_it_is_retired),
      cmocka_unit_test(retired_records_are_not_written_again),
      cmocka_unit_test(a_record_that_cannot_be_written_again),
      cmocka_unit_test(failures_follow_each_other),
      cmocka_unit_test(the_next_slot_is_tried),
      cmocka_unit_test(a_dead_disk_leaves_the_batch_in_doubt),
      cmocka_unit_test(what_is_in_doubt_is_void_when_the_journal_is_mended),
      cmocka_unit_test(a_broken_journal_can_be_freed),
      cmocka_unit_test(it_can_end_anywhere),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
