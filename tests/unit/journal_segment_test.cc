// The bytes of headers and frames, and the search for records among others' bytes.
#include "tests/unit/journal_bytes.h"

#include "common/base/crc32c.h"
#include "queued/journal/crc32c_parts.h"

#include "tests/unit/check.h"

#include <cstring>
#include <random>

using namespace letterlock;
using namespace letterlock::queued::journal;

namespace {

constexpr std::uint64_t generation = 0x1122334455667788;

std::string crc_hex(std::string_view bytes) {
  const std::uint32_t crc = crc32c(0, as_bytes(bytes));
  std::string text;
  for (int i = 0; i < 4; ++i)
    text += static_cast<char>(crc >> 8 * i & 0xff);
  return to_hex(text);
}

SegmentHeader some_header() {
  SegmentHeader header;
  header.generation = generation;
  header.life = id_of(0x0c);
  header.first = 0x21;
  header.retired = 0x20;
  header.time = 0x30;
  return header;
}

std::string header_bytes(const SegmentHeader& header) {
  const auto page = encode_header(header);
  return std::string(as_text(page));
}

void a_header(void**) {
  const std::string page = header_bytes(some_header());
  const std::string fields = "4c4c4a4f55524e31" // LLJOURN1
                             "8877665544332211"
                             "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c"
                             "2100000000000000"
                             "2000000000000000"
                             "3000000000000000"
                             "00000000";
  assert_text_equal(to_hex(page.substr(0, 64)), fields + crc_hex(from_hex(fields)));
  assert_text_equal(page.substr(64), std::string(header_size - 64, '\0'));
  const auto decoded = decode_header(as_bytes(page));
  assert_true(decoded.has_value());
  assert_text_equal(header_bytes(*decoded), page);
}

HeaderFault fault_of(const std::string& page) {
  const auto decoded = decode_header(as_bytes(page));
  if (decoded)
    fail_msg("taken");
  return decoded.error();
}

void headers_that_are_none(void**) {
  const std::string good = header_bytes(some_header());
  assert_true(fault_of(std::string(header_size, '\0')) == HeaderFault::blank);
  assert_true(fault_of(good.substr(0, header_size - 1)) == HeaderFault::damaged);
  for (std::size_t bit = 0; bit < 64 * 8; ++bit) {
    std::string changed = good;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    const HeaderFault fault = fault_of(changed);
    assert_true(fault == HeaderFault::damaged || (fault == HeaderFault::later && bit / 8 == 7));
  }
  std::string later = good;
  later[7] = '2';
  assert_true(fault_of(later) == HeaderFault::later);
  SegmentHeader impossible = some_header();
  impossible.retired = impossible.first + 1;
  assert_true(fault_of(header_bytes(impossible)) == HeaderFault::damaged);
  impossible = some_header();
  impossible.generation = 0;
  assert_true(fault_of(header_bytes(impossible)) == HeaderFault::damaged);
}

void a_frame(void**) {
  const std::string frame = frame_of(Retire{7, 8}, generation, 5, 3);
  const std::string after_crc = "30000000"
                                "0500000000000000"
                                "0300000000000000"
                                "88776655"
                                "06"
                                "00"
                                "0000"
                                "0700000000000000 0800000000000000";
  const std::string bytes = from_hex(after_crc);
  assert_text_equal(to_hex(frame), crc_hex(from_hex("8877665544332211") + bytes) + to_hex(bytes));
  const auto read = frame_at(as_bytes(frame), 0, generation);
  assert_true(read.has_value());
  assert_int_equal(read->sequence, 5);
  assert_int_equal(read->batch, 3);
  assert_int_equal(read->type, 6);
  assert_int_equal(read->length, 48);
  assert_text_equal(as_text(read->body), body_of(Retire{7, 8}));
}

void a_frame_is_padded_to_eight(void**) {
  for (std::size_t size = 0; size < 8; ++size) {
    const std::string content(size, 'x');
    const Accept accept = small_accept(1, content);
    const std::string body = body_of(accept), frame = frame_of(accept, generation, 1, 1);
    assert_int_equal(frame.size() % 8, 0);
    assert_true(frame.size() - frame_size - body.size() < 8);
    assert_text_equal(as_text(frame_at(as_bytes(frame), 0, generation)->body), body);
  }
}

// The half of the generation that a frame does not hold is in its checksum.
void another_generation_is_not_ours(void**) {
  const std::string frame = frame_of(Retire{7, 8}, generation, 5, 3);
  for (const unsigned bit : {0u, 31u, 32u, 63u})
    assert_false(frame_at(as_bytes(frame), 0, generation ^ std::uint64_t{1} << bit).has_value());
}

void no_changed_bit_is_taken(void**) {
  const std::string frame = frame_of(small_accept(1, "content"), generation, 5, 3);
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    std::string changed = frame;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    assert_false(frame_at(as_bytes(changed), 0, generation).has_value());
  }
  for (std::size_t size = 0; size < frame.size(); ++size)
    assert_false(frame_at(as_bytes(frame).first(size), 0, generation).has_value());
  assert_false(frame_at(as_bytes(frame), frame.size() + 8, generation).has_value());
}

