// WireSize: how many octets POP3 sends for stored text, counted in pieces (RFC 1939 §11).
//
// Each LF is sent as CRLF, and a missing end of the last line is added; dot-stuffing is not
// counted. What sends messages must do exactly this (pop3d's message encoder).
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
  bool line_open_ = false;
};

} // namespace letterlock::queued
