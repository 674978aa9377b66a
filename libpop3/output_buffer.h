// OutputBuffer: the octets that wait for the peer; numbers and lines are appended to it.
//
// It does not enforce its bound: whoever produces looks at full() first, and produces one reply
// line or one piece of content at most. When all was sent it holds no memory.
#pragma once

#include "libpop3/limits.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace letterlock::pop3 {

class OutputBuffer {
public:
  std::string_view unsent() const { return {bytes_.get() + sent_, size_ - sent_}; }
  bool full() const { return size_ - sent_ >= output_bound; }

  // The first COUNT octets of unsent() are on their way; more than there are count as all.
  void drop(std::size_t count);
  void clear();

  OutputBuffer& text(std::string_view s);
  OutputBuffer& number(std::uint64_t value) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return text({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  void end_line() { text("\r\n"); }
  void line(std::string_view s) { text(s).end_line(); }

  // For an encoder that writes in bulk: room for COUNT octets at the end, of which wrote() says how
  // many were used. Nothing else is called between the two.
  char* room(std::size_t count);
  void wrote(std::size_t count) { size_ += count; }

private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0; // with what was sent
  std::size_t sent_ = 0;
};

} // namespace letterlock::pop3
