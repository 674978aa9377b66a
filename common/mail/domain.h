// Domain: the part of an address after the @, checked, in lower case.
//
// Sources: RFC 5321 §4.1.2 and §4.1.3, RFC 1035 §2.3.4 (63 octets a label, 255 in all), RFC 6531
// §3.3 (U-labels).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace letterlock::mail {

// Whether UTF-8 beyond ASCII is allowed: only where the client said SMTPUTF8.
enum class Charset { ascii, utf8 };

class Domain {
public:
  static constexpr std::size_t max_size = 255;

  // Dot-separated labels of letters, digits and inner hyphens (and UTF-8, if CHARSET says so),
  // without a final dot; or an address literal, whose numbers are checked.
  static std::optional<Domain> parse(std::string_view text, Charset charset = Charset::ascii);

  // ASCII letters are lower case; an address literal is in its shortest form.
  const std::string& text() const { return text_; }
  // For comparing: U-labels become A-labels. The same as text() for an ASCII domain.
  std::string key() const;
  bool is_literal() const { return text_.front() == '['; }
  bool is_ascii() const;

  friend bool operator==(const Domain& a, const Domain& b) { return a.key() == b.key(); }

private:
  explicit Domain(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

} // namespace letterlock::mail
