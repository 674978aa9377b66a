// What a reader makes of whole, torn and damaged journals.
#include "tests/unit/journal_files.h"

#include <sys/stat.h>

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;
using namespace letterlock::queued::journal;

namespace {

Accept accept_of(std::uint8_t number) {
  return small_accept(number, "content of one message or another\n");
}

void assert_undamaged(const Reading& reading) {
  if (!reading.contents.damage.empty())
    fail_msg("damage: %s", reading.contents.damage.front().why.c_str());
  assert_true(reading.in_order);
}

void an_empty_journal(void**) {
  const TemporaryDirectory directory;
  directory.write("0", std::string(small_segment, '\0'));
  const Reading reading = reading_of(directory);
  assert_undamaged(reading);
  assert_int_equal(reading.records.size(), 0);
  assert_int_equal(reading.contents.last_generation, 0);
  assert_int_equal(reading.contents.last_sequence, 0);
  assert_false(read_journal(-1, [](const Record&, Sequence, const Place&) {}).has_value());
}

void segments_in_the_order_of_their_generations(void**) {
  const TemporaryDirectory directory;
  SegmentBytes first(1, 1), second(2, 3);
  const Accept one = accept_of(1), three = accept_of(3);
  const Place place = first.add(one, 1);
  first.add(Retire{0, 77}, 1);
  second.add(three, 3);
  directory.write("5", first.whole());
  directory.write("2", second.whole());
  const Reading reading = reading_of(directory);
  assert_undamaged(reading);
  assert_text_equal(reading.sequences(), "1 2 3");
  assert_text_equal(reading.records.at(1), "\1" + body_of(one));
  assert_text_equal(reading.records.at(3), "\1" + body_of(three));
  assert_int_equal(reading.places.at(1).slot, 5);
  assert_int_equal(reading.places.at(1).offset, place.offset);
  assert_int_equal(reading.places.at(1).length, place.length);
  assert_int_equal(reading.contents.last_generation, 2000);
  assert_int_equal(reading.contents.last_sequence, 3);
  assert_int_equal(reading.contents.last_time, 77);
  assert_int_equal(reading.contents.cut, 0);
}

void what_an_earlier_use_left_is_not_read(void**) {
  const TemporaryDirectory directory;
  SegmentBytes old(1, 1), now(2, 7, 7);
  for (std::uint8_t i = 1; i <= 6; ++i)
    old.add(accept_of(i), i);
  now.add(accept_of(7), 7);
  std::string bytes = old.whole();
  bytes.replace(0, now.used(), now.whole().substr(0, now.used()));
  directory.write("0", bytes);
  const Reading reading = reading_of(directory);
  assert_undamaged(reading);
  assert_text_equal(reading.sequences(), "7");
  assert_int_equal(reading.contents.cut, 0);
}

// Row "nothing".
void a_torn_tail_is_cut(void**) {
  const TemporaryDirectory directory;
  SegmentBytes segment(1, 1);
  segment.add(accept_of(1), 1);
  const Place torn = segment.add(accept_of(2), 2);
  segment.spoil(torn);
  directory.write("0", segment.whole());
  const Reading reading = reading_of(directory);
  assert_undamaged(reading);
  assert_text_equal(reading.sequences(), "1");
  assert_int_equal(reading.contents.cut, torn.length);
}

// Row "records whose batch began at or before the missing sequence".
void of_a_torn_batch_the_first_records_count(void**) {
  const TemporaryDirectory directory;
  SegmentBytes segment(1, 1);
  segment.add(accept_of(1), 1);
  segment.add(accept_of(2), 2);
  segment.spoil(segment.add(accept_of(3), 2));
  segment.add(accept_of(4), 2);
  directory.write("0", segment.whole());
  const Reading reading = reading_of(directory);
  assert_undamaged(reading);
  assert_text_equal(reading.sequences(), "1 2");
  assert_true(reading.contents.cut > 0);
  assert_int_equal(reading.contents.last_sequence, 4); // never used again
}

// What a failed sync may have left in the page cache alone.
void the_last_batch_is_told(void**) {
  const TemporaryDirectory directory;
  assert_false(reading_of(directory).contents.last_batch.has_value());
  SegmentBytes first(1, 1), second(2, 3);
  first.add(accept_of(1), 1);
  first.add(accept_of(2), 2);
  directory.write("0", first.whole());
  second.add(accept_of(3), 3);
  const Place begin = second.add(accept_of(4), 4), end = second.add(accept_of(5), 4);
  directory.write("1", second.whole());
  auto last = reading_of(directory).contents.last_batch;
  assert_true(last.has_value());
  assert_int_equal(last->slot, 1);
  assert_int_equal(last->offset, begin.offset);
  assert_int_equal(last->offset + last->length, end.offset + end.length);
  // A torn tail is none of it.
  second.spoil(second.add(accept_of(6), 6));
  directory.write("1", second.whole());
  last = reading_of(directory).contents.last_batch;
  assert_int_equal(last->offset, begin.offset);
  assert_int_equal(last->offset + last->length, end.offset + end.length);
  // Only a header.
  directory.write("2", SegmentBytes(3, 6).whole());
  last = reading_of(directory).contents.last_batch;
  assert_int_equal(last->slot, 2);
  assert_int_equal(last->length, 0);
}

// Row "records of a later batch".
void damage_before_a_later_batch_is_kept(void**) {
  const TemporaryDirectory directory;
  SegmentBytes segment(1, 1);
  segment.add(accept_of(1), 1);
  const Place spoilt = segment.add(accept_of(2), 2);
  segment.add(accept_of(3), 2); // of the damaged record's own batch: it was synced all the same
  segment.add(accept_of(4), 4);
  segment.spoil(spoilt);
  directory.write("3", segment.whole());
  const Reading reading = reading_of(directory);
  assert_text_equal(reading.sequences(), "1 3 4");
  assert_int_equal(reading.contents.damage.size(), 1);
  const Damage& damage = reading.contents.damage.front();
  assert_int_equal(damage.slot, 3);
  assert_int_equal(damage.offset, spoilt.offset);
  assert_int_equal(damage.length, spoilt.length);
  assert_text_equal(damage.why, "records 2 to 2 are missing");
}

// What tells that a batch was synced need not be the record that is found next.
void damage_in_two_places_of_one_batch(void**) {
  const TemporaryDirectory directory;
  SegmentBytes segment(1, 1);
  segment.add(accept_of(1), 1);
  segment.spoil(segment.add(accept_of(2), 2));
  segment.add(accept_of(3), 2);
  segment.spoil(segment.add(accept_of(4), 2));
  segment.add(accept_of(5), 5);
  directory.write("0", segment.whole());
  const Reading reading = reading_of(directory);
  assert_text_equal(reading.sequences(), "1 3 5");
  assert_int_equal(reading.contents.damage.size(), 2);
}

void damage_and_a_torn_tail_in_one_segment(void**) {
  const TemporaryDirectory directory;
  SegmentBytes segment(1, 1);
  segment.spoil(segment.add(accept_of(1), 1));
  segment.add(accept_of(2), 2);
  segment.spoil(segment.add(accept_of(3), 3));
  segment.add(accept_of(4), 3);
  directory.write("0", segment.whole());
  const Reading reading = reading_of(directory);
  assert_text_equal(reading.sequences(), "2");
  assert_int_equal(reading.contents.damage.size(), 1);
  assert_true(reading.contents.cut > 0);
}

// Row "the segment has a successor".
void a_tail_before_a_successor_is_damage(void**) {
  for (const bool something_is_left : {true, false}) {
    const TemporaryDirectory directory;
    SegmentBytes segment(1, 1), successor(2, 4);
    segment.add(accept_of(1), 1);
    const Place lost = segment.add(accept_of(2), 2);
    const Place also = segment.add(accept_of(3), 2);
    if (something_is_left) {
      segment.spoil(lost);
    } else {
      segment.clear(lost);
      segment.clear(also);
    }
    successor.add(accept_of(4), 4);
    directory.write("0", segment.whole());
    directory.write("1", successor.whole());
    const Reading reading = reading_of(directory);
    assert_text_equal(reading.sequences(), something_is_left ? "1 3 4" : "1 4");
    assert_int_equal(reading.contents.damage.size(), 1);
    assert_int_equal(reading.contents.damage[0].slot, 0);
    assert_text_equal(reading.contents.damage[0].why, something_is_left
                                                          ? "records 2 to 2 are missing"
                                                          : "records 2 to 3 are missing");
  }
}

void a_segment_that_is_gone_is_missed(void**) {
  const TemporaryDirectory directory;
  SegmentBytes segment(2, 4, 2);
  segment.add(accept_of(4), 4);
  directory.write("0", segment.whole());
  const Reading reading = reading_of(directory);
  assert_text_equal(reading.sequences(), "4");
  assert_int_equal(reading.contents.damage.size(), 1);
  assert_text_equal(reading.contents.damage[0].why, "before it, records 2 to 3 are missing");
}

// A start that was cut off while it wrote over the oldest segment.
void a_vacated_slot_has_no_records_but_says_what_is_retired(void**) {
  const TemporaryDirectory directory;
  SegmentBytes oldest(1, 1), newest(2, 3);
  oldest.add(accept_of(1), 1);
  newest.add(accept_of(3), 3);
  SegmentHeader vacated;
  vacated.generation = 9000;
  vacated.first = vacated.retired = 4;
  vacated.vacated = true;
  std::string bytes = oldest.whole();
  const auto page = encode_header(vacated);
  bytes.replace(0, header_size, as_text(page));
  directory.write("0", bytes);
  directory.write("1", newest.whole());
  const Reading reading = reading_of(directory);
  assert_undamaged(reading);
  assert_int_equal(reading.records.size(), 0);
  assert_int_equal(reading.contents.retired, 4);
  assert_int_equal(reading.contents.last_generation, 9000);
  assert_true(reading.contents.seen == std::vector<Id128>{id_of(3)});
}

// A poisoned segment whose failed batch reached the disk after all, and the one that voids it.
void void_records_never_happened(void**) {
  const TemporaryDirectory directory;
  SegmentBytes poisoned(1, 1), next(2, 3);
  poisoned.add(accept_of(1), 1);
  poisoned.add(accept_of(2), 2);
  poisoned.add(accept_of(3), 3);
  poisoned.add(accept_of(4), 3);
  next.add_as(5, Void{3, 4}, 3);
  next.add(accept_of(6), 6);
  directory.write("0", poisoned.whole());
  directory.write("1", next.whole());
  const Reading reading = reading_of(directory);
  assert_undamaged(reading);
  assert_text_equal(reading.sequences(), "1 2 5 6");
}

void void_records_that_are_lost_are_not_missed(void**) {
  const TemporaryDirectory directory;
  SegmentBytes poisoned(1, 1), next(2, 3), last(3, 7);
  poisoned.add(accept_of(1), 1);
  poisoned.add(accept_of(2), 2);
  poisoned.spoil(poisoned.add(accept_of(3), 3));
  next.add_as(5, Void{3, 4}, 3);
  next.add(accept_of(6), 6);
  last.add(accept_of(7), 7);
  directory.write("0", poisoned.whole());
  directory.write("1", next.whole());
  directory.write("2", last.whole());
  const Reading reading = reading_of(directory);
  assert_undamaged(reading);
  assert_text_equal(reading.sequences(), "1 2 5 6 7");
}

void a_void_covers_earlier_generations_only(void**) {
  const TemporaryDirectory directory;
  SegmentBytes first(1, 1), second(2, 1);
  first.add(accept_of(1), 1);
  first.add(accept_of(2), 1);
  second.add(accept_of(1), 1); // written again
  second.add_as(3, Void{1, 2}, 1);
  directory.write("0", first.whole());
  directory.write("1", second.whole());
  const Reading reading = reading_of(directory);
  assert_undamaged(reading);
  assert_text_equal(reading.sequences(), "1 3");
  assert_int_equal(reading.places.at(1).slot, 1);
}

void records_written_again_are_read_once(void**) {
  for (const bool original_is_damaged : {false, true}) {
    const TemporaryDirectory directory;
    SegmentBytes poisoned(1, 1), next(2, 2, 2);
    poisoned.add(accept_of(1), 1);
    const Place original = poisoned.add(accept_of(2), 2);
    poisoned.add(accept_of(3), 3);
    if (original_is_damaged)
      poisoned.spoil(original);
    next.add(accept_of(2), 2);
    next.add(accept_of(3), 3);
    next.add_as(6, Void{4, 5}, 4);
    directory.write("0", poisoned.whole());
    directory.write("1", next.whole());
    const Reading reading = reading_of(directory);
    assert_undamaged(reading);
    assert_text_equal(reading.sequences(), "2 3 6");
  }
}

void retired_records_are_left_out_but_remembered(void**) {
  const TemporaryDirectory directory;
  SegmentBytes segment(1, 1);
  segment.add(Seen{{id_of(90), id_of(91)}}, 1);
  segment.add(Positions{{{1, 50}, {2, 60}}}, 1);
  Accept accept = accept_of(3);
  accept.copies = {{1, 55, "H\n"}, {3, 1, "H\n"}};
  segment.add(accept, 3);
  const std::string dsn = body_of(accept_of(4));
  Outcome outcome;
  outcome.dsn = dsn;
  segment.add(outcome, 4);
  segment.add(Expunge{id_of(5), 1, {}}, 5);
  segment.spoil(segment.add(accept_of(6), 6));
  segment.add(Retire{6, 99}, 7);
  directory.write("0", segment.whole());
  const Reading reading = reading_of(directory);
  assert_undamaged(reading); // of what is retired nothing is missed
  assert_text_equal(reading.sequences(), "7");
  const Contents& contents = reading.contents;
  assert_int_equal(contents.retired, 7);
  assert_int_equal(contents.last_time, 99);
  const std::vector<Id128> seen = {id_of(90), id_of(91), id_of(3), id_of(4), id_of(5)};
  assert_true(contents.seen == seen);
  assert_int_equal(contents.positions.size(), 3);
  assert_int_equal(contents.positions[0].next_sequence, 56);
  assert_int_equal(contents.positions[1].next_sequence, 60);
  assert_int_equal(contents.positions[2].next_sequence, 2);
}

// A later version's record, and one that was sealed with a body that makes no sense.
void records_that_are_not_understood_are_kept(void**) {
  const TemporaryDirectory directory;
  SegmentBytes segment(1, 1);
  std::string unknown, senseless;
  encode_record(Retire{}, segment.generation(), 1, 1, unknown);
  unknown[28] = 77;
  restamp(unknown, segment.generation(), 1);
  encode_record(Void{}, segment.generation(), 2, 2, senseless);
  segment.add_raw(unknown);
  segment.add_raw(senseless);
  segment.add_as(3, accept_of(3), 3);
  directory.write("0", segment.whole());
  const Reading reading = reading_of(directory);
  assert_text_equal(reading.sequences(), "3");
  assert_int_equal(reading.contents.damage.size(), 2);
  assert_int_equal(reading.contents.damage[0].offset, header_size);
  assert_int_equal(reading.contents.damage[0].length, unknown.size());
  assert_text_equal(reading.contents.damage[0].why, "a record of a type that is not known: 77");
  assert_text_equal(reading.contents.damage[1].why, "Void: an empty range");
}

void a_record_longer_than_what_is_read_at_a_time(void**) {
  const TemporaryDirectory directory;
  SegmentBytes segment(1, 1, 1, 4u << 20);
  const std::string content((2u << 20) + 3, 'l');
  segment.add(accept_of(1), 1);
  segment.add(small_accept(2, content), 2);
  segment.add(accept_of(3), 3);
  directory.write("0", segment.whole());
  const Reading reading = reading_of(directory);
  assert_undamaged(reading);
  assert_text_equal(reading.sequences(), "1 2 3");
  assert_text_equal(reading.records.at(2), "\1" + body_of(small_accept(2, content)));
}

void whole_slots_that_are_none(void**) {
  const TemporaryDirectory directory;
  SegmentBytes good(1, 1), twin(1, 1), later(2, 1), damaged(3, 1);
  good.add(accept_of(1), 1);
  twin.add(accept_of(9), 1);
  directory.write("0", good.whole());
  directory.write("1", twin.whole());
  std::string bytes = later.whole();
  bytes[7] = '2';
  directory.write("2", bytes);
  bytes = damaged.whole();
  bytes[30] = 'x';
  directory.write("3", bytes);
  std::filesystem::create_directory(directory.path() / "4");
  directory.write("5", good.whole().substr(0, small_segment - 1));
  directory.write("6", "");
  std::filesystem::resize_file(directory.path() / "6", (std::uint64_t{1} << 30) + 1);
  std::filesystem::create_symlink("0", directory.path() / "7");
  assert_int_equal(::mkfifo((directory.path() / "8").c_str(), 0600), 0);
  directory.write("09", good.whole());
  directory.write("64", good.whole());
  directory.write("x", good.whole());
  std::size_t expected = 8;
  if (::geteuid() == 0) {
    SegmentBytes foreign(4, 1);
    directory.write("10", foreign.whole());
    assert_int_equal(::chown((directory.path() / "10").c_str(), 1, 1), 0);
    ++expected;
  }
  const Reading reading = reading_of(directory);
  assert_text_equal(reading.sequences(), "1");
  assert_text_equal(reading.records.at(1), "\1" + body_of(accept_of(1)));
  std::map<std::uint32_t, std::string> why;
  for (const Damage& damage : reading.contents.damage) {
    assert_int_equal(damage.length, 0);
    why[damage.slot] = damage.why;
  }
  assert_int_equal(why.size(), expected);
  assert_text_equal(why[1], "the same segment as in slot 0");
  assert_text_equal(why[2], "of a later version");
  assert_text_equal(why[3], "its header is damaged");
  assert_text_equal(why[5], "cut off: 65535 octets");
  assert_text_equal(why[6], "too long: 1073741825 octets");
  if (::geteuid() == 0)
    assert_text_equal(why[10], "it belongs to another user");
}

void a_rotten_slot_is_no_flood(void**) {
  const TemporaryDirectory directory;
  SegmentBytes segment(1, 1);
  Place last;
  for (Sequence i = 1; i <= 400; ++i) {
    const Place place = segment.add(Retire{0, 0}, i);
    if (i % 2 == 0 && i < 400) {
      segment.spoil(place);
      last = place;
    }
  }
  directory.write("0", segment.whole());
  const Reading reading = reading_of(directory);
  assert_int_equal(reading.records.size(), 201);
  assert_int_equal(reading.contents.damage.size(), most_damaged_places);
  const Damage& rest = reading.contents.damage.back();
  assert_int_equal(rest.offset + rest.length, last.offset + last.length);
  assert_true(rest.why.ends_with(", and more"));
}

void one_record_again(void**) {
  const TemporaryDirectory directory;
  SegmentBytes segment(1, 1);
  Place place = segment.add(accept_of(1), 1);
  directory.write("0", segment.whole());
  const UniqueFd open = directory.open();
  std::string buffer;
  const auto record = read_record(open.get(), place, buffer);
  assert_true(record.has_value());
  assert_text_equal(body_of(*record), body_of(accept_of(1)));

  const auto is_gone = [&](const Place& where) {
    const auto missing = read_record(open.get(), where, buffer);
    return !missing && missing.error().number == ENOENT;
  };
  Place other = place;
  other.slot = 1;
  assert_true(is_gone(other));
  other = place;
  other.generation += std::uint64_t{1} << 32;
  assert_true(is_gone(other));
  other = place;
  other.length += 8;
  assert_true(is_gone(other));
  other = place;
  other.offset = ~std::uint64_t{0} - 7;
  assert_true(is_gone(other));
  segment.spoil(place);
  directory.write("0", segment.whole());
  assert_true(is_gone(place));
}

// ---- Nothing is invented, whatever is flipped, cut off or lost

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_journal),
      cmocka_unit_test(segments_in_the_order_of_their_generations),
      cmocka_unit_test(what_an_earlier_use_left_is_not_read),
      cmocka_unit_test(a_torn_tail_is_cut),
      cmocka_unit_test(of_a_torn_batch_the_first_records_count),
      cmocka_unit_test(the_last_batch_is_told),
      cmocka_unit_test(damage_before_a_later_batch_is_kept),
      cmocka_unit_test(damage_in_two_places_of_one_batch),
      cmocka_unit_test(damage_and_a_torn_tail_in_one_segment),
      cmocka_unit_test(a_tail_before_a_successor_is_damage),
      cmocka_unit_test(a_segment_that_is_gone_is_missed),
      cmocka_unit_test(a_vacated_slot_has_no_records_but_says_what_is_retired),
      cmocka_unit_test(void_records_never_happened),
      cmocka_unit_test(void_records_that_are_lost_are_not_missed),
      cmocka_unit_test(a_void_covers_earlier_generations_only),
      cmocka_unit_test(records_written_again_are_read_once),
      cmocka_unit_test(retired_records_are_left_out_but_remembered),
      cmocka_unit_test(records_that_are_not_understood_are_kept),
      cmocka_unit_test(a_record_longer_than_what_is_read_at_a_time),
      cmocka_unit_test(whole_slots_that_are_none),
      cmocka_unit_test(a_rotten_slot_is_no_flood),
      cmocka_unit_test(one_record_again),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
