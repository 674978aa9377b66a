// The files of `queue`.
#include "queued/store/queue_files.h"

#include "common/os/memory_file.h"
#include "queued/disk/directory.h"
#include "queued/journal/segment.h"
#include "queued/store/large_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace letterlock::queued {

namespace {

constexpr mode_t private_mode = 0600;
constexpr int read_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
constexpr std::size_t largest_queue_file = 64u << 20; // a record of ours with 10,000 recipients
constexpr std::string_view temporary = ".tmp", state_suffix = ".state", content_suffix = ".content";

UniqueFd open_regular(int directory, const std::string& name, struct stat& about) {
  UniqueFd file(::openat(directory, name.c_str(), read_flags));
  if (file && ::fstat(file.get(), &about) == 0 && !S_ISREG(about.st_mode)) {
    file.reset();
    errno = EINVAL;
  }
  return file;
}

Expected<journal::Record> read_one(int directory, const std::string& name, std::string& buffer) {
  struct stat about = {};
  const UniqueFd file = open_regular(directory, name, about);
  if (!file)
    return fail_errno("open");
  if (about.st_size < 0 || static_cast<std::uint64_t>(about.st_size) > largest_queue_file)
    return fail("it is too long");
  buffer.resize(static_cast<std::size_t>(about.st_size));
  for (std::size_t done = 0; done < buffer.size();) {
    const ssize_t got = ::read(file.get(), buffer.data() + done, buffer.size() - done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail_errno("read");
    if (got == 0)
      return fail("it became shorter");
    done += static_cast<std::size_t>(got);
  }
  const auto frame = journal::frame_at(as_bytes(buffer), 0, 0);
  if (!frame || frame->length != buffer.size())
    return fail("its length or its checksum is wrong");
  auto record = journal::decode_body(frame->type, frame->body);
  if (!record)
    return fail("it holds a record of a later version");
  return std::move(*record);
}

} // namespace

// ---- Writing

QueueFiles::Carried QueueFiles::carry_out(const std::vector<RelayQueue::Due>& all) {
  Carried result{std::vector<bool>(all.size(), true), std::vector<bool>(all.size(), false), {}};
  bool touched = false;
  const auto each = [&](auto&& applies,
                        const std::function<SystemResult<void>(const RelayQueue::Due&)>& step) {
    touched = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!result.done[i] || !applies(all[i]))
        continue;
      touched = true;
      if (const auto done = step(all[i]); !done) {
        result.done[i] = false;
        if (all[i].write_message && done.error().number == ENOENT)
          result.lost[i] = true;
        else
          result.why = Error::system("queue/" + all[i].message.hex(), done.error().number).text;
      }
    }
  };
  const auto sync = [&] {
    if (!touched)
      return true;
    const auto synced = files_.sync_directory(directories_.queue);
    if (synced)
      return true;
    result.done.assign(all.size(), false);
    result.why = Error::system("queue", synced.error().number).text;
    return false;
  };
  const auto to_remove = [](const RelayQueue::Due& due) {
    return !due.write_message && !due.write_state;
  };
  using Due = RelayQueue::Due;
  each([](const Due& due) { return due.write_message && due.large; },
       [this](const Due& due) { return link_content(due.message); });
  if (!sync())
    return result;
  each([](const Due& due) { return due.write_message; },
       [this](const Due& due) { return write_message(due); });
  if (!sync())
    return result;
  each([&](const Due& due) { return due.write_state || to_remove(due); },
       [&](const Due& due) -> SystemResult<void> {
         if (due.write_state)
           return write_state(due);
         auto removed = files_.unlink(directories_.queue, due.message.hex());
         if (!removed && removed.error().number == ENOENT)
           return {};
         return removed;
       });
  if (!sync())
    return result;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (result.done[i] && to_remove(all[i])) {
      remove(state_name(all[i].message));
      if (all[i].large)
        remove(content_name(all[i].message));
    }
  return result;
}

SystemResult<void> QueueFiles::link_content(const Id128& message) {
  auto linked = files_.link(directories_.large, LargeFiles::name_of(message, LargeFiles::of_queue),
                            directories_.queue, content_name(message));
  // From an attempt before this one: it is the same file.
  if (!linked && linked.error().number == EEXIST)
    return {};
  return linked;
}

SystemResult<journal::Accept> QueueFiles::accept_of(const Id128& message,
                                                    const journal::Place& place,
                                                    std::string& buffer) const {
  const auto record = journal::read_record(directories_.journal, place, buffer);
  if (!record)
    return std::unexpected(record.error());
  auto accept = journal::accept_in(*record);
  if (!accept || accept->message != message || !accept->relay)
    return std::unexpected(Errno{ENOENT});
  return std::move(*accept);
}

SystemResult<void> QueueFiles::write_message(const RelayQueue::Due& due) {
  std::string buffer;
  auto accept = accept_of(due.message, due.place, buffer);
  if (!accept)
    return std::unexpected(accept.error());
  accept->copies.clear(); // their maildrops have them
  return replace(due.message.hex(), *accept);
}

SystemResult<void> QueueFiles::write_state(const RelayQueue::Due& due) {
  return replace(state_name(due.message), to_record(due.message, due.recipients));
}

