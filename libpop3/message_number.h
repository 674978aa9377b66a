// MessageNumber: the number by which a client names a message, from 1 on (RFC 1939 §4).
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace letterlock::pop3 {

// A decimal number: digits alone, no sign, no space. What takes more than 32 bits becomes BEYOND.
inline std::optional<std::uint32_t> parse_number(std::string_view digits,
                                                 std::optional<std::uint32_t> beyond = {}) {
  std::uint32_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [at, fault] = std::from_chars(digits.data(), end, value);
  if (at != end || fault == std::errc::invalid_argument)
    return std::nullopt;
  return fault == std::errc::result_out_of_range ? beyond : value;
}

// How many lines of a body (RFC 1939 §7: any number that is not negative); no message has more than
// the largest.
inline std::optional<std::uint32_t> parse_line_count(std::string_view digits) {
  return parse_number(digits, UINT32_MAX);
}

class MessageNumber {
public:
  // None for anything but a decimal number from 1 to 4294967295. Whether there is such a message
  // is for the Maildrop to say.
  static std::optional<MessageNumber> parse(std::string_view digits) {
    const auto value = parse_number(digits);
    if (!value || *value == 0)
      return std::nullopt;
    return MessageNumber(*value);
  }
  // The number of the message at a position, counted from 0, of the listing.
  static MessageNumber of_index(std::uint32_t index) { return MessageNumber(index + 1); }

  std::uint32_t value() const { return value_; }
  std::uint32_t index() const { return value_ - 1; }

private:
  explicit MessageNumber(std::uint32_t value) : value_(value) {}
  std::uint32_t value_;
};

} // namespace letterlock::pop3
