// ContentReader: takes a message's content from the wire, after DATA or in the chunks of BDAT.
//
// After DATA only CR LF . CR LF ends it (RFC 5321 §4.1.1.4; the CR LF of the command counts as the
// first) and the dot-stuffing is removed (§4.5.2). Chunks are counted by the owner and hold the
// content as it is (RFC 3030 §2).
//
// In both, this is the one place that knows what a line is: it ends in CR LF. A CR or LF that is
// not part of a CR LF, or a NUL, anywhere spoils the message (RFC 5321 §2.3.8): it is read to its
// real end, so that no part of it is ever taken for a command, and then refused. What is stored has
// LF for CR LF. Line length is not limited: no line is ever held, real mail has lines far over
// 1,000 octets, and §4.5.3.1 asks for no limit where the implementation needs none. The message's
// size bounds body lines, the header's size header lines.
//
// No content is held between calls, and neither faults, counts nor the stored octets depend on how
// the input is cut.
#pragma once

#include "smtpd/content.h"
#include "smtpd/header_counter.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace letterlock::smtpd {

enum class Framing : std::uint8_t {
  dots,   // DATA: content knows its end
  chunks, // BDAT: its owner does
};

class ContentReader {
public:
  ContentReader(const ContentLimits& limits, Framing framing)
      : limits_(limits), framing_(framing) {}

  // Moves INPUT past the content in it; true when the end of data was found, and then INPUT begins
  // with what follows it. All of INPUT is content of chunks, and their end is never found here.
  // SINK gets the content until a fault is found, in pieces of up to max_piece. Not to be called
  // again after the end.
  bool read(std::string_view& input, ContentSink& sink);

  // The last chunk has been read. A last line without a line end gets one: RFC 5321 §2.3.8 knows no
  // other lines, and DATA could not have carried it otherwise.
  void end_chunks(ContentSink& sink);

  // Once set it stays, but may give way to one that is earlier in the list until the end is found.
  std::optional<ContentFault> fault() const { return fault_; }
  // If there is no fault: of what has been read of chunks, else of use only after the end.
  const ContentCounts& counts() const { return counts_; }

private:
  class Batch;
  enum class At { line_start, in_line, after_cr, dot, dot_cr };

  bool read_until_end(std::string_view& input, Batch& batch);
  bool read_line(std::string_view& input, Batch& batch);
  void read_text(std::string_view& input, Batch& batch);
  void end_line(Batch& batch);
  void put(std::string_view text, Batch& batch);
  void spoil(ContentFault fault);
  void check_header();

  ContentLimits limits_;
  Framing framing_;
  At at_ = At::line_start;
  HeaderCounter header_;
  ContentCounts counts_;
  std::optional<ContentFault> fault_;
};

} // namespace letterlock::smtpd
