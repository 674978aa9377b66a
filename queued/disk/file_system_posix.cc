// The file system of the machine.
#include "queued/disk/file_system.h"

#include "common/os/file_systems.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <limits>

namespace letterlock::queued {

namespace {

std::unexpected<Errno> last_error() {
  return std::unexpected(Errno{errno});
}

SystemResult<void> result_of(int returned) {
  if (returned != 0)
    return last_error();
  return {};
}

class PosixFileSystem final : public FileSystem {
public:
  SystemResult<UniqueFd> create_file(int directory, const std::string& name, mode_t mode) override {
    UniqueFd file(::openat(directory, name.c_str(),
                           O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file)
      return last_error();
    return file;
  }

  SystemResult<UniqueFd> create_unnamed_file(int directory) override {
#ifdef O_TMPFILE
    UniqueFd unnamed(::openat(directory, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
    if (unnamed)
      return unnamed;
    // These say that the kernel or the file system has no such thing (open(2), BUGS).
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
      return last_error();
#endif
    const std::string name = "unnamed";
    auto file = create_file(directory, name, 0600);
    if (file && ::unlinkat(directory, name.c_str(), 0) != 0)
      return last_error();
    return file;
  }

  SystemResult<void> append(int file, Bytes bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return last_error();
      if (written == 0) // not a disk's way; do not turn it into a loop without end
        return std::unexpected(Errno{EIO});
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }

  SystemResult<void> append_uncached(int file, Bytes bytes) override {
    const std::size_t over = bytes.size() % uncached_block;
    if (bytes.size() > over && os::set_uncached(file, true)) {
      while (bytes.size() > over) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size() - over);
        if (written < 0 && errno == EINTR)
          continue;
        // The disk's blocks may be larger. What else is wrong is met again without this.
        if (written <= 0)
          break;
        bytes = bytes.subspan(static_cast<std::size_t>(written));
      }
      os::set_uncached(file, false);
    }
    return append(file, bytes);
  }

  SystemResult<UniqueFd> open_file(int directory, const std::string& name) override {
    UniqueFd file(::openat(directory, name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file)
      return last_error();
    return file;
  }

  SystemResult<void> write_at(int file, std::uint64_t offset, Bytes bytes) override {
    while (!bytes.empty()) {
      const ssize_t written =
          ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return last_error();
      if (written == 0)
        return std::unexpected(Errno{EIO});
      bytes = bytes.subspan(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    return {};
  }

  SystemResult<void> truncate(int file) override { return result_of(::ftruncate(file, 0)); }
  SystemResult<void> sync_file(int file) override { return result_of(::fdatasync(file)); }
  SystemResult<void> sync_directory(int directory) override {
    return result_of(::fsync(directory));
  }

  SystemResult<void> sync_everything(int directory) override {
    return result_of(os::sync_file_system(directory));
  }

  SystemResult<void> link(int from, const std::string& from_name, int to,
                          const std::string& to_name) override {
    return result_of(::linkat(from, from_name.c_str(), to, to_name.c_str(), 0));
  }
  SystemResult<void> rename(int from, const std::string& from_name, int to,
                            const std::string& to_name) override {
    return result_of(::renameat(from, from_name.c_str(), to, to_name.c_str()));
  }
  SystemResult<void> unlink(int directory, const std::string& name) override {
    return result_of(::unlinkat(directory, name.c_str(), 0));
  }
  SystemResult<void> make_directory(int directory, const std::string& name, mode_t mode) override {
    return result_of(::mkdirat(directory, name.c_str(), mode));
  }

  SystemResult<FreeSpace> free_space(int directory) override {
    struct statvfs about = {};
    if (::fstatvfs(directory, &about) != 0)
      return last_error();
    const std::uint64_t block = about.f_frsize, free = about.f_bavail;
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    // Some file systems (btrfs) make inodes as they need them and say that they have none.
    return FreeSpace{block != 0 && free > most / block ? most : block * free,
                     about.f_files == 0 ? most : about.f_favail};
  }
};

} // namespace

bool Errno::is_full() const {
  return number == ENOSPC || number == EDQUOT;
}

bool Errno::is_our_own() const {
  return number == EMFILE || number == ENFILE || number == ENOMEM;
}

FileSystem& posix_file_system() {
  static PosixFileSystem real;
  return real;
}

} // namespace letterlock::queued
