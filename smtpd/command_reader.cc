// Lines that are whole in the input are not copied.
#include "smtpd/command_reader.h"

#include <utility>

namespace letterlock::smtpd {

namespace {

// The size of the line at the beginning of INPUT, CR LF included; none if it does not end here. The
// CR may have come before.
std::optional<std::size_t> line_size(std::string_view input, bool after_cr) {
  if (after_cr && input.starts_with('\n'))
    return 1;
  const auto end = input.find("\r\n");
  if (end == std::string_view::npos)
    return std::nullopt;
  return end + 2;
}

} // namespace

std::optional<CommandReader::Line> CommandReader::take_line(std::string_view& input) {
  const auto size = line_size(input, held_.ends_with('\r'));
  const auto piece = input.substr(0, size.value_or(input.size()));
  input.remove_prefix(piece.size());

  if (!skipping_ && held_.size() + piece.size() > max_line_size) {
    skipping_ = true;
    held_.clear();
  }
  if (!size) {
    if (!skipping_)
      held_ += piece;
    else if (!piece.empty())
      held_.assign(piece.ends_with('\r') ? 1 : 0, '\r');
    return std::nullopt;
  }
  if (std::exchange(skipping_, false)) {
    held_.clear();
    return Line{true, {}};
  }
  if (held_.empty())
    return Line{false, piece.substr(0, piece.size() - 2)};
  finished_ = std::exchange(held_, {});
  finished_ += piece;
  return Line{false, std::string_view(finished_).substr(0, finished_.size() - 2)};
}

} // namespace letterlock::smtpd
