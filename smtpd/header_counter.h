// HeaderCounter: counts the octets, fields and Received fields of a message's header.
//
// The header ends before the first empty line, or with the message (RFC 5322 §2.1), or before the
// first line that neither begins with a field's name and a colon nor goes on with a field: what
// comes without a header is all body, and not refused for it (RFC 5321 §3.3). Nothing is kept but
// the beginning of the current line, long enough to know a Received field.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace letterlock::smtpd {

class HeaderCounter {
public:
  // False once its end has been seen; then nothing may be passed in any more.
  bool in_header() const { return in_header_; }

  // More text of the current line, without its line end.
  void add_text(std::string_view piece);
  void end_line();

  // With LF line ends, without what ended it.
  std::uint64_t size() const { return size_ + (at_ == At::text ? line_size_ : 0); }
  std::uint32_t fields() const { return fields_; }
  // What has come so far is body, without an empty line before it.
  bool is_missing() const {
    return is_missing_ || (fields_ == 0 && (at_ == At::name || at_ == At::behind_name));
  }
  std::uint32_t received() const { return received_; }

private:
  // In the current line. RFC 5322 §4.5.8: there may be blanks between the name and its colon.
  enum class At : std::uint8_t { line_start, name, behind_name, text };

  bool begins_field(char c);
  bool is_received() const;

  bool in_header_ = true, is_missing_ = false;
  At at_ = At::line_start;
  std::uint64_t size_ = 0;      // of whole lines
  std::uint64_t line_size_ = 0; // of the current one
  std::uint32_t fields_ = 0;
  std::uint32_t received_ = 0;
  std::array<char, 16> beginning_{}; // of the current line
  std::size_t beginning_size_ = 0;
};

} // namespace letterlock::smtpd
