// The names of message files: ours written, all of them understood as far as they go. Pure. What
// ours say of sizes is in OwnName.
//
// Source: docs/spool.md, "Maildir names"; https://cr.yp.to/proto/maildir.html; S= and W= as in
// Dovecot and Courier.
#pragma once

#include "common/base/id128.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace letterlock::queued {

inline constexpr std::size_t longest_maildir_name = 255; // NAME_MAX of the file systems we run on

// The host part: made once from the server's name. Never empty, at most 128 characters.
class MaildirHost {
public:
  explicit MaildirHost(std::string_view server_name);
  const std::string& text() const { return text_; }

private:
  std::string text_;
};

// The name of a file, understood. Its views point into the text that was parsed.
struct MaildirName {
  std::int64_t time = 0;        // seconds since 1970; our own are never negative
  std::optional<Id128> message; // none: not one of ours
  std::string_view base;        // the name without ":2,FLAGS": the same in new/ and cur/
  std::string_view own_uidl;    // the part of the name that is the UIDL; empty: none of it can be

  // 1 to 70 characters 0x21 to 0x7e.
  std::string uidl() const;

  // None for what is no message: empty, beginning with a dot, longer than 255, holding / or NUL.
  static std::optional<MaildirName> parse(std::string_view file_name);
};

// The message id in the name of a file of ours, in new/ or cur/; none: not one of ours.
std::optional<Id128> message_id_in(std::string_view file_name);

// The name of a new file in tmp/ and new/. HOST is a MaildirHost's text.
std::string format_maildir_name(std::int64_t time, const Id128& message, std::string_view host,
                                std::uint64_t stored_size, std::uint64_t wire_size);
inline std::string format_maildir_name(std::int64_t time, const Id128& message,
                                       const MaildirHost& host, std::uint64_t stored_size,
                                       std::uint64_t wire_size) {
  return format_maildir_name(time, message, host.text(), stored_size, wire_size);
}

// A name can claim anything: false for what no content could have.
bool are_believable_sizes(std::uint64_t stored, std::uint64_t wire);

// A legal UIDL made from any text, the same for the same text; never one of ours.
std::string hashed_uidl(std::string_view text);

} // namespace letterlock::queued
