// Secret<N>: at most N bytes of a password. It cannot be printed or converted, and is wiped when
// it goes.
//
// There is no stream operator, no conversion to string_view, no formatter: the only way to the
// bytes is reveal(), which is easy to find in a review.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace letterlock {

// Overwrites memory in a way that the compiler does not remove.
void wipe_memory(void* at, std::size_t size);

template <std::size_t N> class Secret {
public:
  static constexpr std::size_t capacity = N;

  Secret() = default;
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { wipe_memory(bytes_.data(), bytes_.size()); }

  // None if it is longer than N or holds NUL (crypt(3) would stop there and accept a prefix).
  static std::optional<Secret> from(std::string_view s) {
    if (s.size() > N || s.find('\0') != std::string_view::npos)
      return std::nullopt;
    Secret secret;
    std::copy(s.begin(), s.end(), secret.bytes_.begin());
    secret.length_ = static_cast<std::uint16_t>(s.size());
    return secret;
  }

  // Valid as long as this object.
  std::string_view reveal() const { return {bytes_.data(), length_}; }
  bool empty() const { return length_ == 0; }

private:
  std::uint16_t length_ = 0;
  std::array<char, N> bytes_{};
};

} // namespace letterlock
