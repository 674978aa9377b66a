// ByteReader: a forward-only cursor over bytes; running past the end is an answer, not a fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace letterlock {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view s) {
  return std::as_bytes(std::span(s.data(), s.size()));
}
inline std::string_view as_text(Bytes b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

class ByteReader {
public:
  explicit ByteReader(Bytes bytes) : rest_(bytes) {}

  std::size_t left() const { return rest_.size(); }
  bool at_end() const { return rest_.empty(); }

  // The next COUNT bytes, or none, and then nothing is consumed.
  std::optional<Bytes> take(std::size_t count) {
    if (count > rest_.size())
      return std::nullopt;
    const Bytes taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  // An unsigned number in little-endian order.
  template <class T> std::optional<T> number() {
    const auto bytes = take(sizeof(T));
    if (!bytes)
      return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = sizeof(T); i > 0; --i)
      value = value << 8 | std::to_integer<std::uint64_t>((*bytes)[i - 1]);
    return static_cast<T>(value);
  }

private:
  Bytes rest_;
};

} // namespace letterlock
