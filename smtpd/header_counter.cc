// A line that does not begin with white space begins a field.
#include "smtpd/header_counter.h"

#include "common/mail/ascii.h"

#include <algorithm>

namespace letterlock::smtpd {

void HeaderCounter::add_text(std::string_view piece) {
  if (piece.empty())
    return;
  const bool at_start = beginning_size_ == 0;
  if (at_start && piece.front() != ' ' && piece.front() != '\t')
    ++fields_;
  const auto room = beginning_.size() - beginning_size_;
  const auto kept = piece.substr(0, room);
  std::copy(kept.begin(), kept.end(), beginning_.data() + beginning_size_);
  beginning_size_ += kept.size();
  size_ += piece.size();
}

void HeaderCounter::end_line() {
  if (beginning_size_ == 0) {
    in_header_ = false;
    return;
  }
  if (is_received())
    ++received_;
  ++size_;
  beginning_size_ = 0;
}

// "Received:" in any case; the obsolete syntax of RFC 5322 §4.5.8 allows white space before the
// colon.
bool HeaderCounter::is_received() const {
  constexpr std::string_view name = "received";
  const std::string_view beginning(beginning_.data(), beginning_size_);
  if (!mail::equal_ignoring_case(beginning.substr(0, name.size()), name))
    return false;
  const auto after = beginning.substr(name.size());
  const auto colon = after.find_first_not_of(" \t");
  return colon != std::string_view::npos && after[colon] == ':';
}

} // namespace letterlock::smtpd
