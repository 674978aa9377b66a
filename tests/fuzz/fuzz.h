// What the fuzz targets share: failing, taking input apart, and cutting it into pieces.
//
// A target is a LLVMFuzzerTestOneInput() that calls require() for what must hold of any input. It
// keeps nothing between two calls that could change what the second one finds.
#pragma once

#include "common/base/byte_reader.h"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace letterlock::fuzz {

// Ends the program if a property does not hold, so that the input is kept.
inline void require(bool holds, const std::source_location& at = std::source_location::current()) {
  if (holds)
    return;
  std::fprintf(stderr, "%s:%u: a property does not hold\n", at.file_name(),
               static_cast<unsigned>(at.line()));
  std::abort();
}

// Input: takes values off the front of the input; zeros and empty texts when there is no more.
class Input {
public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}
  explicit Input(std::string_view rest) : rest_(rest) {}

  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  // Little-endian.
  template <std::unsigned_integral T> T number() {
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const char octet : text(sizeof(T))) {
      value |= std::uint64_t{static_cast<unsigned char>(octet)} << shift;
      shift += 8;
    }
    return static_cast<T>(value);
  }
  std::uint8_t octet() { return number<std::uint8_t>(); }
  bool flag() { return octet() % 2 == 1; }
  // 0 to BELOW - 1, of one octet.
  std::size_t under(std::size_t below) { return octet() % below; }
  // At most MOST octets.
  std::string_view text(std::size_t most) {
    const std::string_view taken = rest_.substr(0, most);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // As many octets as the next one says.
  std::string_view counted_text() { return text(octet()); }
  // Up to the next line feed, which is dropped, so that inputs can be read and written by people.
  std::string_view line() {
    const std::size_t end = rest_.find('\n');
    const std::string_view taken = text(std::min(end, rest_.size()));
    static_cast<void>(text(1));
    return taken;
  }

private:
  std::string_view rest_;
};

// Cuts: how long the pieces are that something comes in, over and over again: a letter each, A for
// one octet, B for two, @ for none. Without any, all comes in one piece.
class Cuts {
public:
  Cuts() = default;
  explicit Cuts(std::string_view letters) : letters_(letters) {
    if (std::all_of(letters.begin(), letters.end(), [](char c) { return size_of(c) == 0; }))
      letters_ = {};
  }

  // Takes the next piece off TEXT.
  std::string_view take(std::string_view& text) {
    std::size_t size = std::string_view::npos;
    if (!letters_.empty())
      size = size_of(letters_[next_++ % letters_.size()]);
    const std::string_view piece = text.substr(0, size);
    text.remove_prefix(piece.size());
    return piece;
  }

private:
  static std::size_t size_of(char letter) { return static_cast<unsigned char>(letter) % 64; }

  std::string_view letters_;
  std::size_t next_ = 0;
};

// The cuts stand in a line before the input that they are of.
inline Cuts take_cuts(std::string_view& text) {
  Input input(text);
  const Cuts cuts(input.line());
  text = input.rest();
  return cuts;
}

} // namespace letterlock::fuzz
