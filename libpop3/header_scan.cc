// HeaderScan: line by line, and octet by octet only where a line goes beyond ASCII.
#include "libpop3/header_scan.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace letterlock::pop3 {

namespace {

// RFC 5322 §2.1.1: a line has 998 characters at most.
constexpr std::size_t line_kept = 998;
constexpr std::string_view trace_name = "received:";

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// PREFIX is in lower case.
bool begins_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), text.begin(),
                                                    [](char p, char t) { return p == lower(t); });
}

} // namespace

HeaderScan::Verdict HeaderScan::append(std::string_view stored) {
  while (verdict_ == Verdict::open && !stored.empty()) {
    const auto end = stored.find('\n');
    const std::string_view part = stored.substr(0, end);
    if (!take_octets(part))
      return verdict_ = Verdict::plain;
    if (end == std::string_view::npos)
      break;
    if (line_is_empty())
      return finish();
    if (!end_line())
      return verdict_ = Verdict::plain;
    stored.remove_prefix(end + 1);
  }
  return verdict_;
}

HeaderScan::Verdict HeaderScan::finish() {
  if (verdict_ != Verdict::open)
    return verdict_;
  const bool utf8 = end_line() && trace_ == Trace::declared && beyond_ascii_;
  return verdict_ = utf8 ? Verdict::utf8 : Verdict::plain;
}

// False if it is no UTF-8.
bool HeaderScan::take_octets(std::string_view part) {
  line_.append(part.substr(0, line_kept - std::min(line_kept, line_.size())));
  if (to_come_ == 0 && is_ascii(part))
    return true;
  return std::all_of(part.begin(), part.end(), [this](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x80 ? to_come_ == 0 : take_beyond_ascii(octet);
  });
}

// RFC 3629 §4: the first octet says how many follow, and bounds the second.
bool HeaderScan::take_beyond_ascii(unsigned char octet) {
  if (to_come_ > 0) {
    if (octet < least_ || octet > most_)
      return false;
    --to_come_;
    least_ = 0x80, most_ = 0xbf;
    return true;
  }
  if (octet < 0xc2 || octet > 0xf4)
    return false;
  beyond_ascii_ = true;
  to_come_ = octet < 0xe0 ? 1 : octet < 0xf0 ? 2 : 3;
  least_ = octet == 0xe0 ? 0xa0 : octet == 0xf0 ? 0x90 : 0x80;
  most_ = octet == 0xed ? 0x9f : octet == 0xf4 ? 0x8f : 0xbf;
  return true;
}

// False if the message is none: a character is cut, or the first Received field has ended without
// saying so.
bool HeaderScan::end_line() {
  const std::string line = std::exchange(line_, {});
  if (to_come_ != 0)
    return false;
  std::string_view rest = line;
  const bool folded = rest.starts_with(' ') || rest.starts_with('\t');
  if (trace_ == Trace::before && begins_with(rest, trace_name)) {
    trace_ = Trace::within;
    rest.remove_prefix(trace_name.size());
  } else if (trace_ == Trace::within && !folded) {
    return false;
  }
  if (trace_ != Trace::within)
    return true;
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find_first_of(" \t\r"));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    if (word.empty())
      continue;
    if (after_with_ && begins_with(word, "utf8smtp"))
      trace_ = Trace::declared;
    after_with_ = word.size() == 4 && begins_with(word, "with");
  }
  return true;
}

} // namespace letterlock::pop3
