// MessageEncoder: a memchr and two appends for each line.
#include "pop3d/message_encoder.h"

#include <cstddef>
#include <cstring>

namespace letterlock::pop3d {

bool MessageEncoder::append(std::string_view chunk, std::string& out) {
  while (!chunk.empty()) {
    if (at_line_start_ && chunk.front() == '.')
      out.append(".");
    const void* const found = std::memchr(chunk.data(), '\n', chunk.size());
    if (!found) {
      out.append(chunk);
      at_line_start_ = false;
      return true;
    }
    const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - chunk.data());
    out.append(chunk.substr(0, length)).append("\r\n");
    chunk.remove_prefix(length + 1);
    const bool empty_line = at_line_start_ && length == 0;
    at_line_start_ = true;
    if (body_lines_ && extent_ends_after(empty_line))
      return false;
  }
  return true;
}

bool MessageEncoder::extent_ends_after(bool empty_line) {
  if (!in_header_)
    return --*body_lines_ == 0;
  in_header_ = !empty_line;
  return empty_line && *body_lines_ == 0;
}

void MessageEncoder::finish(std::string& out) {
  out.append(at_line_start_ ? ".\r\n" : "\r\n.\r\n");
}

} // namespace letterlock::pop3d
