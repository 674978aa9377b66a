// What is known and limited about a message's content while it is received.
#pragma once

#include "common/base/byte_reader.h"

#include <cstddef>
#include <cstdint>

namespace letterlock::smtpd {

struct ContentLimits {
  std::uint64_t size = 50u << 20;         // octets with CR LF line ends (RFC 1870 §5)
  std::uint64_t header_size = 256u << 10; // stored octets
  std::uint32_t header_fields = 1000;
  std::uint32_t received = 50; // RFC 5321 §6.3 wants the limit on hops to be well above 30
};

// Why a message is refused at its end. If several reasons hold, the first of this list is reported:
// so the answer does not depend on how the content arrived in pieces.
enum class ContentFault : std::uint8_t {
  bad_line_end,   // a CR or an LF that is not part of a CR LF, or a NUL
  too_big,        // more octets than ContentLimits::size
  header_too_big, // in octets or fields
  loop,           // more Received fields than allowed
};

struct ContentCounts {
  std::uint64_t stored_size = 0; // octets with LF line ends, as kept
  std::uint64_t wire_size = 0; // octets with CR LF line ends, without dot-stuffing and end of data
  std::uint64_t header_size =
      0; // stored octets of the header fields, without the empty line after them
  bool starts_with_body = false; // neither a field nor an empty line comes first

  friend bool operator==(const ContentCounts&, const ContentCounts&) = default;
};

// Takes the content as it is to be stored, in order. The bytes are the caller's, and good for the
// call only.
class ContentSink {
public:
  // The longest piece, so that each fits into one frame between processes.
  static constexpr std::size_t max_piece = 16'000;

  virtual ~ContentSink() = default;
  virtual void append(Bytes content) = 0;
};

} // namespace letterlock::smtpd
