// Every bit, octet and sector of a small journal, damaged one by one: nothing is invented or
// altered.
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

struct Journal {
  std::string first, second;
  std::size_t used_first = 0, used_second = 0;
  std::map<Sequence, std::string> records;
};

Journal small_journal() {
  Journal made;
  SegmentBytes first(1, 1), second(2, 5);
  const Record records[] = {Seen{{id_of(50)}},
                            Positions{{{1, 4}}},
                            accept_of(3),
                            Expunge{id_of(60), 1, {{id_of(4)}}},
                            Materialised{id_of(1), 4},
                            accept_of(6),
                            accept_of(7)};
  const Sequence batches[] = {1, 1, 3, 3, 5, 5, 7};
  for (Sequence i = 1; i <= 7; ++i) {
    (i < 5 ? first : second).add(records[i - 1], batches[i - 1]);
    made.records[i] = static_cast<char>(type_of(records[i - 1])) + body_of(records[i - 1]);
  }
  made.first = first.whole();
  made.second = second.whole();
  made.used_first = first.used();
  made.used_second = second.used();
  return made;
}

void assert_nothing_invented(const Journal& journal, const Reading& reading) {
  assert_true(reading.in_order);
  for (const auto& [sequence, body] : reading.records) {
    const auto original = journal.records.find(sequence);
    assert_true(original != journal.records.end());
    assert_text_equal(to_hex(body), to_hex(original->second));
  }
}

void each_bit_can_flip(void**) {
  const TemporaryDirectory directory;
  const Journal journal = small_journal();
  directory.write("0", journal.first);
  directory.write("1", journal.second);
  assert_text_equal(reading_of(directory).sequences(), "1 2 3 4 5 6 7");
  for (const bool in_first : {true, false}) {
    const std::string& good = in_first ? journal.first : journal.second;
    const std::size_t used = in_first ? journal.used_first : journal.used_second;
    for (std::size_t byte = 0; byte < used; ++byte) {
      if (byte == 64)
        byte = header_size; // what is between is nothing
      for (int bit = 0; bit < 8; ++bit) {
        std::string changed = good;
        changed[byte] = static_cast<char>(changed[byte] ^ 1 << bit);
        directory.write(in_first ? "0" : "1", changed);
        const Reading reading = reading_of(directory);
        assert_nothing_invented(journal, reading);
        // A flip in a record costs that record, and if a later batch or segment follows, no other.
        if (byte >= header_size && (in_first || byte < journal.used_second - 200)) {
          assert_int_equal(reading.records.size(), 6);
          assert_int_equal(reading.contents.damage.size(), 1);
        }
      }
    }
    directory.write(in_first ? "0" : "1", good);
  }
}

void each_octet_can_be_the_last(void**) {
  const TemporaryDirectory directory;
  const Journal journal = small_journal();
  directory.write("0", journal.first);
  for (std::size_t size = 0; size < journal.used_second; ++size) {
    if (size == 64)
      size = header_size;
    std::string cut = journal.second.substr(0, size);
    cut.resize(small_segment);
    directory.write("1", cut);
    const Reading reading = reading_of(directory);
    assert_nothing_invented(journal, reading);
    assert_true(reading.records.size() >= 4 && reading.records.size() < 7);
    assert_true(reading.contents.damage.empty() || size < 64);
  }
  // The file itself.
  SegmentBytes longer(2, 5, 1, 2 * small_segment);
  const std::string content(small_segment, 'l');
  const Accept five = small_accept(5, content);
  longer.add(five, 5);
  for (const std::size_t size :
       {small_segment - 1, small_segment, small_segment + 1, longer.used() - 1, longer.used()}) {
    directory.write("1", longer.whole().substr(0, size));
    const Reading reading = reading_of(directory);
    assert_int_equal(reading.records.size(), size == longer.used() ? 5 : 4);
  }
}

// Each sector of the last batch is on the disk, or what was there before.
void each_sector_of_the_last_batch_can_be_lost(void**) {
  constexpr std::size_t sector = 512;
  const TemporaryDirectory directory;
  SegmentBytes segment(1, 1);
  const std::string content(700, 'c');
  segment.add(small_accept(1, content), 1);
  const std::string before = segment.whole();
  const std::size_t begin = segment.used() / sector;
  std::map<Sequence, std::string> records;
  for (std::uint8_t i = 2; i <= 6; ++i)
    segment.add(small_accept(i, content), 2);
  const std::string after = segment.whole();
  const std::size_t sectors = (segment.used() + sector - 1) / sector - begin;
  for (unsigned kept = 0; kept < 1u << sectors; ++kept) {
    std::string disk = before;
    for (std::size_t i = 0; i < sectors; ++i)
      if ((kept >> i & 1) != 0)
        disk.replace((begin + i) * sector, sector, after, (begin + i) * sector, sector);
    directory.write("0", disk);
    const Reading reading = reading_of(directory);
    assert_undamaged(reading); // a torn tail is no damage
    Sequence due = 1;
    for (const auto& [sequence, body] : reading.records) {
      assert_int_equal(sequence, due++);
      const auto number = static_cast<std::uint8_t>(sequence);
      assert_text_equal(body, "\1" + body_of(small_accept(number, content)));
    }
    assert_true(due > 1);
    assert_true((due == 7) == (disk == after));
  }
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(each_bit_can_flip),
      cmocka_unit_test(each_octet_can_be_the_last),
      cmocka_unit_test(each_sector_of_the_last_batch_can_be_lost),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
