// MessageEncoder: a memchr and a memcpy for each line, into memory that was made ready before.
#include "libpop3/message_encoder.h"

#include "libpop3/output_buffer.h"

#include <cstring>
#include <utility>

namespace letterlock::pop3 {

bool MessageEncoder::append(std::string_view chunk, OutputBuffer& out) {
  // An octet becomes two at most: LF, or a dot at the start of a line.
  char* const begin = out.room(2 * chunk.size());
  char* to = begin;
  const auto copy = [&to](std::string_view text) {
    std::memcpy(to, text.data(), text.size());
    to += text.size();
  };
  bool goes_on = true;
  while (goes_on && !chunk.empty()) {
    if (line_ == Line::empty && chunk.front() == '.')
      *to++ = '.';
    const std::size_t length = chunk.find('\n');
    const std::string_view part = chunk.substr(0, length);
    copy(part);
    if (!part.empty()) {
      line_ = line_ == Line::empty && part == "\r" ? Line::one_cr : Line::other;
      after_cr_ = part.back() == '\r';
    }
    if (length == std::string_view::npos)
      break;
    copy(std::exchange(after_cr_, false) ? "\n" : "\r\n");
    chunk.remove_prefix(length + 1);
    const bool empty_line = std::exchange(line_, Line::empty) != Line::other;
    goes_on = !body_lines_ || !extent_ends_after(empty_line);
  }
  out.wrote(static_cast<std::size_t>(to - begin));
  return goes_on;
}

bool MessageEncoder::extent_ends_after(bool empty_line) {
  if (!in_header_)
    return --*body_lines_ == 0;
  in_header_ = !empty_line;
  return empty_line && *body_lines_ == 0;
}

void MessageEncoder::finish(OutputBuffer& out) {
  if (line_ != Line::empty)
    out.text(after_cr_ ? "\n" : "\r\n");
  out.text(".\r\n");
}

} // namespace letterlock::pop3
