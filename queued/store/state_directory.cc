// Making and locking the state directory; accounts.
#include "queued/store/state_directory.h"

#include "queued/disk/directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <thread>

namespace letterlock::queued {

namespace {

constexpr mode_t shared_mode = 02750;
constexpr mode_t large_mode = 02700;
constexpr mode_t private_mode = 0700;

std::unexpected<Error> failed(const std::string& what, Errno error) {
  return std::unexpected(Error::system(what, error.number));
}

} // namespace

Expected<std::unique_ptr<StateDirectory>> StateDirectory::open(UniqueFd root, FileSystem& files,
                                                               const StateOptions& options) {
  std::unique_ptr<StateDirectory> state(new StateDirectory(std::move(root), files, options));
  auto prepared = state->prepare();
  if (!prepared) {
    for (const StoreReport& report : state->take_reports())
      prepared.error().text += "; " + report.text;
    return std::unexpected(prepared.error());
  }
  return state;
}

Expected<void> StateDirectory::prepare() {
  struct stat about = {};
  if (::fstat(root(), &about) != 0)
    return fail_errno("the state directory");
  device_ = about.st_dev;
  if (auto locked = take_lock(); !locked)
    return locked;
  // corrupt/ first: the others may have something to put there.
  for (const auto& [name, mode, keep] :
       {std::tuple("corrupt", private_mode, &corrupt_),
        std::tuple("maildrops", shared_mode, &maildrops_),
        std::tuple("scratch", private_mode, &scratch_),
        std::tuple("journal", private_mode, &journal_), std::tuple("large", large_mode, &large_),
        std::tuple("queue", private_mode, &queue_)}) {
    auto made = ensure_directory(root(), name, mode);
    if (!made)
      return std::unexpected(made.error());
    *keep = std::move(*made);
  }
  for (const auto step : {&StateDirectory::read_identity, &StateDirectory::read_clock,
                          &StateDirectory::read_accounts, &StateDirectory::sweep_scratch})
    if (auto done = (this->*step)(); !done)
      return std::unexpected(done.error());
  for (std::uint32_t account = 1; account <= accounts_.size(); ++account) {
    // Its trouble is its own: the others are served.
    auto made = ensure_maildrop(account);
    if (made)
      made = sweep_tmp(account);
    if (!made)
      say(StoreReport::Level::error, "maildrop.unusable",
          "maildrop " + std::to_string(account) + ": " + made.error().text);
  }
  return {};
}

Expected<void> StateDirectory::take_lock() {
  constexpr int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  struct stat about = {};
  // Nobody holds what is no file. What it is stays beside.
  if (::fstatat(root(), "lock", &about, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(about.st_mode))
    set_file_aside(root(), "lock", "it is no file");
  lock_ = UniqueFd(::openat(root(), "lock", flags, 0600));
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

Expected<UniqueFd> StateDirectory::ensure_directory(int parent, const std::string& path,
                                                    mode_t mode) {
  const std::string name = path.substr(path.rfind('/') + 1);
  // The mode without set-group-id, which mkdir(2) does not take; a parent that has it hands it on.
  auto made = files_.make_directory(parent, name, mode & 0777);
  if (!made && made.error().number != EEXIST)
    return failed(path, made.error());
  auto directory = open_directory(parent, name);
  if (!directory && !made &&
      (directory.error().number == ENOTDIR || directory.error().number == ELOOP)) {
    set_file_aside(parent, path, "it is no directory");
    made = files_.make_directory(parent, name, mode & 0777);
    directory = open_directory(parent, name);
  }
  if (!directory)
    return failed(path, directory.error());
  struct stat about = {};
  if (::fstat(directory->get(), &about) != 0)
    return fail_errno(path);
  // A checkpoint syncs one file system, and a file cannot have names in two.
  if (about.st_dev != device_)
    return fail(path + ": is on another file system than the state directory");
  const bool shared = (mode & S_ISGID) != 0;
  if (shared && options_.group && about.st_gid != *options_.group &&
      ::fchown(directory->get(), static_cast<uid_t>(-1), *options_.group) != 0)
    return fail_errno(path + ": setting its group");
  if (made && (about.st_mode & 07777) != mode && ::fchmod(directory->get(), mode) != 0)
    return fail_errno(path + ": setting its mode");
  // Also if it was there: the start that made it may have died before this.
  if (const auto synced = files_.sync_directory(parent); !synced)
    return failed(path, synced.error());
  return std::move(*directory);
}

Expected<void> StateDirectory::ensure_maildrop(std::uint32_t account) {
  const std::string path = "maildrops/" + std::to_string(account);
  auto outer = ensure_directory(maildrops_.get(), path, shared_mode);
  if (!outer)
    return std::unexpected(outer.error());
  auto maildir = ensure_directory(outer->get(), path + "/Maildir", shared_mode);
  if (!maildir)
    return std::unexpected(maildir.error());
  for (const char* name : {"/tmp", "/new", "/cur"})
    if (auto made = ensure_directory(maildir->get(), path + "/Maildir" + name, shared_mode); !made)
      return std::unexpected(made.error());
  return {};
}

// ---- Identity and accounts

Expected<void> StateDirectory::read_identity() {
  const auto text = read_file(root(), "identity");
  if (!text)
    return std::unexpected(text.error());
  if (*text) {
    if (auto read = Identity::parse(**text))
      identity_ = *read;
    else
      set_file_aside(root(), "identity", read.error().text);
  }
  if (identity_.node == 0) {
    const Id128 random = Id128::random();
    for (std::size_t i = 0; i < 4; ++i)
      identity_.node = identity_.node << 8 | random.bytes[i];
  }
  // Twice 16 million starts from now the salt alone keeps ids apart.
  identity_.epoch = (identity_.epoch + 1) % Identity::epochs;
  // Without room for it mail can be read and removed all the same, which makes room.
  if (auto replaced = replace_file(root(), "identity", identity_.format()); !replaced)
    say(StoreReport::Level::warning, "identity.not_kept", replaced.error().text);
  return {};
}

Expected<void> StateDirectory::read_clock() {
  struct stat about = {};
  if (::fstatat(root(), "clock", &about, AT_SYMLINK_NOFOLLOW) == 0)
    clock_ = ClockRecord{0, true};
  const auto text = read_file(root(), "clock");
  if (!text)
    return std::unexpected(text.error());
  if (*text) {
    if (auto read = ClockRecord::parse(**text))
      clock_ = *read;
    else
      set_file_aside(root(), "clock", read.error().text);
  }
  return {};
}

Expected<void> StateDirectory::read_accounts() {
  const auto text = read_file(root(), "accounts");
  if (!text)
    return std::unexpected(text.error());
  if (*text) {
    auto table = AccountTable::parse(**text);
    if (table) {
      accounts_ = std::move(*table);
    } else {
      set_file_aside(root(), "accounts", table.error().text);
      if (auto rebuilt = rebuild_accounts(); !rebuilt)
        return rebuilt;
    }
  } else if (auto rebuilt = rebuild_accounts(); !rebuilt) {
    return rebuilt;
  }
  accounts_given_ = accounts_.size();
  const auto names = accounts_.names();
  for (std::uint32_t account = 1; account <= names.size(); ++account)
    name_maildrop(account, names[account - 1]);
  return {};
}

Expected<void> StateDirectory::rebuild_accounts() {
  std::map<std::uint32_t, std::string> names;
  Expected<void> readable; // else it is we who lack something, and that passes
  const auto visited =
      visit_directory(maildrops_.get(), [&](const std::string& name, FileKind kind) {
        std::uint32_t id = 0;
        const auto [_, error] = std::from_chars(name.data(), name.data() + name.size(), id);
        if (kind != FileKind::directory || error != std::errc() || id == 0 ||
            id > options_.accounts || name != std::to_string(id))
          return true;
        std::string text;
        if (const auto directory = open_directory(maildrops_.get(), name)) {
          if (const auto known = read_name(directory->get(), name))
            text = known->value_or("");
          else
            readable = std::unexpected(known.error());
        } else if (directory.error().is_our_own()) {
          readable = failed("maildrops/" + name, directory.error());
        }
        names[id] = text.ends_with('\n') ? text.substr(0, text.size() - 1) : "";
        return readable.has_value();
      });
  if (!readable)
    return readable;
  if (!visited)
    return failed("maildrops", visited.error());
  if (names.empty())
    return {};
  AccountTable table = AccountTable::of_maildrops(names);
  say(StoreReport::Level::error, "accounts.rebuilt",
      "made anew from what " + std::to_string(names.size()) + " maildrops say");
  const auto known = table.names();
  for (const auto& [id, name] : names)
    if (known[id - 1].empty())
      say(StoreReport::Level::error, "accounts.unknown",
          "maildrops/" + std::to_string(id) + " does not say whose it is" +
              (name.empty() ? "" : ", or says what another one says") +
              ": its id is given to nobody");
  // Without room for it the table is there all the same, and made anew at the next start.
  if (auto written = replace_file(root(), "accounts", table.format()); !written)
    say(StoreReport::Level::warning, "accounts.not_kept", written.error().text);
  accounts_ = std::move(table);
  return {};
}

Expected<std::optional<std::string>> StateDirectory::read_name(int maildrop,
                                                               const std::string& number) {
  return read_file(maildrop, "maildrops/" + number + "/account");
}

// Not worth a failed start: it is of use only when `accounts` is lost.
void StateDirectory::name_maildrop(std::uint32_t account, std::string_view name) {
  const std::string number = std::to_string(account), path = "maildrops/" + number + "/account";
  const auto directory = open_directory(maildrops_.get(), number);
  const std::string text = std::string(name) + '\n';
  if (!directory || name.empty())
    return;
  if (const auto known = read_name(directory->get(), number); known && *known != text)
    static_cast<void>(replace_file(directory->get(), path, text));
}

void StateDirectory::keep_ids(std::uint32_t up_to) {
  const std::lock_guard guard(mutex_);
  if (up_to <= accounts_.size() || up_to > options_.accounts)
    return;
  accounts_.keep_ids(up_to);
  say(StoreReport::Level::error, "accounts.unknown",
      "ids up to " + std::to_string(up_to) + " have been somebody's, and are given to nobody");
  // Without room for it they are found again at the next start.
  if (auto written = replace_file(root(), "accounts", accounts_.format()); !written)
    say(StoreReport::Level::warning, "accounts.not_kept", written.error().text);
  accounts_given_ = accounts_.size();
}

bool StateDirectory::has_account(AccountId account) const {
  const auto id = static_cast<std::uint32_t>(account);
  return id > 0 && id <= accounts_given_;
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
  if (auto written = replace_file(root(), "accounts", table.format()); !written)
    return std::unexpected(written.error());
  for (auto account = static_cast<std::uint32_t>(accounts_.size() + 1); account <= table.size();
       ++account) {
    if (auto made = ensure_maildrop(account); !made)
      return std::unexpected(made.error());
    name_maildrop(account, table.name_of(account));
  }
  accounts_ = std::move(table);
  accounts_given_ = accounts_.size();
  return ids;
}

} // namespace letterlock::queued
