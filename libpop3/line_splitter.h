// LineSplitter: finds the lines of a client in its input, whatever pieces that comes in.
//
// Only CR LF ends a line. A bare CR, a bare LF or a NUL is `malformed` and there is no going on
// after it: two programs that disagree about where a line ends are how commands are smuggled
// through a proxy or out of a password field, and no POP3 client in the field sends one. It is
// found at the octet itself, so that a person with a raw socket is told at once.
//
// Holds at most one line; the octets, which may be a password, are wiped when the next line begins,
// by reset() and when the splitter goes. Between lines it holds no memory.
#pragma once

#include "libpop3/limits.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace letterlock::pop3 {

class LineSplitter {
public:
  enum class Event : std::uint8_t {
    incomplete, // all was consumed, and the line goes on
    line,       // line() has it
    too_long,   // a line over max_line ended here; it was skipped
    malformed,  // a bare CR, a bare LF or NUL
    endless,    // more than max_skipped_line octets without an end
  };
  struct Step {
    Event event;
    std::size_t consumed; // never beyond the end of one line
  };

  LineSplitter() = default;
  LineSplitter(const LineSplitter&) = delete;
  LineSplitter& operator=(const LineSplitter&) = delete;
  ~LineSplitter() { reset(); }

  // After malformed and endless, only reset() may follow.
  Step take(std::string_view bytes);

  // The line without CR LF, after Event::line and until the next take() or reset().
  std::string_view line() const { return {line_.get(), kept_}; }

  // Forgets what there is of a line, and wipes it.
  void reset();

private:
  bool keep(std::string_view bytes);
  Step ended(std::size_t consumed);

  std::unique_ptr<char[]> line_; // from the first octet of a line on
  std::size_t kept_ = 0;
  std::size_t length_ = 0; // of the line so far, with what was not kept
  bool after_cr_ = false;
  bool ended_ = false;
};

} // namespace letterlock::pop3
