// HelloName: what a client calls itself in HELO or EHLO, safe to be put into a header field.
//
// RFC 5321 §4.1.4 forbids refusing mail because the name is not that of the client, and real
// clients say "my_pc" or "localhost.". So this is wider than Domain, but nothing in it can end a
// line, open a comment, start a quotation or a bracketed path, or pass for a second word.
#pragma once

#include "common/base/text.h"

#include <optional>
#include <string_view>

namespace letterlock::mail {

class HelloName {
public:
  // 1 to 255 visible ASCII characters without ( ) < > , ; \ " and @.
  static std::optional<HelloName> parse(std::string_view text);

  std::string_view text() const { return text_; }

  friend bool operator==(const HelloName&, const HelloName&) = default;

private:
  explicit HelloName(const Text<255>& text) : text_(text) {}
  Text<255> text_;
};

} // namespace letterlock::mail
