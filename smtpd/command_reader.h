// CommandReader: cuts the input into command lines, which end in CR LF and in nothing else.
//
// A line may be 2,048 octets with its CR LF (RFC 5321 §4.5.3.1.4 asks for 512, extensions add to
// it). A longer one is skipped to its end and then reported once. A bare LF
// is reported as soon as it is there, because who ends lines by it waits for an answer; the rest
// of that line is skipped: what follows a bare LF is never a command. A bare CR stays in its line,
// and the parser refuses the line. Of a line that is reported, the octets of a verb are kept: they
// tell whether content may follow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace letterlock::smtpd {

class CommandReader {
public:
  static constexpr std::size_t max_line_size = 2048;
  static constexpr std::size_t verb_size = 4;

  enum class Fault : std::uint8_t { none, too_long, bare_line_feed };
  struct Line {
    Fault fault = Fault::none;
    // Without its end, and no more than the first verb_size octets of it if there is a fault. Valid
    // until the next call and as long as the input is.
    std::string_view text;
  };

  // Moves INPUT past what it took: up to the end of one line, or all of it and then there is no
  // line. Holds an unfinished line for the next call.
  std::optional<Line> take_line(std::string_view& input);

private:
  void hold_verb(std::string_view piece);
  Line report(Fault fault);

  std::string held_;             // the beginning of a line that earlier input left unfinished
  std::string finished_;         // the line that the last call returned, if it had been held
  Fault skipping_ = Fault::none; // why the line at hand is skipped; held_ is its verb if too_long
  char last_ = '\0';             // octet that was taken
};

} // namespace letterlock::smtpd
