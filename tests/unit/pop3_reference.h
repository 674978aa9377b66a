// How a stored message is sent, written so plainly that it can be seen to be right; for tests.
#pragma once

#include "libpop3/message_encoder.h"

#include <string>
#include <string_view>

namespace letterlock::pop3 {

inline std::string reference_encoding(std::string stored, Extent extent) {
  if (!stored.empty() && stored.back() != '\n')
    stored += '\n';
  std::string out, line;
  bool in_body = false;
  std::uint64_t body_lines = 0;
  for (const char c : stored) {
    if (extent.body_lines && in_body && body_lines == *extent.body_lines)
      break;
    if (c != '\n') {
      line += c;
      continue;
    }
    if (in_body)
      ++body_lines;
    else if (line.empty() || line == "\r")
      in_body = true;
    if (!line.empty() && line[0] == '.')
      out += '.';
    out += line + (line.ends_with('\r') ? "\n" : "\r\n");
    line.clear();
  }
  return out + ".\r\n";
}

} // namespace letterlock::pop3
