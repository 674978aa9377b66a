// The strict pass over lines.
#include "common/conf/line_reader.h"

#include "common/base/text.h"
#include "common/conf/values.h"

#include <algorithm>
#include <optional>
#include <string>

namespace letterlock::conf {

namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool is_word(std::string_view s, std::string_view further) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || further.find(c) != std::string_view::npos;
  });
}

// What makes a line unreadable whatever it says.
std::optional<std::string> fault_of(std::string_view line) {
  if (!line.empty() && line.back() == '\r')
    return "the line ends in CR LF; save the file with LF line ends";
  if (std::any_of(line.begin(), line.end(), [](char c) { return is_control(c) && c != '\t'; }))
    return "there is a control character in the line; remove it";
  if (line.size() > max_line_length)
    return "the line has " + std::to_string(line.size()) + " bytes; write at most " +
           std::to_string(max_line_length);
  return std::nullopt;
}

Parsed<Line> section_of(std::string_view line) {
  const auto close = line.find(']');
  if (close == std::string_view::npos)
    return wrong("there is no ] in the line; write [section] or [section name]");
  if (!trimmed(line.substr(close + 1)).empty())
    return wrong("there is text after ]; write it on a line of its own");
  const std::string_view heading = line.substr(1, close - 1);
  if (heading.size() > max_heading_length)
    return wrong("the name of the section has " + std::to_string(heading.size()) +
                 " bytes; write at most " + std::to_string(max_heading_length));
  const auto space = heading.find(' ');
  const std::string_view name = heading.substr(0, space);
  const std::string_view argument =
      space == std::string_view::npos ? std::string_view() : heading.substr(space + 1);
  const bool bad_argument = std::any_of(argument.begin(), argument.end(),
                                        [](char c) { return is_blank(c) || c == ';' || c == '['; });
  if (!is_word(name, "") || bad_argument || (space != std::string_view::npos && argument.empty()))
    return wrong(quoted(line) +
                 " is no section; write [section] or [section name], with one space");
  return Line{Line::Kind::section, 0, name, argument};
}

// FROM: where a value begins.
bool has_comment(std::string_view line, std::size_t from) {
  for (std::size_t i = from; i < line.size(); ++i)
    if ((line[i] == ';' || line[i] == '#') && (i == from || is_blank(line[i - 1])))
      return true;
  return false;
}

constexpr const char* comment_behind =
    "there is a comment after the value; write it on a line of its own";

// OF: the line before that says something, with its text.
Parsed<Line> more_of(std::string_view line, const Line* of, std::string_view text) {
  if (of == nullptr || of->kind == Line::Kind::section || !text.ends_with(','))
    return wrong("the line is indented; remove the blanks before it, or end the line before with a "
                 "comma if a list goes on here");
  if (has_comment(line, 0))
    return wrong(comment_behind);
  return Line{Line::Kind::more, 0, of->name, {}};
}

Parsed<Line> setting_of(std::string_view line) {
  const auto equals = line.find('=');
  const std::string_view key = trimmed(line.substr(0, equals));
  if (equals == std::string_view::npos || !is_word(key, "_0123456789"))
    return wrong("the line is neither a section, a comment nor a setting; write key = value");
  if (key.size() > max_key_length)
    return wrong("the key has " + std::to_string(key.size()) + " bytes; write at most " +
                 std::to_string(max_key_length));
  if (has_comment(line, equals + 1))
    return wrong(comment_behind);
  return Line{Line::Kind::setting, 0, key, {}};
}

} // namespace

Expected<std::vector<Line>> read_lines(std::string_view text, std::string_view file) {
  std::vector<Line> lines;
  std::string_view before; // the text of the last of them
  unsigned number = 0;
  const auto refuse = [&](std::string_view reason) {
    return fail(std::string(file) + ':' + std::to_string(number) + ": " + std::string(reason));
  };

  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;

    if (number == 1 && line.starts_with("\xef\xbb\xbf"))
      return refuse("the file begins with a byte order mark; save it as UTF-8 without one");
    if (const auto fault = fault_of(line))
      return refuse(*fault);
    const std::string_view content = trimmed(line);
    if (content.empty() || content.front() == ';' || content.front() == '#')
      continue;
    Parsed<Line> parsed = is_blank(line.front())
                              ? more_of(line, lines.empty() ? nullptr : &lines.back(), before)
                          : content.front() == '[' ? section_of(line)
                                                   : setting_of(line);
    if (!parsed)
      return refuse(parsed.error());
    if (lines.empty() && parsed->kind == Line::Kind::setting)
      return refuse("there is a setting before the first section; write [server] before it");
    parsed->number = number;
    lines.push_back(*parsed);
    before = content;
  }
  return lines;
}

} // namespace letterlock::conf
