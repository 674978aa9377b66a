// MessageEncoder: turns the stored octets of one message into the lines of a multi-line reply.
//
// Each LF becomes CR LF, unless it follows a CR and so is one already, as in files of other
// programs: CR CR LF would be a CR of its own, which RFC 5322 §2.3 forbids. A dot at the start of a
// line is doubled (RFC 1939 §3), a last line without an end gets one, or what its CR lacks of one,
// and `.CRLF` ends it. Other octets are sent as they are stored. The header ends with an empty
// line. Chunks may be cut anywhere: the result is the same.
#pragma once

#include "libpop3/handler.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace letterlock::pop3 {

class OutputBuffer;

class MessageEncoder {
public:
  explicit MessageEncoder(const Extent& extent) : body_lines_(extent.body_lines) {}

  // Appends the encoding of CHUNK to OUT: at most twice its size. False when the extent ended in
  // this chunk: what else there is of the message is not needed, and finish() is next.
  bool append(std::string_view chunk, OutputBuffer& out);

  // Appends what ends the reply; once, and last.
  void finish(OutputBuffer& out);

private:
  bool extent_ends_after(bool empty_line);

  enum class Line : std::uint8_t { empty, one_cr, other };
  std::optional<std::uint32_t> body_lines_; // that are still to come
  bool in_header_ = true;
  Line line_ = Line::empty; // so far
  bool after_cr_ = false;   // which is the last octet of the line so far
};

} // namespace letterlock::pop3
