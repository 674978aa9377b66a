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

std::string last_part(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

} // namespace

void StateDirectory::say(StoreReport::Level level, std::string event, std::string text) {
  const std::lock_guard guard(reports_mutex_);
  reports_.push_back({level, std::move(event), std::move(text)});
}

std::vector<StoreReport> StateDirectory::take_reports() {
  const std::lock_guard guard(reports_mutex_);
  return std::exchange(reports_, {});
}

// ---- Files that are replaced whole

SystemResult<std::string> StateDirectory::read_text(int directory, const std::string& name) {
  const UniqueFd file(::openat(directory, name.c_str(), read_flags));
  struct stat about = {};
  if (!file || ::fstat(file.get(), &about) != 0)
    return std::unexpected(Errno{errno});
  if (!S_ISREG(about.st_mode))
    return std::unexpected(Errno{EINVAL});
  std::string text;
  for (;;) {
    char buffer[16384];
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0 || text.size() > largest_text_file)
      return std::unexpected(Errno{got < 0 ? errno : EFBIG});
    if (got == 0)
      return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

Expected<std::optional<std::string>> StateDirectory::read_file(int parent,
                                                               const std::string& path) {
  const std::string name = last_part(path);
  if (parent == root())
    static_cast<void>(files_.unlink(parent, name + ".tmp"));
  auto text = read_text(parent, name);
  if (text)
    return std::move(*text);
  if (text.error().is_our_own())
    return failed(path, text.error());
  struct stat about = {};
  if (::fstatat(parent, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0)
    set_file_aside(parent, path, "it cannot be read");
  return std::nullopt;
}

Expected<void> StateDirectory::replace_file(int parent, const std::string& path,
                                            const std::string& text) {
  const std::string name = last_part(path), next = name + ".tmp";
  if (const auto removed = files_.unlink(parent, next);
      !removed && removed.error().number != ENOENT)
    set_file_aside(parent, path + ".tmp", "it cannot be removed");
  auto file = files_.create_file(parent, next, 0600);
  if (!file)
    return failed(next, file.error());
  auto done = files_.append(file->get(), as_bytes(text));
  if (done)
    done = files_.sync_file(file->get());
  if (done)
    done = files_.rename(parent, next, parent, name);
  if (done)
    done = files_.sync_directory(parent);
  if (!done)
    return failed(name, done.error());
  return {};
}

// ---- corrupt/

std::string StateDirectory::free_name(int directory, const std::string& name, unsigned first) {
  for (unsigned number = first; number < most_names_tried; ++number) {
    const std::string tried = number == 0 ? name : name + '.' + std::to_string(number);
    struct stat about = {};
    if (::fstatat(directory, tried.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
      return tried;
  }
  return name + ".last";
}

std::string StateDirectory::move_aside(int parent, const std::string& path) {
  const std::string name = last_part(path);
  SystemResult<void> moved = std::unexpected(Errno{ENOENT});
  std::string now;
  if (corrupt_) {
    std::string flat = path;
    std::replace(flat.begin(), flat.end(), '/', '-');
    now = free_name(corrupt_.get(), flat, 1);
    moved = files_.rename(parent, name, corrupt_.get(), now);
    now = "corrupt/" + now;
  }
  if (!moved) {
    // Until corrupt/ is there, and another user's directory, which cannot leave its own.
    const std::string beside = free_name(parent, name + ".rotten", 0);
    moved = files_.rename(parent, name, parent, beside);
    now = path.substr(0, path.size() - name.size()) + beside;
  }
  return moved ? path + " is now " + now
               : Error::system(path + " cannot be set aside", moved.error().number).text;
}

void StateDirectory::set_file_aside(int parent, const std::string& path, const std::string& why) {
  say(StoreReport::Level::error, "spool.set_aside", move_aside(parent, path) + ": " + why);
}

std::string StateDirectory::set_aside(const journal::Damage& damage) {
  const std::string slot = std::to_string(damage.slot);
  if (damage.length == 0)
    return move_aside(journal(), "journal/" + slot);
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
  // Not beside itself: what is no file of the queue is as much in the way under another name.
  // What a log cannot show is no good name there.
  std::string shown = name;
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < 0x21 || c > 0x7e; }, '?');
  const std::string aside = free_name(corrupt_.get(), "queue-" + shown, 1);
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
