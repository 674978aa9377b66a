// OwnName: the name of a message file as this store writes it, in its parts, of which the same name
// can be made again. Pure.
//
// Nearly all files of a maildrop have such names. MaildirName understands all others.
// Source: docs/spool.md, "Maildir names".
#pragma once

#include "common/base/id128.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace letterlock::queued {

struct OwnName {
  std::int64_t time = 0; // seconds since 1970, not negative
  Id128 message;
  std::string_view host;
  std::uint64_t stored_size = 0, wire_size = 0;
  std::string_view info; // ":2," and letters, or empty

  std::string base() const; // without info
  std::string name() const { return base() + std::string(info); }

  // Views point into FILE_NAME. None for a name that another program has made, or one of ours that
  // somebody has changed: then name() of what was parsed would differ from it.
  static std::optional<OwnName> parse(std::string_view file_name);
};

// The message id in a name that is just as we made it, flags apart: a copy that somebody made of
// the file under another name is another message.
std::optional<Id128> own_message_id(std::string_view file_name);

} // namespace letterlock::queued