SystemResult<void> QueueFiles::replace(const std::string& name, const journal::Record& record) {
  std::string bytes;
  journal::encode_record(record, 0, 1, 1, bytes);
  const std::string next = name + std::string(temporary);
  if (const auto removed = files_.unlink(directories_.queue, next);
      !removed && removed.error().number != ENOENT)
    return removed;
  const auto file = files_.create_file(directories_.queue, next, private_mode);
  if (!file)
    return std::unexpected(file.error());
  auto done = files_.append(file->get(), as_bytes(bytes));
  // Before the rename: else a power cut may leave the new name with nothing behind it.
  if (done)
    done = files_.sync_file(file->get());
  if (done)
    done = files_.rename(directories_.queue, next, directories_.queue, name);
  if (!done)
    remove(next);
  return done;
}

void QueueFiles::remove(const std::string& name) {
  static_cast<void>(files_.unlink(directories_.queue, name));
}

// ---- Reading

SystemResult<QueueFiles::Found> QueueFiles::find(
    const std::function<void(const std::string& name, const std::string& why)>& set_aside) {
  Found found;
  std::vector<std::string> temporaries, strangers;
  const auto visited =
      visit_directory(directories_.queue, [&](const std::string& name, FileKind kind) {
        std::string_view rest = name;
        if (kind == FileKind::regular && rest.ends_with(temporary)) {
          temporaries.push_back(name);
          return true;
        }
        std::set<Id128>* of = &found.messages;
        if (rest.ends_with(state_suffix)) {
          rest.remove_suffix(state_suffix.size());
          of = &found.states;
        } else if (rest.ends_with(content_suffix)) {
          rest.remove_suffix(content_suffix.size());
          of = &found.contents;
        }
        const auto message = Id128::from_hex(rest);
        if (message && kind == FileKind::regular)
          of->insert(*message);
        else
          strangers.push_back(name);
        return true;
      });
  if (!visited)
    return std::unexpected(visited.error());
  for (const std::string& name : temporaries)
    remove(name);
  for (const std::string& name : strangers)
    set_aside(name, "it is no file of the queue");
  return found;
}

Expected<journal::Accept> QueueFiles::read_message(const Id128& message,
                                                   std::string& buffer) const {
  const auto record = read_one(directories_.queue, message.hex(), buffer);
  if (!record)
    return std::unexpected(record.error());
  const auto* accept = std::get_if<journal::Accept>(&*record);
  if (accept == nullptr || accept->message != message || !accept->relay)
    return fail("it holds another record");
  return *accept;
}

Expected<journal::Outcome> QueueFiles::read_state(const Id128& message, std::string& buffer) const {
  const auto record = read_one(directories_.queue, state_name(message), buffer);
  if (!record)
    return std::unexpected(record.error());
  const auto* outcome = std::get_if<journal::Outcome>(&*record);
  if (outcome == nullptr || outcome->message != message)
    return fail("it holds another record");
  return *outcome;
}

bool QueueFiles::has_content(const Id128& message, std::uint64_t size, bool kept) const {
  const auto is_there = [&](int directory, const std::string& name) {
    struct stat about = {};
    return ::fstatat(directory, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(about.st_mode) && static_cast<std::uint64_t>(about.st_size) == size;
  };
  return is_there(directories_.queue, content_name(message)) ||
         (!kept &&
          is_there(directories_.large, LargeFiles::name_of(message, LargeFiles::of_queue)));
}

ReadResult<OpenedMessage> QueueFiles::open_content(int directory, const std::string& name) const {
  struct stat about = {};
  UniqueFd file = open_regular(directory, name, about);
  if (!file)
    return std::unexpected(ReadError{errno == ENOENT ? ReadFault::gone : ReadFault::failed,
                                     Error::system(name, errno).text});
  return OpenedMessage{std::move(file), static_cast<std::uint64_t>(about.st_size)};
}

ReadResult<OpenedMessage> QueueFiles::open(const RelayQueue::Entry& entry) const {
  const Id128& message = entry.message.message;
  const bool kept = entry.kept == RelayQueue::Kept::yes;
  if (entry.large)
    return kept ? open_content(directories_.queue, content_name(message))
                : open_content(directories_.large,
                               LargeFiles::name_of(message, LargeFiles::of_queue));
  std::string buffer;
  std::string_view content;
  if (kept) {
    const auto accept = read_message(message, buffer);
    if (!accept) {
      struct stat about = {};
      const bool there =
          ::fstatat(directories_.queue, message.hex().c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0;
      return std::unexpected(ReadError{there ? ReadFault::failed : ReadFault::gone,
                                       "queue/" + message.hex() + ": " + accept.error().text});
    }
    content = accept->content;
  } else {
    const auto accept = accept_of(message, entry.place, buffer);
    if (!accept)
      return std::unexpected(
          ReadError{accept.error().number == ENOENT ? ReadFault::gone : ReadFault::failed,
                    Error::system("journal", accept.error().number).text});
    content = accept->content;
  }
  auto file = os::read_only_memory_file(as_bytes(content));
  if (!file)
    return std::unexpected(ReadError{ReadFault::failed, file.error().text});
  return OpenedMessage{std::move(*file), content.size()};
}

} // namespace letterlock::queued
