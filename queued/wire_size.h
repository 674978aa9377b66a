// WireSize: how many octets POP3 sends for stored text, counted in pieces (RFC 1939 §11).
//
// Stored lines end in LF and are sent with CRLF; a line that another program stored with CRLF is
// sent as it is; a missing end of the last line is added. Dot-stuffing is not counted.
#pragma once

#include "common/base/byte_reader.h"

#include <cstdint>

namespace letterlock::queued {

class WireSize {
public:
  void add(Bytes bytes);
  // For everything that was added; nothing at all is 0.
  std::uint64_t total() const;

  static std::uint64_t of(std::string_view text);

private:
  std::uint64_t octets_ = 0;
  char last_ = '\n';
};

} // namespace letterlock::queued
