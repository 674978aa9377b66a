// The times of change of a Maildir's directories.
#include "queued/maildir/maildir_times.h"

#include "queued/disk/file_times.h"

#include <algorithm>
#include <cerrno>

namespace letterlock::queued {

SystemResult<MaildirTimes::Directory> MaildirTimes::of(int directory) {
  struct stat about = {};
  if (::fstat(directory, &about) != 0)
    return std::unexpected(Errno{errno});
  return Directory{about.st_dev, about.st_ino, time_modified(about), time_changed(about)};
}

SystemResult<MaildirTimes> MaildirTimes::of(const MaildirDirectories& directories) {
  const auto fresh = of(directories.fresh.get()), cur = of(directories.cur.get());
  if (!fresh || !cur)
    return std::unexpected(fresh ? cur.error() : fresh.error());
  MaildirTimes times;
  times.fresh_ = *fresh;
  times.cur_ = *cur;
  return times;
}

bool MaildirTimes::is_settled(const Directory& directory,
                              std::chrono::system_clock::time_point now) {
  const auto trusted = std::chrono::duration_cast<std::chrono::nanoseconds>(
      (now - before_trusted).time_since_epoch());
  return std::max(directory.modified, directory.changed) < trusted.count();
}

} // namespace letterlock::queued
