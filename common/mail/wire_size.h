// wire_size: how many octets a stored message is on the wire, before dot-stuffing (RFC 1939 §11).
//
// Stored lines end in LF, or CR LF in files of other programs, and are sent with CR LF; a last line
// without an end is given one, or what its CR lacks of one. What RETR sends for a message is
// exactly this many octets, and one for each line that begins with a dot (RFC 1939 §3 counts none
// of those), and ".CRLF".
#pragma once

#include <cstdint>
#include <string_view>

namespace letterlock::mail {

// For content that comes in chunks.
class WireSize {
public:
  void add(std::string_view chunk);
  std::uint64_t octets() const {
    return octets_ + (line_open_ && !after_cr_ ? 1 : 0) + (line_open_ ? 1 : 0);
  }

private:
  std::uint64_t octets_ = 0;
  bool line_open_ = false;
  bool after_cr_ = false; // which was the last octet
};

std::uint64_t wire_size(std::string_view stored);

} // namespace letterlock::mail
