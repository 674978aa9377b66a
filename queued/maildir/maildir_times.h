// MaildirTimes: whether anybody has been in a Maildir since it was listed.
//
// Source: docs/spool.md, "A maildrop among other programs".
#pragma once

#include "queued/disk/directory.h"

#include <sys/types.h>

#include <chrono>
#include <cstdint>

namespace letterlock::queued {

class MaildirTimes {
public:
  // How old a directory's last change must be when its listing begins, for no later change to have
  // the same time: file systems count in ticks, some of 2 s.
  static constexpr std::chrono::seconds before_trusted{2};

  static SystemResult<MaildirTimes> of(const MaildirDirectories& directories);

  // Whether a listing that begins NOW can be used again as long as the times are these.
  bool are_settled(std::chrono::system_clock::time_point now) const {
    return is_settled(fresh_, now) && is_settled(cur_, now);
  }
  // Whether nobody changed a name in cur during a listing that began NOW, and after which the times
  // are AFTER.
  bool cur_was_left_alone(std::chrono::system_clock::time_point now,
                          const MaildirTimes& after) const {
    return is_settled(cur_, now) && cur_ == after.cur_;
  }

  friend bool operator==(const MaildirTimes&, const MaildirTimes&) = default;

private:
  struct Directory {
    dev_t device = 0;
    ino_t inode = 0;
    std::int64_t modified = 0, changed = 0; // nanoseconds since 1970
    friend bool operator==(const Directory&, const Directory&) = default;
  };
  static SystemResult<Directory> of(int directory);
  static bool is_settled(const Directory& directory, std::chrono::system_clock::time_point now);

  Directory fresh_, cur_;
};

} // namespace letterlock::queued
