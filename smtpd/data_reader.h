// DataReader: takes a message's content from the wire after DATA, up to its end.
//
// Only CR LF . CR LF ends the data (RFC 5321 §4.1.1.4; the CR LF of the DATA command counts as the
// first). A CR or LF that is not part of a CR LF, or a NUL, anywhere spoils the message (§2.3.8):
// it is read to its real end, so that no part of it is ever taken for a command, and then refused.
//
// On the way the dot-stuffing is removed (§4.5.2) and CR LF becomes LF. Line length is not limited:
// no line is ever held, real mail has lines far over 1,000 octets, and RFC 5321 §4.5.3.1 asks for
// no limit where the implementation needs none. The message's size bounds body lines, the header's
// size header lines.
//
// No content is held between calls, and neither faults, counts nor the stored octets depend on how
// the input is cut.
#pragma once

#include "smtpd/content.h"
#include "smtpd/header_counter.h"

#include <optional>
#include <string_view>

namespace letterlock::smtpd {

class DataReader {
public:
  explicit DataReader(const ContentLimits& limits) : limits_(limits) {}

  // Moves INPUT past the content in it; true when the end of data was found, and then INPUT begins
  // with what follows it. SINK gets the content until a fault is found, in pieces of up to
  // max_piece. Not to be called again after the end.
  bool read(std::string_view& input, ContentSink& sink);

  // Once set it stays, but may give way to one that is earlier in the list until the end is found.
  std::optional<ContentFault> fault() const { return fault_; }
  // Of use only after the end, and if there is no fault.
  const ContentCounts& counts() const { return counts_; }

private:
  class Batch;
  enum class At { line_start, in_line, after_cr, dot, dot_cr };

  void read_text(std::string_view& input, Batch& batch);
  void end_line(Batch& batch);
  void put(std::string_view text, Batch& batch);
  void spoil(ContentFault fault);
  void check_header();

  ContentLimits limits_;
  At at_ = At::line_start;
  HeaderCounter header_;
  ContentCounts counts_;
  std::optional<ContentFault> fault_;
};

} // namespace letterlock::smtpd
