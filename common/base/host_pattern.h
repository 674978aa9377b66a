// HostPattern: one host name, or all names below a domain, as an administrator writes it.
#pragma once

#include "common/base/text.h"

#include <optional>
#include <string>
#include <string_view>

namespace letterlock {

class HostPattern {
public:
  // "mail.example.com" is that name alone. ".example.com" and "*.example.com" are all names below
  // example.com, however deep, and not example.com itself. Labels of letters, digits and inner
  // hyphens, 63 octets at most and 253 in all, the last no number, so that no address is taken for
  // a name; a name has two labels at least. Case does not matter.
  static std::optional<HostPattern> parse(std::string_view text);

  // NAME is in lower case and has no final dot.
  bool matches(std::string_view name) const;

  // "mail.example.com" or ".example.com", in lower case; as parse() takes it.
  std::string_view text() const { return text_; }

  friend bool operator==(const HostPattern&, const HostPattern&) = default;

private:
  explicit HostPattern(const Text<254>& text) : text_(text) {}

  Text<254> text_;
};

} // namespace letterlock
