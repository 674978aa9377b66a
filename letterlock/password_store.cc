// Replacing the passwords file.
#include "letterlock/password_store.h"

#include "common/base/read_file.h"
#include "common/base/unique_fd.h"
#include "common/conf/trusted_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace letterlock::command {

namespace {

constexpr mode_t file_mode = 0600;

// The directory and the name in it, so that every step is about the same directory.
struct Place {
  UniqueFd directory;
  std::string name;
  std::string path; // for messages
};

Expected<Place> open_place(const std::string& path) {
  const auto slash = path.rfind('/'); // a path is absolute
  const std::string directory = slash == 0 ? "/" : path.substr(0, slash);
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd)
    return fail_errno(directory);
  return Place{std::move(fd), path.substr(slash + 1), path};
}

// The lock is on the file itself, which strangers cannot open, and the name moves to a new file at
// every change: after waiting, the file that was locked may no longer be the one of that name.
Expected<UniqueFd> open_locked(const Place& place) {
  for (;;) {
    UniqueFd fd(::openat(place.directory.get(), place.name.c_str(),
                         O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, file_mode));
    if (!fd && errno == ELOOP)
      return fail(place.path + ": it is a symbolic link; write the path of the file itself");
    if (!fd)
      return fail_errno(place.path);
    if (auto checked = conf::check_trusted_file(fd.get(), place.path, conf::Readers::anyone);
        !checked)
      return std::unexpected(std::move(checked.error()));
    while (::flock(fd.get(), LOCK_EX) != 0)
      if (errno != EINTR)
        return fail_errno(place.path);

    struct stat locked {
    }, named{};
    if (::fstat(fd.get(), &locked) != 0)
      return fail_errno(place.path);
    if (::fstatat(place.directory.get(), place.name.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT)
        continue;
      return fail_errno(place.path);
    }
    if (locked.st_dev == named.st_dev && locked.st_ino == named.st_ino)
      return fd;
  }
}

Expected<void> write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return fail_errno(path);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

// The new file, complete and on disk, with the old one's owner.
Expected<void> write_beside(const Place& place, const std::string& name, int old,
                            std::string_view text) {
  const std::string path = place.path + ".new";
  // Under the lock: what is there is left from a writer that was killed.
  if (::unlinkat(place.directory.get(), name.c_str(), 0) != 0 && errno != ENOENT)
    return fail_errno(path);
  const UniqueFd fd(::openat(place.directory.get(), name.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, file_mode));
  if (!fd)
    return fail_errno(path);
  struct stat before {
  }, now{};
  if (::fstat(old, &before) != 0 || ::fstat(fd.get(), &now) != 0)
    return fail_errno(path);
  if ((before.st_uid != now.st_uid || before.st_gid != now.st_gid) &&
      ::fchown(fd.get(), before.st_uid, before.st_gid) != 0)
    return fail_errno(path);
  if (::fchmod(fd.get(), file_mode) != 0) // whatever the umask is
    return fail_errno(path);
  if (auto written = write_all(fd.get(), text, path); !written)
    return written;
  if (::fsync(fd.get()) != 0)
    return fail_errno(path);
  return {};
}

} // namespace

Expected<void> store_password(const std::string& path, const conf::AccountName& account,
                              const conf::Verifier& verifier) {
  const auto place = open_place(path);
  if (!place)
    return std::unexpected(place.error());
  const auto old = open_locked(*place);
  if (!old)
    return std::unexpected(old.error());
  const auto text = read_file(old->get(), conf::max_password_file_size);
  if (!text)
    return fail(path + ": " + text.error().text);
  if (const auto entries = conf::parse_password_file(*text, path); !entries)
    return std::unexpected(entries.error());

  const std::string fresh = conf::with_password(*text, account, verifier);
  if (fresh.size() > conf::max_password_file_size)
    return fail(path + ": it would be longer than " + std::to_string(conf::max_password_file_size) +
                " bytes");
  const std::string name = place->name + ".new";
  const int directory = place->directory.get();
  if (auto written = write_beside(*place, name, old->get(), fresh); !written) {
    ::unlinkat(directory, name.c_str(), 0);
    return written;
  }
  if (::renameat(directory, name.c_str(), directory, place->name.c_str()) != 0) {
    const int error = errno;
    ::unlinkat(directory, name.c_str(), 0);
    return std::unexpected(Error::system(path, error));
  }
  if (::fsync(directory) != 0)
    return fail_errno(path);
  return {};
}

} // namespace letterlock::command
