// Directories through the system.
#include "queued/disk/directory.h"

#include "common/os/file_systems.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>

namespace letterlock::queued {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

FileKind kind_of(int directory, const dirent& entry) {
  switch (entry.d_type) {
  case DT_REG:
    return FileKind::regular;
  case DT_DIR:
    return FileKind::directory;
  case DT_UNKNOWN:
    break;
  default:
    return FileKind::other;
  }
  struct stat about = {};
  if (::fstatat(directory, entry.d_name, &about, AT_SYMLINK_NOFOLLOW) != 0)
    return FileKind::other;
  if (S_ISREG(about.st_mode))
    return FileKind::regular;
  return S_ISDIR(about.st_mode) ? FileKind::directory : FileKind::other;
}

bool is_dot_or_dot_dot(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

SystemResult<UniqueFd> open_quietly(int parent, const std::string& name, int flags) {
  UniqueFd opened(::openat(parent, name.c_str(), flags | os::no_access_time));
  if (!opened && errno == EPERM) // another's
    opened = UniqueFd(::openat(parent, name.c_str(), flags));
  if (!opened)
    return std::unexpected(Errno{errno});
  return opened;
}

} // namespace

SystemResult<void> visit_directory(int directory,
                                   const std::function<bool(const std::string&, FileKind)>& visit) {
  // Opened anew: the position of DIRECTORY is shared by all threads.
  auto own = open_directory(directory, ".");
  if (!own)
    return std::unexpected(own.error());
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(own->get()));
  if (!stream)
    return std::unexpected(Errno{errno});
  [[maybe_unused]] const int now_the_streams = own->release();
  std::string name; // one for all: a directory may be large
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr)
      break;
    if (is_dot_or_dot_dot(entry->d_name))
      continue;
    name = entry->d_name;
    if (!visit(name, kind_of(directory, *entry)))
      return {};
  }
  if (errno != 0)
    return std::unexpected(Errno{errno});
  return {};
}

SystemResult<UniqueFd> open_directory(int parent, const std::string& name) {
  return open_quietly(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

SystemResult<UniqueFd> open_to_read(int directory, const std::string& name) {
  return open_quietly(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

SystemResult<UniqueFd> open_maildir(int root, std::uint32_t account) {
  auto maildir = open_directory(root, "maildrops");
  for (const std::string& name : {std::to_string(account), std::string("Maildir")})
    if (maildir)
      maildir = open_directory(maildir->get(), name);
  return maildir;
}

SystemResult<MaildirDirectories> MaildirDirectories::open_to_read(int root, std::uint32_t account) {
  const auto maildir = open_maildir(root, account);
  if (!maildir)
    return std::unexpected(maildir.error());
  auto fresh = open_directory(maildir->get(), "new"), cur = open_directory(maildir->get(), "cur");
  if (!fresh || !cur)
    return std::unexpected(fresh ? cur.error() : fresh.error());
  return MaildirDirectories{{}, std::move(*fresh), std::move(*cur)};
}

SystemResult<MaildirDirectories> MaildirDirectories::open(int root, std::uint32_t account) {
  auto directories = open_to_read(root, account);
  const auto maildir = open_maildir(root, account);
  if (!directories || !maildir)
    return std::unexpected(directories ? maildir.error() : directories.error());
  auto tmp = open_directory(maildir->get(), "tmp");
  if (!tmp)
    return std::unexpected(tmp.error());
  directories->tmp = std::move(*tmp);
  struct stat state = {}, own = {};
  if (::fstat(root, &state) != 0)
    return std::unexpected(Errno{errno});
  for (const UniqueFd* directory : {&directories->tmp, &directories->fresh, &directories->cur}) {
    if (::fstat(directory->get(), &own) != 0)
      return std::unexpected(Errno{errno});
    if (own.st_dev != state.st_dev)
      return std::unexpected(Errno{EXDEV});
  }
  return directories;
}

} // namespace letterlock::queued
