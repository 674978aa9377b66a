// Files of the state directory that are replaced whole, set aside, or swept.
#include "queued/store/state_directory.h"

#include "common/base/crc32c.h"
#include "queued/disk/directory.h"
#include "queued/maildir/maildir_name.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace letterlock::queued {

namespace {

constexpr std::int64_t foreign_tmp_age = 36 * 3600; // the Maildir specification
constexpr std::size_t largest_text_file = 16 * 1024 * 1024;
constexpr unsigned most_names_tried = 1000; // in corrupt/
constexpr int read_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

std::unexpected<Error> failed(const std::string& what, Errno error) {
  return std::unexpected(Error::system(what, error.number));
}

} // namespace

void StateDirectory::say(StoreReport::Level level, std::string event, std::string text) {
  reports_.push_back({level, std::move(event), std::move(text)});
}

// ---- Files that are replaced whole

std::optional<std::string> StateDirectory::read_text(int directory, const std::string& name) {
  const UniqueFd file(::openat(directory, name.c_str(), read_flags));
  struct stat about = {};
  if (!file || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode))
    return std::nullopt;
  std::string text;
  for (;;) {
    char buffer[16384];
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0 || text.size() > largest_text_file)
      return std::nullopt;
    if (got == 0)
      return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

std::optional<std::string> StateDirectory::read_file(const std::string& name) {
  static_cast<void>(files_.unlink(root(), name + ".tmp"));
  auto text = read_text(root(), name);
  struct stat about = {};
  if (!text && ::fstatat(root(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0)
    set_file_aside(name, "it cannot be read");
  return text;
}

Expected<void> StateDirectory::replace_file(int directory, const std::string& name,
                                            const std::string& text) {
  const std::string next = name + ".tmp";
  if (const auto removed = files_.unlink(directory, next);
      !removed && removed.error().number != ENOENT)
    return failed(next, removed.error());
  auto file = files_.create_file(directory, next, 0600);
  if (!file)
    return failed(next, file.error());
  auto done = files_.append(file->get(), as_bytes(text));
  if (done)
    done = files_.sync_file(file->get());
  if (done)
    done = files_.rename(directory, next, directory, name);
  if (done)
    done = files_.sync_directory(directory);
  if (!done)
    return failed(name, done.error());
  return {};
}

// ---- corrupt/

std::string StateDirectory::free_name_aside(const std::string& name) {
  for (unsigned number = 1; number < most_names_tried; ++number) {
    const std::string tried = name + '.' + std::to_string(number);
    struct stat about = {};
    if (::fstatat(corrupt_.get(), tried.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
      return tried;
  }
  return name + ".last";
}

void StateDirectory::set_file_aside(const std::string& name, const std::string& why) {
  // Until corrupt/ is there, beside itself.
  const int to = corrupt_ ? corrupt_.get() : root();
  const std::string aside = corrupt_ ? free_name_aside(name) : name + ".rotten";
  const auto moved = files_.rename(root(), name, to, aside);
  say(StoreReport::Level::error, "spool.set_aside",
      moved ? name + " is now " + (corrupt_ ? "corrupt/" : "") + aside + ": " + why
            : Error::system(name + " cannot be set aside", moved.error().number).text);
}

std::string StateDirectory::set_aside(const journal::Damage& damage) {
  const std::string slot = std::to_string(damage.slot);
  if (damage.length == 0) {
    const std::string aside = free_name_aside("journal-" + slot);
    const auto moved = files_.rename(journal(), slot, corrupt_.get(), aside);
    return moved ? "journal/" + slot + " is now corrupt/" + aside
                 : Error::system("journal/" + slot + " cannot be set aside", moved.error().number)
                       .text;
  }
  const std::string where = "journal/" + slot + " from " + std::to_string(damage.offset) + " on";
  const UniqueFd from(::openat(journal(), slot.c_str(), read_flags));
  const auto copy = [&](const std::function<bool(Bytes)>& take) {
    std::vector<std::byte> buffer(64 * 1024);
    for (std::uint64_t done = 0; done < damage.length;) {
      const std::size_t wanted =
          static_cast<std::size_t>(std::min<std::uint64_t>(damage.length - done, buffer.size()));
      const ssize_t got =
          ::pread(from.get(), buffer.data(), wanted, static_cast<off_t>(damage.offset + done));
      if (got <= 0 || !take(Bytes(buffer).first(static_cast<std::size_t>(got))))
        return false;
      done += static_cast<std::uint64_t>(got);
    }
    return true;
  };
  // The same bytes get the same name: recovery may be begun more than once.
  std::uint32_t crc = 0;
  const bool read = copy([&](Bytes piece) {
    crc = crc32c(crc, piece);
    return true;
  });
  const std::string aside =
      "journal-" + slot + '-' + std::to_string(damage.offset) + '-' + std::to_string(crc);
  static_cast<void>(files_.unlink(corrupt_.get(), aside));
  auto to = files_.create_file(corrupt_.get(), aside, 0600);
  if (!read || !to ||
      !copy([&](Bytes piece) { return files_.append(to->get(), piece).has_value(); }))
    return where + " is damaged and cannot be copied";
  return where + " is now corrupt/" + aside;
}

std::string StateDirectory::set_queue_aside(const std::string& name) {
  const std::string aside = free_name_aside("queue-" + name);
  const auto moved = files_.rename(queue(), name, corrupt_.get(), aside);
  return moved ? "queue/" + name + " is now corrupt/" + aside
               : Error::system("queue/" + name + " cannot be set aside", moved.error().number).text;
}

// ---- Sweeping

Expected<void> StateDirectory::sweep_scratch() {
  std::vector<std::string> names;
  const auto visited = visit_directory(scratch_.get(), [&](const std::string& name, FileKind kind) {
    if (kind != FileKind::directory)
      names.push_back(name);
    return true;
  });
  if (!visited)
    return failed("scratch", visited.error());
  for (const auto& name : names)
    if (const auto removed = files_.unlink(scratch_.get(), name); !removed)
      say(StoreReport::Level::warning, "scratch.not_swept",
          Error::system(name, removed.error().number).text);
  return {};
}

Expected<void> StateDirectory::sweep_tmp(std::uint32_t account) {
  const auto drop = MaildirDirectories::open(root(), account);
  if (!drop)
    return failed("maildrop " + std::to_string(account), drop.error());
  std::vector<std::string> names;
  const auto visited =
      visit_directory(drop->tmp.get(), [&](const std::string& name, FileKind kind) {
        if (kind == FileKind::directory)
          return true;
        const auto parsed = MaildirName::parse(name);
        struct stat about = {};
        const bool ours = parsed && parsed->message;
        const bool old =
            ::fstatat(drop->tmp.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 &&
            options_.now - about.st_mtime > foreign_tmp_age;
        if (ours || old)
          names.push_back(name);
        return true;
      });
  if (!visited)
    return failed("maildrop " + std::to_string(account), visited.error());
  for (const auto& name : names)
    if (const auto removed = files_.unlink(drop->tmp.get(), name);
        !removed && removed.error().number != ENOENT)
      return failed("maildrop " + std::to_string(account), removed.error());
  return {};
}

} // namespace letterlock::queued
