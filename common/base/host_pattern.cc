// Parsing and matching of host names as they are configured.
#include "common/base/host_pattern.h"

#include <algorithm>

namespace letterlock {

namespace {

// RFC 1035 §2.3.4: 255 octets on the wire are 253 characters.
constexpr std::size_t longest_name = 253, longest_label = 63;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr bool is_letter(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= longest_label && label.front() != '-' &&
         label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
           return is_letter(c) || is_digit(c) || c == '-';
         });
}

} // namespace

std::optional<HostPattern> HostPattern::parse(std::string_view text) {
  if (text.starts_with("*."))
    text.remove_prefix(1);
  const bool below = text.starts_with('.');
  std::string folded(text.substr(below ? 1 : 0));
  for (char& c : folded)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  if (folded.size() > longest_name)
    return std::nullopt;
  std::string_view rest = folded;
  unsigned labels = 0;
  for (bool more = true; more; ++labels) {
    const auto dot = rest.find('.');
    const auto label = rest.substr(0, dot);
    more = dot != std::string_view::npos;
    if (!is_label(label) || (!more && std::all_of(label.begin(), label.end(), is_digit)))
      return std::nullopt;
    rest.remove_prefix(more ? dot + 1 : rest.size());
  }
  if (labels < 2 && !below)
    return std::nullopt;
  const auto kept = Text<254>::from((below ? "." : "") + folded);
  if (!kept)
    return std::nullopt;
  return HostPattern(*kept);
}

bool HostPattern::matches(std::string_view name) const {
  const auto own = text_.view();
  if (!own.starts_with('.'))
    return name == own;
  return name.size() > own.size() && name.ends_with(own);
}

} // namespace letterlock
