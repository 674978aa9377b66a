// Batches, segments and slots, while the disk is well.
#include "tests/unit/journal_scene.h"

#include <sys/stat.h>

#include "tests/unit/check.h"

#include <thread>

using namespace letterlock;
using namespace letterlock::queued;
using namespace letterlock::queued::journal;

namespace {

void assert_undamaged(const Reading& reading) {
  if (!reading.contents.damage.empty())
    fail_msg("damage: %s", reading.contents.damage.front().why.c_str());
  assert_true(reading.in_order);
}

std::string messages(const Reading& reading) {
  return JournalScene::messages_of(reading);
}

void it_begins_with_a_segment(void**) {
  JournalScene scene;
  scene.begin().sequence = 100;
  scene.begin().retired = 100;
  scene.begin().generation = 5;
  scene.begin().seen = {id_of(8), id_of(9)};
  scene.begin().positions = {{7, 70}};
  scene.start();
  struct stat about = {};
  assert_int_equal(::stat((scene.directory().path() / "0").c_str(), &about), 0);
  assert_int_equal(about.st_size, small_segment);
  assert_int_equal(about.st_mode & 07777, 0600);
  const Reading reading = reading_of(scene.descriptor());
  assert_undamaged(reading);
  assert_text_equal(reading.sequences(), "100 101");
  assert_int_equal(reading.contents.retired, 100);
  assert_true(reading.contents.last_generation >= 5);
  assert_int_equal(reading.contents.last_time, 1'000);
  assert_true(reading.contents.seen == scene.begin().seen);
  assert_int_equal(reading.contents.positions.size(), 1);
  assert_int_equal(reading.contents.positions[0].next_sequence, 70);
}

void a_batch_is_one_write_and_one_sync(void**) {
  JournalScene scene;
  scene.start();
  const std::size_t writes = scene.files().count(Call::write_at);
  const std::size_t syncs = scene.files().count(Call::sync_file);
  const std::size_t changes = scene.files().now();
  JournalWriter& writer = scene.writer();
  assert_int_equal(writer.batch_bytes(), 0);
  const Sequence first = writer.add(small_accept(1));
  const Sequence second = writer.add(Expunge{id_of(2), 1, {}});
  assert_true(writer.batch_bytes() > 0);
  const auto places = writer.commit();
  assert_true(places.has_value());
  assert_int_equal(scene.files().count(Call::write_at), writes + 1);
  assert_int_equal(scene.files().count(Call::sync_file), syncs + 1);
  assert_int_equal(scene.files().now(), changes + 2);
  assert_int_equal(second, first + 1);
  assert_int_equal(writer.batch_bytes(), 0);

  const Reading reading = reading_of(scene.descriptor());
  assert_undamaged(reading);
  assert_int_equal(places->size(), 2);
  assert_int_equal(reading.places.at(first).offset, (*places)[0].offset);
  assert_int_equal(reading.places.at(second).offset, (*places)[1].offset);
  std::string buffer;
  const auto again = read_record(scene.descriptor(), (*places)[1], buffer);
  assert_true(again.has_value());
  assert_true(std::get<Expunge>(*again).transaction == id_of(2));
  const std::vector<Id128> seen = {id_of(1), id_of(2)};
  assert_true(reading.contents.seen == seen);
}

void nothing_to_commit_is_nothing_done(void**) {
  JournalScene scene;
  scene.start();
  const std::size_t changes = scene.files().now();
  assert_int_equal(scene.writer().commit()->size(), 0);
  assert_true(scene.writer().write_lazily().has_value());
  assert_int_equal(scene.files().now(), changes);
}

void what_is_discarded_was_never_there(void**) {
  JournalScene scene;
  scene.start();
  const Sequence first = scene.writer().add(small_accept(1));
  scene.writer().add(small_accept(2));
  scene.writer().discard();
  assert_int_equal(scene.commit(3), first);
  const Reading reading = reading_of(scene.descriptor());
  assert_undamaged(reading);
  assert_text_equal(messages(reading), "3");
  assert_true(reading.contents.seen == std::vector<Id128>{id_of(3)});
}

// A lazily written record and the batch behind it are torn together.
void what_is_written_lazily_belongs_to_the_next_batch(void**) {
  JournalScene scene;
  scene.start();
  const std::size_t syncs = scene.files().count(Call::sync_file);
  const Sequence lazy = scene.writer().add(Materialised{id_of(1), 2});
  assert_true(scene.writer().write_lazily().has_value());
  assert_int_equal(scene.files().count(Call::sync_file), syncs);
  assert_int_equal(scene.commit(1), lazy + 1);
  assert_int_equal(scene.files().count(Call::sync_file), syncs + 1);

  std::string bytes = scene.directory().read("0");
  const Place place = reading_of(scene.descriptor()).places.at(lazy);
  bytes[place.offset + 40] ^= 1;
  scene.directory().write("0", bytes);
  const Reading torn = reading_of(scene.descriptor());
  assert_undamaged(torn);
  assert_text_equal(messages(torn), "");
  assert_true(torn.contents.cut > 0);
}

void a_full_segment_has_a_successor(void**) {
  JournalScene scene;
  scene.begin().positions = {{5, 50}};
  scene.start();
  std::string expected;
  for (std::uint8_t i = 1; i <= 12; ++i) {
    assert_true(scene.commit(i, 10'000) != 0);
    expected += (i == 1 ? "" : " ") + std::to_string(i);
  }
  assert_int_equal(scene.writer().use().slots, 3);
  assert_true(scene.writer().use().segment_full);
  const Reading reading = reading_of(scene.descriptor());
  assert_undamaged(reading);
  assert_text_equal(messages(reading), expected);
  assert_int_equal(reading.contents.seen.size(), 12);
  assert_true(reading.contents.seen.back() == id_of(12));
  assert_int_equal(reading.contents.positions.size(), 2);
  assert_int_equal(reading.contents.positions[0].next_sequence, 13);
  assert_int_equal(reading.contents.positions[1].next_sequence, 50);
  const Sequence full_up_to = scene.writer().use().full_up_to;
  assert_true(reading.records.contains(full_up_to));
  assert_true(reading.places.at(full_up_to).slot != reading.places.at(full_up_to + 1).slot);

  // The newest segment alone knows all that was seen.
  std::filesystem::remove(scene.directory().path() / "0");
  std::filesystem::remove(scene.directory().path() / "1");
  const Reading last = reading_of(scene.descriptor());
  assert_int_equal(last.contents.seen.size(), 12);
  assert_int_equal(last.contents.positions.size(), 2);
}

void a_segment_begins_in_one_write(void**) {
  JournalScene scene;
  scene.start();
  assert_true(scene.writer().prepare_slot().has_value());
  while (!scene.writer().use().segment_full) {
    const std::size_t changes = scene.files().now();
    assert_true(scene.commit(1, 5'000) != 0);
    assert_int_equal(scene.files().now(), changes + 2);
  }
}

// Or a hole in the old segment would be taken for damage.
void a_segment_is_synced_before_it_has_a_successor(void**) {
  JournalScene scene;
  scene.start();
  assert_true(scene.writer().prepare_slot().has_value());
  for (int i = 0; i < 5; ++i)
    assert_true(scene.commit(1, 10'000) != 0);
  scene.writer().add(Materialised{id_of(1), 2});
  assert_true(scene.writer().write_lazily().has_value());
  const std::size_t syncs = scene.files().count(Call::sync_file);
  assert_true(scene.commit(2, 10'000) != 0);
  assert_true(scene.writer().use().segment_full);
  assert_int_equal(scene.files().count(Call::sync_file), syncs + 2);
}

void the_last_4096_transactions_are_kept(void**) {
  JournalScene scene(2, 1u << 20);
  Id128 id;
  for (unsigned i = 0; i < most_seen + 10; ++i) {
    id.bytes[0] = static_cast<std::uint8_t>(i >> 8);
    id.bytes[1] = static_cast<std::uint8_t>(i);
    scene.begin().seen.push_back(id);
  }
  scene.start();
  const Reading reading = reading_of(scene.descriptor());
  assert_int_equal(reading.contents.seen.size(), most_seen);
  assert_true(reading.contents.seen.back() == id);
}

void retired_slots_are_used_again(void**) {
  JournalScene scene(3);
  scene.start();
  std::map<std::uint32_t, int> uses;
  for (int i = 0; i < 60; ++i) {
    const Sequence sequence = scene.commit(static_cast<std::uint8_t>(i + 1), 10'000);
    assert_true(sequence != 0);
    ++uses[scene.last()->front().slot];
    scene.retire(sequence);
    assert_false(scene.writer().use().segment_full);
    const Reading reading = reading_of(scene.descriptor());
    assert_undamaged(reading); // what an earlier use left is not read
    assert_text_equal(messages(reading), "");
    assert_int_equal(reading.contents.seen.size(), i + 1);
  }
  assert_true(uses[0] > 10 && uses[1] > 10);
}

void with_no_free_slot_the_journal_is_full(void**) {
  JournalScene scene(2);
  scene.start();
  Sequence first = 0, last = 0;
  for (std::uint8_t i = 1;; ++i) {
    const Sequence sequence = scene.commit(i, 10'000);
    if (sequence == 0)
      break;
    first = first == 0 ? sequence : first;
    last = sequence;
  }
  assert_true(scene.fault() == BatchFault::full);
  assert_false(scene.last().error().text.empty());
  assert_int_equal(scene.writer().use().slots, 2);
  assert_false(scene.writer().use().broken);
  const Reading reading = reading_of(scene.descriptor());
  assert_undamaged(reading);
  // There is room all the same for what frees slots, and then for more.
  for (int i = 0; i < 30; ++i) {
    scene.writer().add(Materialised{id_of(1), first});
    assert_true(scene.writer().write_lazily().has_value());
  }
  scene.retire(scene.writer().use().full_up_to);
  assert_true(scene.last().has_value());
  assert_int_equal(scene.writer().use().slots, 1);
  assert_true(scene.commit(99, 10'000) > last);
  assert_undamaged(reading_of(scene.descriptor()));
}

void a_batch_longer_than_a_segment_is_refused(void**) {
  JournalScene scene;
  scene.start();
  const Sequence before = scene.commit(1);
  assert_int_equal(scene.commit(2, small_segment), 0);
  assert_true(scene.fault() == BatchFault::full);
  assert_true(scene.last().error().text.find("too long for a segment") != std::string::npos);
  assert_int_equal(scene.commit(3), before + 1);
  assert_text_equal(messages(reading_of(scene.descriptor())), "1 3");
}

void a_slot_is_made_ahead(void**) {
  JournalScene scene;
  scene.start();
  assert_true(scene.writer().prepare_slot().has_value());
  assert_int_equal(scene.directory().read("1").size(), small_segment);
  assert_false(std::filesystem::exists(scene.directory().path() / "1.tmp"));
  const std::size_t changes = scene.files().now();
  assert_true(scene.writer().prepare_slot().has_value()); // it is there
  assert_int_equal(scene.files().now(), changes);
  assert_int_equal(scene.writer().use().slots, 1);
}

void a_slot_that_is_being_made_is_waited_for(void**) {
  JournalScene scene(2);
  scene.start();
  scene.files().close_gate(Call::rename);
  std::thread maker([&] { (void)scene.writer().prepare_slot(); });
  scene.files().wait_for_caller_at_gate();
  std::thread opener([&] { scene.files().open_gate(); });
  int committed = 0;
  while (!scene.writer().use().segment_full && scene.commit(1, 10'000) != 0)
    ++committed;
  maker.join();
  opener.join();
  assert_true(scene.last().has_value());
  assert_true(committed > 3);
  assert_int_equal(scene.files().count(Call::create), 2); // nobody made another one
}

void no_room_for_a_slot(void**) {
  for (const Call call :
       {Call::create, Call::append, Call::sync_file, Call::rename, Call::sync_directory}) {
    JournalScene scene;
    scene.start();
    scene.files().fail(call, 1, ENOSPC);
    const auto made = scene.writer().prepare_slot();
    assert_false(made.has_value());
    assert_true(made.error().is_full());
    assert_false(std::filesystem::exists(scene.directory().path() / "1"));
    assert_false(std::filesystem::exists(scene.directory().path() / "1.tmp"));
    assert_true(scene.writer().prepare_slot().has_value());
    assert_int_equal(scene.directory().read("1").size(), small_segment);
  }
}

void no_room_for_the_next_segment_is_full(void**) {
  JournalScene scene;
  scene.start();
  scene.files().fail(Call::append, 1, ENOSPC);
  std::uint8_t number = 1;
  while (scene.commit(number, 10'000) != 0)
    ++number;
  assert_true(scene.fault() == BatchFault::full);
  assert_false(scene.writer().use().broken);
  assert_true(scene.commit(number, 10'000) != 0); // there is room again
  const Reading reading = reading_of(scene.descriptor());
  assert_undamaged(reading);
  assert_int_equal(reading.contents.seen.size(), number);
}

void half_made_slots_are_removed_at_start(void**) {
  JournalScene scene;
  scene.directory().write("0.tmp", "half");
  scene.directory().write("3.tmp", "half");
  scene.start();
  assert_int_equal(scene.directory().names(".").size(), 1);
}

void what_is_no_slot_is_left_alone(void**) {
  JournalScene scene(6);
  std::filesystem::create_directory(scene.directory().path() / "0");
  scene.directory().write("1", "short");
  scene.directory().write("2", std::string(small_segment, 'x')); // a damaged header
  std::filesystem::create_symlink("2", scene.directory().path() / "3");
  scene.start();
  scene.commit(1);
  assert_int_equal(scene.last()->front().slot, 4);
  assert_text_equal(scene.directory().read("1"), "short");
  assert_text_equal(scene.directory().read("2"), std::string(small_segment, 'x'));
}

void a_start_keeps_the_newest_segment_until_there_is_a_newer_one(void**) {
  JournalScene scene(2);
  scene.start();
  scene.commit(1);
  const Reading before = scene.restart();
  assert_text_equal(messages(before), "1");
  assert_int_equal(scene.writer().use().slots, 1);
  scene.commit(2);
  assert_int_equal(scene.last()->front().slot, 1);
  const Reading second = scene.restart();
  assert_undamaged(second);
  assert_text_equal(messages(second), "2");
  const std::vector<Id128> seen = {id_of(1), id_of(2)};
  assert_true(second.contents.seen == seen);
  scene.commit(3);
  assert_int_equal(scene.last()->front().slot, 0);
  assert_true(second.contents.last_sequence > before.contents.last_sequence);
}

void a_start_without_room_begins_broken(void**) {
  JournalScene scene(2);
  scene.files().fail(Call::append, 1, ENOSPC);
  scene.start();
  assert_true(scene.writer().use().broken);
  assert_int_equal(scene.commit(1), 0);
  assert_true(scene.fault() == BatchFault::full);
  assert_true(scene.writer().mend());
  assert_true(scene.commit(2) != 0);
  const Reading reading = reading_of(scene.descriptor());
  assert_undamaged(reading);
  assert_text_equal(messages(reading), "2");
}

void a_start_on_a_disk_that_fails_is_an_error(void**) {
  JournalScene scene(2);
  scene.files().fail(Call::append, 1, EIO);
  const auto started =
      JournalWriter::start(scene.files(), scene.descriptor(), scene.begin(), [] { return 1; });
  assert_false(started.has_value());
  assert_int_equal(started.error().number, EIO);
}

// At each moment of a start, what the start before had is still told.
void a_start_can_be_cut_off_anywhere(void**) {
  JournalScene scene(2);
  scene.begin().positions = {{1, 33}};
  scene.begin().seen = {id_of(40)};
  scene.start();
  scene.commit(50);
  const std::size_t before = scene.files().now();
  scene.restart();
  scene.restart();
  for (std::size_t moment = before; moment <= scene.files().now(); ++moment)
    for (const Crash crash : {Crash::killed, Crash::power_cut}) {
      const TemporaryDirectory after;
      scene.files().lay_out(moment, crash, 0, after.open().get());
      const Reading reading = reading_of(after);
      assert_true(reading.contents.damage.empty());
      const std::vector<Id128> seen = {id_of(40), id_of(50)};
      assert_true(reading.contents.seen == seen);
      assert_int_equal(reading.contents.positions.size(), 1);
      assert_int_equal(reading.contents.positions[0].next_sequence, 51);
    }
}

// So much that several threads read it.
void a_long_journal_is_read_whole_and_in_order(void**) {
  JournalScene scene(4, 8u << 20);
  scene.start();
  std::string expected;
  for (std::uint8_t number = 1; number <= 22; ++number) {
    assert_true(scene.commit(number, 1'000'000) != 0);
    expected += (number == 1 ? "" : " ") + std::to_string(number);
  }
  const Reading reading = reading_of(scene.descriptor());
  assert_undamaged(reading);
  assert_true(reading.in_order);
  assert_text_equal(messages(reading), expected);
  assert_true(reading.contents.firsts.size() >= 3);
}

// Else the next segment would say of what was torn that it had been durable.
void what_a_start_has_cut_off_stays_so_behind_it(void**) {
  JournalScene scene;
  scene.start();
  const Sequence first = scene.commit(1);
  const Sequence torn = scene.writer().add(small_accept(2));
  scene.writer().add(small_accept(3));
  scene.writer().add(small_accept(4));
  const auto places = scene.writer().commit();
  const std::string slot = std::to_string(places->at(0).slot);
  std::string bytes = scene.directory().read(slot);
  bytes.replace(places->at(0).offset, places->at(0).length, places->at(0).length, '\0');
  scene.directory().write(slot, bytes);
  for (int start = 0; start < 2; ++start) {
    const Reading before = scene.restart(first);
    assert_text_equal(messages(before), start == 0 ? "1" : "1 5");
    assert_int_equal(before.contents.end, start == 0 ? torn : before.contents.last_sequence + 1);
    assert_true(scene.commit(static_cast<std::uint8_t>(5 + start)) != 0);
    const Reading after = reading_of(scene.descriptor());
    assert_true(after.contents.damage.empty());
    assert_text_equal(messages(after), start == 0 ? "1 5" : "1 5 6");
  }
}

// The newest segment is all that a start keeps: it must not look like one before it knows what was
// seen, whichever of its sectors got to the disk first.
void a_header_of_a_start_is_the_last_to_be_written(void**) {
  JournalScene scene(2);
  scene.begin().positions = {{1, 33}};
  scene.begin().seen = {id_of(40)};
  scene.start();
  scene.restart();
  const std::uint64_t before = reading_of(scene.descriptor()).contents.last_generation;
  const std::size_t begun = scene.files().now();
  scene.restart();
  unsigned of_the_start = 0;
  for (std::size_t moment = begun; moment <= scene.files().now(); ++moment) {
    const TemporaryDirectory all, synced;
    scene.files().lay_out(moment, Crash::killed, 0, all.open().get());
    scene.files().lay_out(moment, Crash::power_cut, 0, synced.open().get());
    for (unsigned kept = 0; kept < 16; ++kept) {
      const TemporaryDirectory after;
      unsigned sector = 0;
      lay_out_sectors(all, synced, after, [&] { return (kept >> sector++ % 4 & 1) != 0; });
      for (const std::string name : {"0", "1"}) {
        const std::string bytes = after.read(name);
        const auto header = decode_header(as_bytes(bytes));
        if (!header || header->vacated || header->generation <= before)
          continue;
        std::filesystem::remove(after.path() / (name == "0" ? "1" : "0"));
        const Contents alone = reading_of(after).contents;
        assert_true(alone.seen == scene.begin().seen);
        assert_int_equal(alone.positions.size(), 1);
        ++of_the_start;
        break;
      }
    }
  }
  assert_true(of_the_start >= 16);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(it_begins_with_a_segment),
      cmocka_unit_test(a_batch_is_one_write_and_one_sync),
      cmocka_unit_test(nothing_to_commit_is_nothing_done),
      cmocka_unit_test(what_is_discarded_was_never_there),
      cmocka_unit_test(what_is_written_lazily_belongs_to_the_next_batch),
      cmocka_unit_test(a_full_segment_has_a_successor),
      cmocka_unit_test(a_segment_begins_in_one_write),
      cmocka_unit_test(a_segment_is_synced_before_it_has_a_successor),
      cmocka_unit_test(the_last_4096_transactions_are_kept),
      cmocka_unit_test(retired_slots_are_used_again),
      cmocka_unit_test(with_no_free_slot_the_journal_is_full),
      cmocka_unit_test(a_batch_longer_than_a_segment_is_refused),
      cmocka_unit_test(a_slot_is_made_ahead),
      cmocka_unit_test(a_slot_that_is_being_made_is_waited_for),
      cmocka_unit_test(no_room_for_a_slot),
      cmocka_unit_test(no_room_for_the_next_segment_is_full),
      cmocka_unit_test(half_made_slots_are_removed_at_start),
      cmocka_unit_test(what_is_no_slot_is_left_alone),
      cmocka_unit_test(a_start_keeps_the_newest_segment_until_there_is_a_newer_one),
      cmocka_unit_test(a_start_without_room_begins_broken),
      cmocka_unit_test(a_start_on_a_disk_that_fails_is_an_error),
      cmocka_unit_test(a_start_can_be_cut_off_anywhere),
      cmocka_unit_test(a_long_journal_is_read_whole_and_in_order),
      cmocka_unit_test(what_a_start_has_cut_off_stays_so_behind_it),
      cmocka_unit_test(a_header_of_a_start_is_the_last_to_be_written),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
