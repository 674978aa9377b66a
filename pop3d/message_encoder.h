// MessageEncoder: turns the stored octets of one message into the lines of a multi-line reply.
//
// Each LF becomes CR LF, a dot at the start of a line is doubled (RFC 1939 §3), a last line without
// an end gets one, and `.CRLF` ends it. Other octets, a CR among them, are sent as they are stored.
// Chunks may be cut anywhere: the result is the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace letterlock::pop3d {

// How much of a message is asked for: all, or the header, the empty line and so many lines of the
// body (RFC 1939 §7, TOP).
struct Extent {
  std::optional<std::uint32_t> body_lines; // none: all

  friend bool operator==(const Extent&, const Extent&) = default;
};

class MessageEncoder {
public:
  explicit MessageEncoder(Extent extent) : body_lines_(extent.body_lines) {}

  // Appends the encoding of CHUNK to OUT: at most twice its size. False when the extent ended in
  // this chunk: what else there is of the message is not needed, and finish() is next.
  bool append(std::string_view chunk, std::string& out);

  // Appends what ends the reply; once, and last.
  void finish(std::string& out);

private:
  bool extent_ends_after(bool empty_line);

  std::optional<std::uint32_t> body_lines_; // that are still to come
  bool in_header_ = true;
  bool at_line_start_ = true;
};

} // namespace letterlock::pop3d