// Sums can be right where fields are not.
void fields_out_of_range_are_not_taken(void**) {
  assert_false(frame_at(as_bytes(frame_of(Retire{}, generation, 3, 4)), 0, generation).has_value());
  assert_false(frame_at(as_bytes(frame_of(Retire{}, generation, 3, 0)), 0, generation).has_value());
  assert_false(
      frame_at(as_bytes(frame_of(Retire{}, generation, implausible_sequence, 1)), 0, generation)
          .has_value());
  std::string padded = frame_of(Retire{}, generation, 3, 3);
  for (const char padding : {'\1', '\7', '\10', '\377'}) {
    padded[29] = padding;
    padded.back() = 1; // no padding of zeros
    restamp(padded, generation, 3);
    assert_false(frame_at(as_bytes(padded), 0, generation).has_value());
  }
}

void frames_can_be_restamped(void**) {
  std::string frames = frame_of(Retire{1, 2}, generation, 5, 3) +
                       frame_of(small_accept(1, "content"), generation, 6, 3);
  restamp(frames, 9, 5);
  assert_text_equal(frames, frame_of(Retire{1, 2}, 9, 5, 5) +
                                frame_of(small_accept(1, "content"), 9, 6, 5));
}

void the_first_good_record_is_found(void**) {
  const std::string one = frame_of(Retire{1, 1}, generation, 5, 5);
  const std::string two = frame_of(Retire{1, 1}, generation, 6, 5);
  std::string bytes(4096, '\x5a');
  bytes.replace(64, one.size(), one);
  bytes.replace(804, two.size(), two); // not where a record can be
  bytes.replace(1024, two.size(), two);
  const auto at = [&](std::size_t offset, Sequence at_least) {
    const auto found = find_frame(as_bytes(bytes), offset, generation, at_least);
    return found ? found->offset : 0;
  };
  assert_int_equal(at(0, 5), 64);
  assert_int_equal(at(63, 1), 64);
  assert_int_equal(at(65, 1), 1024);
  assert_int_equal(at(0, 6), 1024);
  assert_int_equal(at(1032, 1), 0);
  assert_int_equal(at(0, 7), 0);
  assert_int_equal(at(5000, 1), 0);
}

void claims_are_told_from_other_bytes(void**) {
  std::string bytes = frame_of(Retire{1, 1}, generation, 5, 5);
  assert_int_equal(claimed_length(as_bytes(bytes), 0, generation), 48);
  bytes[0] = static_cast<char>(bytes[0] ^ 1);
  assert_int_equal(claimed_length(as_bytes(bytes), 0, generation), 48);
  assert_int_equal(claimed_length(as_bytes(bytes), 0, generation + 1), 0);
  assert_int_equal(claimed_length(as_bytes(bytes), 8, generation), 0);
}

