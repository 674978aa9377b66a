// Opening, reading and expunging a Maildir.
#include "queued/maildir/maildir_maildrop.h"

#include "common/mail/wire_size.h"
#include "queued/maildir/maildir_name.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

namespace letterlock::queued {

namespace {

constexpr std::size_t most_remembered = 65536;
constexpr std::size_t most_notes = 32; // of one opening
// O_NONBLOCK: a FIFO that somebody put there must not hold the thread.
constexpr int read_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

std::unexpected<ReadError> failed(std::string_view what, int number) {
  return std::unexpected(ReadError{number == ENOENT ? ReadFault::gone : ReadFault::failed,
                                   Error::system(what, number).text});
}

// 0 if FILE is a regular file on the file system of DIRECTORY.
int check_file(int file, int directory, std::uint64_t& size) {
  struct stat about = {}, parent = {};
  if (::fstat(file, &about) != 0 || ::fstat(directory, &parent) != 0)
    return errno;
  if (!S_ISREG(about.st_mode) || about.st_dev != parent.st_dev)
    return EINVAL;
  size = static_cast<std::uint64_t>(about.st_size);
  return 0;
}

} // namespace

std::optional<std::uint64_t>
MaildropKnowledge::wire_size(const std::string& account_and_name) const {
  const std::lock_guard guard(mutex_);
  const auto known = wire_sizes_.find(account_and_name);
  if (known == wire_sizes_.end())
    return std::nullopt;
  return known->second;
}

void MaildropKnowledge::learn_wire_size(const std::string& account_and_name, std::uint64_t size) {
  const std::lock_guard guard(mutex_);
  if (wire_sizes_.size() >= most_remembered)
    wire_sizes_.clear(); // it only costs reading them again
  wire_sizes_[account_and_name] = size;
}

bool MaildropKnowledge::first_mention(const std::string& account_and_name) {
  const std::lock_guard guard(mutex_);
  return mentioned_.size() < most_remembered && mentioned_.insert(account_and_name).second;
}

struct MaildirMaildrop::Found {
  MaildirName parsed;
  Place place;
  std::uint64_t wire_size = 0;
};

ReadResult<std::shared_ptr<MaildirMaildrop>>
MaildirMaildrop::list(const MaildropServices& services, AccountId account, MaildropLock lock) {
  auto directories = MaildirDirectories::open(services.root, static_cast<std::uint32_t>(account));
  if (!directories)
    return failed("maildrop", directories.error().number);
  std::shared_ptr<MaildirMaildrop> maildrop(
      new MaildirMaildrop(services, account, std::move(lock), std::move(*directories)));
  std::vector<Found> found;
  // new/ first: a message that is moved to cur/ meanwhile is seen at least once.
  for (const bool cur : {false, true})
    if (const auto scanned = maildrop->scan(cur, found); !scanned)
      return failed(cur ? "cur" : "new", scanned.error().number);
  maildrop->number(std::move(found));
  return maildrop;
}

SystemResult<void> MaildirMaildrop::scan(bool cur, std::vector<Found>& found) {
  return visit_directory(directory(cur), [&](const std::string& name, FileKind kind) {
    auto parsed = MaildirName::parse(name);
    if (!parsed)
      return true;
    if (kind != FileKind::regular) {
      note(name, "is no regular file");
      return true;
    }
    Found one{std::move(*parsed), {name, {}, cur}, 0};
    one.place.base = one.parsed.base;
    const auto size =
        one.parsed.wire_size ? one.parsed.wire_size : wire_size_of(directory(cur), one.place);
    if (!size)
      return true;
    if (found.size() >= services_.most_messages) {
      note("(the rest)", "is more than a maildrop may hold");
      return false;
    }
    one.wire_size = *size;
    found.push_back(std::move(one));
    return true;
  });
}

std::optional<std::uint64_t> MaildirMaildrop::wire_size_of(int directory, const Place& place) {
  const std::string key = std::to_string(static_cast<std::uint32_t>(account_)) + '/' + place.base;
  if (const auto known = services_.knowledge.wire_size(key))
    return known;
  const UniqueFd file(::openat(directory, place.name.c_str(), read_flags));
  if (!file && errno == ENOENT)
    return std::nullopt; // moved or removed meanwhile
  std::uint64_t size = 0;
  if (!file || check_file(file.get(), directory, size) != 0) {
    note(place.name, "cannot be read");
    return std::nullopt;
  }
  mail::WireSize wire_size;
  std::vector<std::byte> buffer(64 * 1024);
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      note(place.name, "cannot be read");
      return std::nullopt;
    }
    if (got == 0)
      break;
    wire_size.add(as_text(Bytes(buffer).first(static_cast<std::size_t>(got))));
  }
  services_.knowledge.learn_wire_size(key, wire_size.octets());
  return wire_size.octets();
}

void MaildirMaildrop::note(const std::string& name, std::string_view what) {
  const std::string account = std::to_string(static_cast<std::uint32_t>(account_));
  if (notes_.size() < most_notes && services_.knowledge.first_mention(account + '/' + name))
    notes_.push_back("maildrop " + account + ": " + name + " " + std::string(what));
}

