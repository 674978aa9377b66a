// Id128: a random 128-bit number that names a transaction, a grant or a message.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace letterlock {

struct Id128 {
  std::array<std::uint8_t, 16> bytes{};

  // From the kernel's generator; it does not fail after start-up of the machine. Throws
  // std::system_error if it does all the same: there is no safe way to go on.
  static Id128 random();
  // 32 lower-case hexadecimal digits, and nothing else.
  static std::optional<Id128> from_hex(std::string_view hex);
  std::string hex() const;

  friend bool operator==(const Id128&, const Id128&) = default;
  // Not <=>: libc++ 16 has none for std::array.
  friend bool operator<(const Id128& a, const Id128& b) { return a.bytes < b.bytes; }
};

struct Id128Hash {
  std::size_t operator()(const Id128& id) const {
    std::uint64_t h = 0; // the bytes are random already
    for (std::size_t i = 0; i < 8; ++i)
      h = h << 8 | id.bytes[i];
    return static_cast<std::size_t>(h);
  }
};

} // namespace letterlock