void sums_of_parts_are_sums_of_the_whole(void**) {
  std::mt19937 random(1);
  std::string bytes(70'000, '\0');
  for (char& c : bytes)
    c = static_cast<char>(random());
  for (const std::size_t cut : {0u, 1u, 7u, 1024u, 65'536u, 70'000u}) {
    const Bytes all = as_bytes(bytes);
    const auto first = crc32c(0, all.first(cut)), second = crc32c(0, all.subspan(cut));
    const std::size_t length = bytes.size() - cut;
    assert_int_equal(crc32c_joined(first, second, length), crc32c(0, all));
    assert_int_equal(crc32c_of_rest(first, crc32c(0, all), length), second);
  }
}

void zeros_at_the_end(void**) {
  for (const std::size_t length : {0u, 1u, 4095u, 4096u, 4097u, 9000u})
    for (const std::size_t zeros : {0u, 1u, 4095u, 4096u, 4097u, 20'000u}) {
      std::string bytes(length, '\0');
      if (length > 0)
        bytes.back() = '\x80';
      bytes.append(zeros, '\0');
      assert_int_equal(without_trailing_zeros(as_bytes(bytes)).size(), length);
    }
}

// A long record is checked by the sums of its parts: it is found at each place relative to them.
void long_records_are_found_among_others_claims(void**) {
  const std::string content(10'000, 'c');
  const std::string frame = frame_of(small_accept(1, content), generation, 5, 5);
  for (std::size_t lead = 0; lead < 2048; lead += 8) {
    std::string bytes(lead, '\x11');
    bytes += frame + std::string(3000, '\x22');
    const auto found = find_frame(as_bytes(bytes), 0, generation, 1);
    assert_true(found.has_value());
    assert_int_equal(found->offset, lead);
    bytes[lead + 5000] = static_cast<char>(bytes[lead + 5000] ^ 0x10);
    assert_false(find_frame(as_bytes(bytes), 0, generation, 1).has_value());
  }
}

// 4 MiB in which each 32 octets claim to begin a record that goes on to the end: going over each of
// them would read 256 GiB. Without an end in sight the test's runner would give up.
void hostile_claims_do_not_cost_hours(void**) {
  constexpr std::size_t size = 4u << 20;
  std::string bytes(size, '\0');
  const std::string model = frame_of(Void{1, 1}, generation, 7, 7);
  for (std::size_t at = 0; at + frame_size <= size; at += frame_size) {
    std::memcpy(bytes.data() + at, model.data(), frame_size);
    const std::size_t length = size - at;
    for (std::size_t i = 0; i < 4; ++i)
      bytes[at + 4 + i] = static_cast<char>(length >> 8 * i & 0xff);
    bytes[at + 29] = 0;
  }
  assert_int_equal(claimed_length(as_bytes(bytes), 32, generation), size - 32);
  FrameFinder finder(as_bytes(bytes), generation);
  assert_false(finder.find(0, 1).has_value());
  assert_false(finder.find(0, 7).has_value());
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_header),
      cmocka_unit_test(headers_that_are_none),
      cmocka_unit_test(a_frame),
      cmocka_unit_test(a_frame_is_padded_to_eight),
      cmocka_unit_test(another_generation_is_not_ours),
      cmocka_unit_test(no_changed_bit_is_taken),
      cmocka_unit_test(fields_out_of_range_are_not_taken),
      cmocka_unit_test(frames_can_be_restamped),
      cmocka_unit_test(the_first_good_record_is_found),
      cmocka_unit_test(claims_are_told_from_other_bytes),
      cmocka_unit_test(sums_of_parts_are_sums_of_the_whole),
      cmocka_unit_test(zeros_at_the_end),
      cmocka_unit_test(long_records_are_found_among_others_claims),
      cmocka_unit_test(hostile_claims_do_not_cost_hours),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
