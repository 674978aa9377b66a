// The small types of common/base.
#include "common/base/count_octets.h"
#include "common/base/crc32c.h"
#include "common/base/error.h"
#include "common/base/id128.h"
#include "common/base/secret.h"
#include "common/base/text.h"
#include "common/base/unique_fd.h"
#include "tests/unit/check.h"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <string>
#include <type_traits>

using namespace letterlock;

namespace {

void text_refuses_control_characters_and_excess(void**) {
  assert_true(Text<4>::from("abcd").has_value());
  assert_false(Text<4>::from("abcde").has_value());
  for (const char bad : {'\r', '\n', '\0', '\t', '\x7f'})
    assert_false(Text<8>::from(std::string("a") + bad).has_value());
  assert_text_equal(*Text<8>::from("gr\xc3\xbc n"), "gr\xc3\xbc n");
}

void text_cut_shows_what_fits(void**) {
  assert_text_equal(Text<4>::cut("a\r\nb and more"), "a??b");
}

// A value with padding at its end: libc++ 16 by itself would lose that there is one.
void expected_keeps_a_value_with_padding(void**) {
  struct Padded {
    std::uint64_t numbers[8]{};
    bool last = false;
  };
  const auto made = []() -> Expected<Padded> {
    Padded value;
    value.last = true;
    return value;
  }();
  Expected<Padded> copy = std::unexpected(Error{"no value"});
  copy = made;
  const Expected<Padded> another = copy;
  assert_true(made.has_value() && copy.has_value() && another.has_value());
  const Expected<Text<253>> text = *Text<253>::from("text of odd length");
  const auto text_copy = text;
  assert_true(text.has_value() && text_copy.has_value());
}

void crc32c_agrees_with_rfc_3720(void**) {
  assert_int_equal(crc32c(0, as_bytes(std::string(32, '\0'))), 0x8a9136aa);
  assert_int_equal(crc32c(0, as_bytes(std::string(32, '\xff'))), 0x62a8ab43);
  assert_int_equal(crc32c(0, as_bytes("123456789")), 0xe3069283);
}

void crc32c_continues(void**) {
  const std::string_view text = "a message in three parts";
  auto crc = crc32c(0, as_bytes(text.substr(0, 5)));
  crc = crc32c(crc, as_bytes(text.substr(5, 11)));
  crc = crc32c(crc, as_bytes(text.substr(16)));
  assert_int_equal(crc, crc32c(0, as_bytes(text)));
}

// However many octets are summed side by side.
void crc32c_of_each_length(void**) {
  std::string text;
  for (std::uint32_t i = 0, noise = 1; i < 4000; ++i, noise = noise * 1664525 + 1013904223)
    text += static_cast<char>(noise >> 24);
  std::uint32_t octet_by_octet = 0;
  for (std::size_t length = 0; length < text.size(); ++length) {
    assert_int_equal(crc32c(0, as_bytes(text).first(length)), octet_by_octet);
    octet_by_octet = crc32c(octet_by_octet, as_bytes(text).subspan(length, 1));
  }
}

void id128_round_trips_through_hex(void**) {
  const Id128 id = Id128::random();
  assert_true(Id128::from_hex(id.hex()) == id);
  assert_false(Id128::from_hex("00").has_value());
  assert_false(Id128::from_hex(std::string(32, 'G')).has_value());
  assert_false(Id128::from_hex(std::string(32, 'A')).has_value());
}

void ids_of_a_source_are_all_different(void**) {
  Id128Source source, other;
  std::set<Id128> ids;
  for (int i = 0; i < 100; ++i) { // more than are drawn at once
    ids.insert(source.next());
    ids.insert(other.next());
  }
  assert_int_equal(ids.size(), 200);
  assert_false(ids.contains(Id128{}));
}

void secret_is_not_printable(void**) {
  static_assert(!std::is_convertible_v<Secret<8>, std::string_view>);
  assert_text_equal(Secret<8>::from("pass")->reveal(), "pass");
  assert_false(Secret<8>::from("too long a word").has_value());
  assert_false(Secret<8>::from(std::string_view("a\0b", 3)).has_value());
}

// Short, in and out of step with what is counted side by side, and more than a column holds.
void count_octets_finds_each(void**) {
  std::string text;
  for (std::uint32_t i = 0, noise = 1; i < 300; ++i, noise = noise * 1664525 + 1013904223)
    text += (noise >> 24) % 3 == 0 ? '\n' : '\xff';
  for (std::size_t from = 0; from < 40; ++from)
    for (std::size_t size = 0; size < text.size() - from; ++size) {
      const auto part = std::string_view(text).substr(from, size);
      assert_int_equal(count_octets(part, '\n'), std::count(part.begin(), part.end(), '\n'));
    }
  for (const std::size_t size : {8'159, 8'160, 8'161, 8'192, 100'000})
    assert_int_equal(count_octets(std::string(size, '\xff'), '\xff'), size);
}

void unique_fd_closes_once(void**) {
  int number;
  {
    UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = fd.get();
    UniqueFd other(std::move(fd));
    assert_int_equal(other.get(), number);
    assert_int_equal(fd.get(), -1);
  }
  assert_int_equal(::fcntl(number, F_GETFD), -1);
}

void byte_reader_never_runs_past_the_end(void**) {
  ByteReader reader(as_bytes(std::string_view("\x01\x02\x03", 3)));
  assert_int_equal(*reader.number<std::uint16_t>(), 0x0201);
  assert_false(reader.number<std::uint16_t>().has_value());
  assert_int_equal(reader.left(), 1);
  assert_int_equal(*reader.number<std::uint8_t>(), 3);
  assert_true(reader.at_end());
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(text_refuses_control_characters_and_excess),
      cmocka_unit_test(text_cut_shows_what_fits),
      cmocka_unit_test(expected_keeps_a_value_with_padding),
      cmocka_unit_test(crc32c_agrees_with_rfc_3720),
      cmocka_unit_test(crc32c_continues),
      cmocka_unit_test(crc32c_of_each_length),
      cmocka_unit_test(count_octets_finds_each),
      cmocka_unit_test(id128_round_trips_through_hex),
      cmocka_unit_test(ids_of_a_source_are_all_different),
      cmocka_unit_test(secret_is_not_printable),
      cmocka_unit_test(unique_fd_closes_once),
      cmocka_unit_test(byte_reader_never_runs_past_the_end),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
