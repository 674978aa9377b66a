// MessageNumber: the number by which a client names a message, from 1 on (RFC 1939 §4).
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace letterlock::pop3 {

// A decimal number in 32 bits: digits alone, no sign, no space.
inline std::optional<std::uint32_t> parse_number(std::string_view digits) {
  std::uint32_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [at, fault] = std::from_chars(digits.data(), end, value);
  if (fault != std::errc{} || at != end)
    return std::nullopt;
  return value;
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
