// HeaderCounter: counts the octets, fields and Received fields of a message's header.
//
// The header ends before the first empty line, or with the message (RFC 5322 §2.1). Nothing is kept
// but the beginning of the current line, long enough to know a Received field.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace letterlock::smtpd {

class HeaderCounter {
public:
  // False once the empty line has been seen; then nothing may be passed in any more.
  bool in_header() const { return in_header_; }

  // More text of the current line, without its line end.
  void add_text(std::string_view piece);
  void end_line();

  std::uint64_t size() const { return size_; } // with LF line ends, without the empty line
  std::uint32_t fields() const { return fields_; }
  std::uint32_t received() const { return received_; }

private:
  bool is_received() const;

  bool in_header_ = true;
  std::uint64_t size_ = 0;
  std::uint32_t fields_ = 0;
  std::uint32_t received_ = 0;
  std::array<char, 16> beginning_{}; // of the current line
  std::size_t beginning_size_ = 0;
};

} // namespace letterlock::smtpd