void MaildirMaildrop::number(std::vector<Found> found) {
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    // Of one message that is in both directories, that in cur/ comes first and stays.
    return std::tie(a.parsed.time, a.parsed.uidl, a.parsed.base, b.place.in_cur) <
           std::tie(b.parsed.time, b.parsed.uidl, b.parsed.base, a.place.in_cur);
  });
  found.erase(
      std::unique(found.begin(), found.end(),
                  [](const Found& a, const Found& b) { return a.parsed.base == b.parsed.base; }),
      found.end());
  std::unordered_set<std::string> uidls;
  for (Found& one : found) {
    // RFC 1939 §7: no two alike. Somebody copied a file under another name.
    for (std::string from = one.parsed.base; !uidls.insert(one.parsed.uidl).second; from += '+')
      one.parsed.uidl = hashed_uidl(from);
    messages_.push_back({std::move(one.parsed.uidl), one.wire_size, one.parsed.time});
    places_.push_back(std::move(one.place));
  }
}

void MaildirMaildrop::open_message(std::size_t index,
                                   std::function<void(ReadResult<OpenedMessage>)> done) {
  auto job = [self = shared_from_this(), index, done]() mutable {
    // Shared, because std::function wants its content copyable and a descriptor is not.
    const auto result = std::make_shared<ReadResult<OpenedMessage>>(self->open_now(index));
    CompletionQueue& completions = self->services_.completions;
    self.reset();
    completions.post([done = std::move(done), result] { done(std::move(*result)); });
  };
  if (!services_.workers.post(std::move(job)))
    services_.completions.post([done = std::move(done)] {
      done(std::unexpected(ReadError{ReadFault::busy, "too many reads wait"}));
    });
}

void MaildirMaildrop::expunge(std::vector<std::size_t> indices,
                              std::function<void(ReadResult<Expunged>)> done) {
  auto job = [self = shared_from_this(), indices = std::move(indices), done]() mutable {
    const auto result = self->expunge_now(indices);
    CompletionQueue& completions = self->services_.completions;
    self.reset(); // the lock goes before the answer, so that a new login never meets it
    completions.post([done = std::move(done), result] { done(result); });
  };
  if (!services_.workers.post(std::move(job)))
    services_.completions.post([done = std::move(done)] {
      done(std::unexpected(ReadError{ReadFault::busy, "too many reads wait"}));
    });
}

ReadResult<OpenedMessage> MaildirMaildrop::open_now(std::size_t index) {
  if (index >= places_.size())
    return std::unexpected(ReadError{ReadFault::gone, "no such message"});
  OpenedMessage opened;
  const auto open = [&](bool cur, const std::string& name) {
    opened.file = UniqueFd(::openat(directory(cur), name.c_str(), read_flags));
    return opened.file ? check_file(opened.file.get(), directory(cur), opened.stored_size) : errno;
  };
  int error = at_known_place(index, open);
  if (error == ENOENT) {
    look_into_cur();
    error = at_known_place(index, open);
  }
  if (error != 0)
    return failed(places_[index].name, error);
  return opened;
}

ReadResult<Expunged> MaildirMaildrop::expunge_now(const std::vector<std::size_t>& indices) {
  Expunged result;
  bool touched[2] = {false, false};
  const auto unlink = [&](bool cur, const std::string& name) {
    const auto removed = services_.files.unlink(directory(cur), name);
    // Also where it was missing: whoever removed it there may not have synced that.
    touched[cur] = true;
    return removed ? 0 : removed.error().number;
  };
  std::vector<std::size_t> missing;
  const auto remove = [&](std::size_t index) {
    const int error = at_known_place(index, unlink);
    if (error == ENOENT)
      missing.push_back(index);
    else if (error == 0)
      ++result.removed;
    else if (++result.kept == 1)
      result.text = Error::system(places_[index].name, error).text;
  };
  for (const std::size_t index : indices)
    if (index < places_.size())
      remove(index);
  if (!missing.empty()) {
    // One look for all of them: a directory may be large.
    look_into_cur();
    for (const std::size_t index : std::exchange(missing, {}))
      remove(index);
    result.removed += missing.size();
  }
  for (const bool cur : {false, true})
    if (touched[cur])
      if (const auto synced = services_.files.sync_directory(directory(cur)); !synced)
        return std::unexpected(ReadError{
            ReadFault::failed, Error::system("syncing a maildrop", synced.error().number).text});
  return result;
}

int MaildirMaildrop::at_known_place(std::size_t index,
                                    const std::function<int(bool, const std::string&)>& action) {
  const Place& place = places_[index];
  const int error = action(place.in_cur, place.name);
  if (error != ENOENT)
    return error;
  std::string name;
  {
    const std::lock_guard guard(mutex_);
    const auto moved = moved_.find(place.base);
    if (moved == moved_.end())
      return error;
    name = moved->second;
  }
  return action(true, name);
}

void MaildirMaildrop::look_into_cur() {
  std::unordered_map<std::string, std::string> seen;
  const auto visited =
      visit_directory(directories_.cur.get(), [&](const std::string& name, FileKind) {
        if (auto parsed = MaildirName::parse(name))
          seen.insert_or_assign(std::move(parsed->base), name);
        return seen.size() < services_.most_messages;
      });
  // What could not be read is found missing, and said to be.
  static_cast<void>(visited);
  const std::lock_guard guard(mutex_);
  moved_ = std::move(seen);
}

} // namespace letterlock::queued
