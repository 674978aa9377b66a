// Id128: a 128-bit number that names a transaction, a grant or a message.
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

// Id128Source: random ids for who needs many: the kernel is asked once for 16 of them. For one
// thread; a process that forks must not share one with its child.
class Id128Source {
public:
  // Throws as Id128::random() does.
  Id128 next();

private:
  std::array<std::uint8_t, 256> pool_; // what getentropy(3) gives at most
  std::size_t used_ = pool_.size();
};

struct Id128Hash {
  std::size_t operator()(const Id128& id) const {
    // Random ids differ everywhere, message ids mostly in their last bytes.
    std::uint64_t first = 0, last = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      first = first << 8 | id.bytes[i];
      last = last << 8 | id.bytes[i + 8];
    }
    return static_cast<std::size_t>(first ^ last * 0x9e3779b97f4a7c15u);
  }
};

} // namespace letterlock
