// Mailbox: local-part@domain, checked, in one canonical spelling.
//
// Source: RFC 5321 §4.1.2, RFC 6531 §3.3. Mailbox::parse is the only way to have one, so every
// Mailbox can be written into a command, a header field or a log line as it is.
#pragma once

#include "common/mail/domain.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace letterlock::mail {

class Mailbox {
public:
  static constexpr std::size_t max_local_part_size = 64; // RFC 5321 §4.5.3.1.1
  static constexpr std::size_t max_size = max_local_part_size + 1 + Domain::max_size;

  static std::optional<Mailbox> parse(std::string_view text, Charset charset = Charset::ascii);
  // A sender's, whose local part may be longer, up to max_size for the whole: addresses that hold
  // another one (VERP, SRS) are, and §4.5.3.1 asks for taking what can be taken.
  static std::optional<Mailbox> parse_sender(std::string_view text,
                                             Charset charset = Charset::ascii);
  // LOCAL_PART as it would stand before the @, quoted if need be.
  static std::optional<Mailbox> join(std::string_view local_part, const Domain& domain,
                                     Charset charset = Charset::ascii);

  // Case as it was written; quoted only where the grammar demands it, with no needless backslash:
  // "\a.b"@x and a.b@x are one (RFC 5321 §4.1.2, the semantics of quoting).
  const std::string& local_part() const { return local_part_; }
  const Domain& domain() const { return domain_; }
  std::string text() const { return local_part_ + '@' + domain_.text(); }
  // For comparing: without regard to ASCII case, quoting, or U-labels against A-labels.
  std::string key() const;
  bool is_ascii() const;

  friend bool operator==(const Mailbox& a, const Mailbox& b) { return a.key() == b.key(); }

private:
  static std::optional<Mailbox> read(std::string_view text, Charset charset,
                                     std::size_t longest_local_part);
  Mailbox(std::string local_part, Domain domain)
      : local_part_(std::move(local_part)), domain_(std::move(domain)) {}

  std::string local_part_;
  Domain domain_;
};

} // namespace letterlock::mail
