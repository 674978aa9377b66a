// Making, locking and sweeping the state directory.
#include "queued/store/state_directory.h"

#include "queued/disk/directory.h"
#include "queued/maildir/maildir_name.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace letterlock::queued {

namespace {

constexpr mode_t shared_mode = 02750;
constexpr mode_t private_mode = 0700;
constexpr std::int64_t foreign_tmp_age = 36 * 3600; // the Maildir specification
constexpr std::size_t largest_accounts_file = 16 * 1024 * 1024;

std::unexpected<Error> failed(const std::string& what, Errno error) {
  return std::unexpected(Error::system(what, error.number));
}

Expected<std::string> read_whole(int file, std::size_t limit) {
  std::string text;
  for (;;) {
    char buffer[16384];
    const ssize_t got = ::read(file, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail_errno("accounts");
    if (got == 0)
      return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > limit)
      return fail("accounts: the file is too large");
  }
}

} // namespace

Expected<std::unique_ptr<StateDirectory>> StateDirectory::open(UniqueFd root, FileSystem& files,
                                                               const StateOptions& options) {
  std::unique_ptr<StateDirectory> state(new StateDirectory(std::move(root), files, options));
  if (auto locked = state->take_lock(); !locked)
    return std::unexpected(locked.error());
  for (const auto& [name, mode, keep] :
       {std::tuple("maildrops", shared_mode, &state->maildrops_),
        std::tuple("scratch", private_mode, &state->scratch_),
        std::tuple("corrupt", private_mode, static_cast<UniqueFd*>(nullptr))}) {
    auto made = state->ensure_directory(state->root(), name, mode);
    if (!made)
      return std::unexpected(made.error());
    if (keep != nullptr)
      *keep = std::move(*made);
  }
  if (auto read = state->read_accounts(); !read)
    return std::unexpected(read.error());
  if (auto swept = state->sweep_scratch(); !swept)
    return std::unexpected(swept.error());
  for (std::uint32_t account = 1; account <= state->accounts_.size(); ++account) {
    if (auto made = state->ensure_maildrop(account); !made)
      return std::unexpected(made.error());
    if (auto swept = state->sweep_tmp(account); !swept)
      return std::unexpected(swept.error());
  }
  return state;
}

Expected<void> StateDirectory::take_lock() {
  lock_ = UniqueFd(
      ::openat(root(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!lock_)
    return fail_errno("lock");
  const auto deadline = std::chrono::steady_clock::now() + options_.lock_wait;
  while (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return fail_errno("lock");
    if (std::chrono::steady_clock::now() >= deadline)
      return fail("lock: another queued uses this state directory");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return {};
}

Expected<UniqueFd> StateDirectory::ensure_directory(int parent, const std::string& name,
                                                    mode_t mode) {
  // The mode without set-group-id, which mkdir(2) does not take; a parent that has it hands it on.
  const auto made = files_.make_directory(parent, name, mode & 0777);
  if (!made && made.error().number != EEXIST)
    return failed(name, made.error());
  auto directory = open_directory(parent, name);
  if (!directory)
    return failed(name, directory.error());
  struct stat about = {};
  if (::fstat(directory->get(), &about) != 0)
    return fail_errno(name);
  if (mode == shared_mode && options_.group && about.st_gid != *options_.group &&
      ::fchown(directory->get(), static_cast<uid_t>(-1), *options_.group) != 0)
    return fail_errno(name + ": setting its group");
  if (made && (about.st_mode & 07777) != mode && ::fchmod(directory->get(), mode) != 0)
    return fail_errno(name + ": setting its mode");
  // Also if it was there: the start that made it may have died before this.
  if (const auto synced = files_.sync_directory(parent); !synced)
    return failed(name, synced.error());
  return std::move(*directory);
}

Expected<void> StateDirectory::ensure_maildrop(std::uint32_t account) {
  auto outer = ensure_directory(maildrops_.get(), std::to_string(account), shared_mode);
  if (!outer)
    return std::unexpected(outer.error());
  auto maildir = ensure_directory(outer->get(), "Maildir", shared_mode);
  if (!maildir)
    return std::unexpected(maildir.error());
  for (const char* name : {"tmp", "new", "cur"})
    if (auto made = ensure_directory(maildir->get(), name, shared_mode); !made)
      return std::unexpected(made.error());
  return {};
}

Expected<void> StateDirectory::read_accounts() {
  if (const auto removed = files_.unlink(root(), "accounts.tmp");
      !removed && removed.error().number != ENOENT)
    return failed("accounts.tmp", removed.error());
  const UniqueFd file(::openat(root(), "accounts", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno != ENOENT)
    return fail_errno("accounts");
  if (!file) {
    bool maildrop_without_name = false;
    const auto visited = visit_directory(maildrops_.get(), [&](const std::string&, FileKind) {
      maildrop_without_name = true;
      return false;
    });
    if (!visited)
      return failed("maildrops", visited.error());
    if (maildrop_without_name)
      return fail("accounts: missing, though maildrops/ has maildrops; restore it from a backup");
    return {};
  }
  const auto text = read_whole(file.get(), largest_accounts_file);
  if (!text)
    return std::unexpected(text.error());
  if (text->empty())
    return fail("accounts: the file is empty; restore it from a backup");
  auto table = AccountTable::parse(*text);
  if (!table)
    return std::unexpected(table.error());
  accounts_ = std::move(*table);
  return {};
}

Expected<void> StateDirectory::write_accounts(const AccountTable& table) {
  if (const auto removed = files_.unlink(root(), "accounts.tmp");
      !removed && removed.error().number != ENOENT)
    return failed("accounts.tmp", removed.error());
  auto file = files_.create_file(root(), "accounts.tmp", 0600);
  if (!file)
    return failed("accounts.tmp", file.error());
  auto done = files_.append(file->get(), as_bytes(table.format()));
  if (done)
    done = files_.sync_file(file->get());
  if (done)
    done = files_.rename(root(), "accounts.tmp", root(), "accounts");
  if (done)
    done = files_.sync_directory(root());
  if (!done)
    return failed("accounts", done.error());
  return {};
}

Expected<std::vector<AccountId>>
StateDirectory::resolve_accounts(const std::vector<AccountName>& names) {
  const std::lock_guard guard(mutex_);
  AccountTable table = accounts_;
  std::vector<AccountId> ids;
  for (const AccountName& name : names) {
    const auto id = table.resolve(name);
    if (!id)
      return std::unexpected(id.error());
    ids.push_back(*id);
  }
  if (table.size() == accounts_.size())
    return ids;
  if (table.size() > options_.accounts)
    return fail("accounts: there would be more than " + std::to_string(options_.accounts));
  if (auto written = write_accounts(table); !written)
    return std::unexpected(written.error());
  for (std::size_t account = accounts_.size() + 1; account <= table.size(); ++account)
    if (auto made = ensure_maildrop(static_cast<std::uint32_t>(account)); !made)
      return std::unexpected(made.error());
  accounts_ = std::move(table);
  return ids;
}

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
      return failed("scratch", removed.error());
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
        const bool ours = parsed && parsed->transaction;
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
