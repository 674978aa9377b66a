// One small state for each line says whether it is a field's.
#include "smtpd/header_counter.h"

#include "common/mail/ascii.h"

#include <algorithm>

namespace letterlock::smtpd {

void HeaderCounter::add_text(std::string_view piece) {
  const auto room = beginning_.size() - beginning_size_;
  const auto kept = piece.substr(0, room);
  std::copy(kept.begin(), kept.end(), beginning_.data() + beginning_size_);
  beginning_size_ += kept.size();
  line_size_ += piece.size();
  for (const char c : piece) {
    if (at_ == At::text)
      return;
    if (!begins_field(c)) {
      in_header_ = false;
      is_missing_ = fields_ == 0;
      return;
    }
  }
}

void HeaderCounter::end_line() {
  if (at_ != At::text) {
    in_header_ = false;
    is_missing_ = fields_ == 0 && at_ != At::line_start;
    return;
  }
  if (is_received())
    ++received_;
  size_ += line_size_ + 1;
  line_size_ = 0;
  beginning_size_ = 0;
  at_ = At::line_start;
}

// Takes one character of what is not known to be a field's line yet; false if it is none.
bool HeaderCounter::begins_field(char c) {
  const bool blank = c == ' ' || c == '\t';
  switch (at_) {
  case At::line_start:
    if (blank && fields_ == 0)
      return false;
    at_ = blank ? At::text : At::name;
    return blank || (mail::is_visible(c) && c != ':');
  case At::name:
    if (mail::is_visible(c) && c != ':')
      return true;
    break;
  case At::behind_name:
    break;
  case At::text:
    return true;
  }
  at_ = c == ':' ? At::text : At::behind_name;
  if (c == ':')
    ++fields_;
  return c == ':' || blank;
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
