// Text<N>: at most N bytes of text without control characters, stored in place.
//
// The absence of CR, LF, NUL and the other control characters (RFC 5234 CTL: %x00-1F and %x7F) is
// part of the type: what sits in a Text can go into a log line, a header field or a reply without
// another look. Bytes from 0x80 up are allowed (UTF-8, or what a peer took for it).
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace letterlock {

constexpr bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

template <std::size_t N> class Text {
  static_assert(N > 0 && N <= 65535);

public:
  static constexpr std::size_t capacity = N;

  constexpr Text() = default;

  // A literal is checked by the compiler.
  template <std::size_t M> consteval Text(const char (&literal)[M]) {
    static_assert(M - 1 <= N);
    for (std::size_t i = 0; i + 1 < M; ++i) {
      if (is_control(literal[i]))
        throw "control character in a Text literal";
      chars_[i] = literal[i];
    }
    length_ = static_cast<std::uint16_t>(M - 1);
  }

  // None if it is longer than N or holds a control character.
  static constexpr std::optional<Text> from(std::string_view s) {
    if (s.size() > N || std::any_of(s.begin(), s.end(), is_control))
      return std::nullopt;
    return unchecked(s);
  }

  // For text of strangers that is only shown: cut at N bytes, control characters become '?'.
  static constexpr Text cut(std::string_view s) {
    Text t = unchecked(s.substr(0, N));
    std::replace_if(t.chars_.begin(), t.chars_.begin() + t.length_, is_control, '?');
    return t;
  }

  constexpr std::string_view view() const { return {chars_.data(), length_}; }
  constexpr operator std::string_view() const { return view(); }
  constexpr std::size_t size() const { return length_; }
  constexpr bool empty() const { return length_ == 0; }

  friend constexpr bool operator==(const Text& a, const Text& b) { return a.view() == b.view(); }
  friend constexpr auto operator<=>(const Text& a, const Text& b) { return a.view() <=> b.view(); }
  // Exact, so that comparing with a literal or a view is not ambiguous.
  friend constexpr bool operator==(const Text& a, std::string_view b) { return a.view() == b; }
  template <std::size_t M> friend constexpr bool operator==(const Text& a, const char (&b)[M]) {
    return a.view() == std::string_view(b);
  }

private:
  static constexpr Text unchecked(std::string_view s) {
    Text t;
    std::copy(s.begin(), s.end(), t.chars_.begin());
    t.length_ = static_cast<std::uint16_t>(s.size());
    return t;
  }

  std::uint16_t length_ = 0;
  std::array<char, N> chars_{};
};

} // namespace letterlock
