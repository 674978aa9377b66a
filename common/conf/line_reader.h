// The strict first pass over a configuration file: what every line is, and its number.
//
// inih (0.55) forgives what a person would rather hear of: it cuts long lines and section names,
// joins indented lines to the one before, takes "key: value", cuts a value at " ;", ignores what
// follows "]", skips a byte order mark and does not say where a key stood. This pass refuses all of
// that, so that inih meets only text that has one reading. A list alone goes on in an indented
// line, where the line before ends in a comma.
#pragma once

#include "common/base/error.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace letterlock::conf {

// inih reads into 200 bytes with the line feed and a NUL, and keeps 50 of a name with its NUL.
inline constexpr std::size_t max_line_length = 198;
inline constexpr std::size_t max_heading_length = 49;
inline constexpr std::size_t max_key_length = 49;

struct Line {
  enum class Kind { section, setting, more };
  Kind kind;
  unsigned number; // from 1
  // [name argument] of a section line; of a setting and of more of its value, name is its key.
  // Views into the text.
  std::string_view name;
  std::string_view argument;
};

// The lines that say something, in order; empty lines and comments (first character ';' or '#',
// blanks before it allowed) are left out. Errors begin with "FILE:LINE: ".
Expected<std::vector<Line>> read_lines(std::string_view text, std::string_view file);

} // namespace letterlock::conf
