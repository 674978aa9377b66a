// The names of message files: ours written and read, those of other programs understood as far as
// they go. Pure.
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
  // Only of ours, and both or none: what other programs write there is not believed, nor what no
  // content could need.
  std::optional<std::uint64_t> stored_size, wire_size;

  // 1 to 70 characters 0x21 to 0x7e.
  std::string uidl() const;

  // None for what is no message: empty, beginning with a dot, longer than 255, holding / or NUL.
  static std::optional<MaildirName> parse(std::string_view file_name);
};

// The message id in the name of a file of ours, in new/ or cur/; none: not one of ours.
std::optional<Id128> message_id_in(std::string_view file_name);

// The same for a name that is just as we made it, flags apart: a copy that somebody made of the
// file under another name is another message.
std::optional<Id128> own_message_id(std::string_view file_name);

// The name of a new file in tmp/ and new/.
std::string format_maildir_name(std::int64_t time, const Id128& message, const MaildirHost& host,
                                std::uint64_t stored_size, std::uint64_t wire_size);

// A legal UIDL made from any text, the same for the same text; never one of ours.
std::string hashed_uidl(std::string_view text);

} // namespace letterlock::queued
