// OutputBuffer: the octets that wait for the peer; numbers and lines are appended to it.
//
// It does not enforce its bound: whoever produces looks at full() first, and produces one reply
// line or one chunk at most.
#pragma once

#include "pop3d/limits.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace letterlock::pop3d {

class OutputBuffer {
public:
  std::string_view unsent() const { return std::string_view(bytes_).substr(sent_); }
  bool full() const { return bytes_.size() - sent_ >= output_bound; }

  // The first COUNT octets of unsent() are on their way; more than there are count as all.
  void drop(std::size_t count) {
    if (count >= bytes_.size() - sent_) {
      clear();
      return;
    }
    sent_ += count;
    // Moved up only when at least half is gone, so that each octet is moved once at most on
    // average.
    if (sent_ > bytes_.size() / 2) {
      bytes_.erase(0, sent_);
      sent_ = 0;
    }
  }
  void clear() {
    bytes_.clear();
    sent_ = 0;
  }

  OutputBuffer& text(std::string_view s) {
    bytes_.append(s);
    return *this;
  }
  OutputBuffer& number(std::uint64_t value) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    bytes_.append(digits.data(), end);
    return *this;
  }
  void end_line() { bytes_.append("\r\n"); }
  void line(std::string_view s) { text(s).end_line(); }

  // For an encoder that appends in bulk.
  std::string& bytes() { return bytes_; }

private:
  std::string bytes_;
  std::size_t sent_ = 0;
};

} // namespace letterlock::pop3d
