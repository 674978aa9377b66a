// Lines that are whole in the input are not copied.
#include "smtpd/command_reader.h"

#include <algorithm>
#include <utility>

namespace letterlock::smtpd {

std::optional<CommandReader::Line> CommandReader::take_line(std::string_view& input) {
  while (!input.empty()) {
    const auto feed = input.find('\n');
    const bool has_feed = feed != std::string_view::npos;
    const auto piece = input.substr(0, has_feed ? feed + 1 : feed);
    input.remove_prefix(piece.size());
    const char before_last = piece.size() > 1 ? piece[piece.size() - 2] : last_;
    last_ = piece.back();

    if (skipping_ == Fault::none && held_.size() + piece.size() > max_line_size) {
      skipping_ = Fault::too_long;
      hold_verb(piece);
    }
    if (has_feed && before_last == '\r') {
      const Fault skipped = std::exchange(skipping_, Fault::none);
      if (skipped == Fault::bare_line_feed) // and was reported
        continue;
      if (skipped == Fault::too_long)
        return report(skipped);
      if (held_.empty())
        return Line{Fault::none, piece.substr(0, piece.size() - 2)};
      finished_ = std::exchange(held_, {});
      finished_ += piece;
      return Line{Fault::none, std::string_view(finished_).substr(0, finished_.size() - 2)};
    }
    if (skipping_ != Fault::none)
      continue;
    if (has_feed) {
      skipping_ = Fault::bare_line_feed;
      hold_verb(piece.substr(0, piece.size() - 1));
      return report(skipping_);
    }
    held_ += piece;
  }
  return std::nullopt;
}

// Of the line that goes on with PIECE.
void CommandReader::hold_verb(std::string_view piece) {
  held_ += piece.substr(0, verb_size);
  held_.resize(std::min(held_.size(), verb_size));
}

CommandReader::Line CommandReader::report(Fault fault) {
  finished_ = std::exchange(held_, {});
  return Line{fault, finished_};
}

} // namespace letterlock::smtpd
