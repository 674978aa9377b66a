// Checks of owner and mode.
#include "common/conf/trusted_file.h"

#include "common/base/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace letterlock::conf {

Expected<UniqueFd> open_trusted_file(const std::string& path, Readers readers) {
  // Not blocking, so that a fifo in its place does not hold up the start.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd)
    return fail_errno(path);
  if (auto checked = check_trusted_file(fd.get(), path, readers); !checked)
    return std::unexpected(std::move(checked.error()));
  return fd;
}

Expected<void> check_trusted_file(int fd, const std::string& path, Readers readers) {
  struct stat status {};
  if (::fstat(fd, &status) != 0)
    return fail_errno(path);
  if (!S_ISREG(status.st_mode))
    return fail(path + ": it is no regular file; write the name of one");
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return fail(path + ": it belongs to user " + std::to_string(status.st_uid) +
                "; give it to root, or to the user who runs this");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(path + ": group or others may write it; run chmod go-w on it");
  if (readers == Readers::owner_only && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(path + ": group or others may read it; run chmod 600 on it");
  return {};
}

Expected<std::string> read_trusted_file(const std::string& path, Readers readers, std::size_t max) {
  const auto fd = open_trusted_file(path, readers);
  if (!fd)
    return std::unexpected(fd.error());
  auto content = read_file(fd->get(), max);
  if (!content)
    return fail(path + ": " + content.error().text);
  return content;
}

} // namespace letterlock::conf
