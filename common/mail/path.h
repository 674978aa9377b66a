// The paths of MAIL and RCPT: <>, <mailbox>, <postmaster>.
//
// Source: RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.2. A source route (<@relay,@relay:mailbox>) is checked
// for its grammar and then ignored, as appendix C and §3.6.1 say.
#pragma once

#include "common/mail/mailbox.h"

#include <optional>
#include <string_view>
#include <variant>

namespace letterlock::mail {

// Where failures are reported to: a mailbox, or nobody ("<>": this message is such a report).
class ReversePath {
public:
  ReversePath() = default; // the null path
  explicit ReversePath(Mailbox mailbox) : mailbox_(std::move(mailbox)) {}

  bool is_null() const { return !mailbox_; }
  const std::optional<Mailbox>& mailbox() const { return mailbox_; }
  // With the angle brackets.
  std::string text() const { return '<' + (mailbox_ ? mailbox_->text() : std::string()) + '>'; }
  bool is_ascii() const { return !mailbox_ || mailbox_->is_ascii(); }

  friend bool operator==(const ReversePath&, const ReversePath&) = default;

private:
  std::optional<Mailbox> mailbox_;
};

// "<postmaster>" without a domain, in any case: whoever runs this host.
struct Postmaster {
  friend bool operator==(const Postmaster&, const Postmaster&) = default;
};

using ForwardPath = std::variant<Postmaster, Mailbox>;

// Take a path off the beginning of TEXT, brackets included. None if it is malformed, and then
// nothing is taken.
std::optional<ReversePath> take_reverse_path(std::string_view& text, Charset charset);
std::optional<ForwardPath> take_forward_path(std::string_view& text, Charset charset);

} // namespace letterlock::mail
