// Files of large messages.
#include "queued/store/large_files.h"

#include "queued/disk/directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace letterlock::queued {

namespace {

constexpr mode_t message_mode = 0640; // it becomes a file of the maildrop
constexpr std::size_t most_open_copies = 32;

} // namespace

std::string LargeFiles::name_of(const Id128& message, std::uint32_t mailbox) {
  return message.hex() + '.' + std::to_string(mailbox);
}

std::vector<std::uint32_t> LargeFiles::mailboxes_of(const Delivery& delivery) {
  std::vector<std::uint32_t> mailboxes;
  for (const Copy& copy : delivery.copies)
    mailboxes.push_back(static_cast<std::uint32_t>(copy.account));
  if (delivery.relay)
    mailboxes.push_back(of_queue);
  return mailboxes;
}

std::expected<void, Refusal> LargeFiles::write(const Delivery& delivery, const Id128& message,
                                               const ScratchFile& scratch) {
  const std::vector<std::uint32_t> mailboxes = mailboxes_of(delivery);
  std::size_t next = 0;
  const auto refuse = [&](Refusal refusal) {
    remove(message, {mailboxes.begin(), mailboxes.begin() + static_cast<std::ptrdiff_t>(next)});
    return std::unexpected(std::move(refusal));
  };
  const auto head_of = [&](std::size_t copy) -> Bytes {
    return copy < delivery.copies.size() ? as_bytes(delivery.copies[copy].head)
                                         : Bytes(); // the queue's has none
  };
  // One alone leaves in whole blocks. Others' heads would put them out of step.
  const bool alone = mailboxes.size() == 1;
  while (next < mailboxes.size()) {
    // As many copies as may be open, in one reading.
    std::vector<UniqueFd> open;
    while (next < mailboxes.size() && open.size() < most_open_copies) {
      auto file = files_.create_file(directory_, name_of(message, mailboxes[next]), message_mode);
      if (!file)
        return refuse(Refusal::system("large", file.error()));
      const Bytes head = head_of(next++);
      if (!alone && !head.empty())
        if (const auto written = files_.append(file->get(), head); !written)
          return refuse(Refusal::system("large", written.error()));
      open.push_back(std::move(*file));
    }
    const auto append = [&](Bytes piece) -> SystemResult<void> {
      if (alone)
        return files_.append_uncached(open.front().get(), piece);
      for (const UniqueFd& file : open)
        if (const auto written = files_.append(file.get(), piece); !written)
          return written;
      return {};
    };
    auto copied = copy_content(delivery, scratch, alone ? head_of(0) : Bytes(), append);
    if (!copied)
      return refuse(std::move(copied.error()));
    for (const UniqueFd& file : open)
      if (const auto synced = files_.sync_file(file.get()); !synced)
        return refuse(Refusal::system("large", synced.error()));
  }
  return {};
}

void LargeFiles::remove(const Id128& message, const std::vector<std::uint32_t>& mailboxes) {
  // What is left behind is swept at the next start.
  for (const std::uint32_t mailbox : mailboxes)
    static_cast<void>(files_.unlink(directory_, name_of(message, mailbox)));
}

SystemResult<UniqueFd> LargeFiles::write_one(journal::Sequence sequence, const Id128& message,
                                             std::uint32_t mailbox, Bytes head, Bytes content) {
  const std::string name = name_of(message, mailbox);
  belongs_to(sequence, name);
  // One that an attempt before this one has left: a record that is in doubt may name it, so it
  // stays until another is durable. It cannot be believed itself, whose sync may be what has
  // failed.
  struct stat about = {};
  const bool again = ::fstatat(directory_, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0;
  const std::string first = again ? name + ".tmp" : name;
  if (const auto removed = files_.unlink(directory_, first);
      !removed && removed.error().number != ENOENT)
    return std::unexpected(removed.error());
  auto file = files_.create_file(directory_, first, message_mode);
  if (!file)
    return file;
  auto written = files_.append(file->get(), head);
  if (written)
    written = files_.append(file->get(), content);
  if (written && again)
    written = files_.sync_file(file->get());
  if (written && again)
    written = files_.rename(directory_, first, directory_, name);
  if (!written) {
    static_cast<void>(files_.unlink(directory_, first));
    return std::unexpected(written.error());
  }
  return file;
}

void LargeFiles::recorded(journal::Sequence sequence, const Id128& message, std::uint32_t mailbox) {
  belongs_to(sequence, name_of(message, mailbox));
}

void LargeFiles::belongs_to(journal::Sequence sequence, std::string name) {
  const std::lock_guard guard(mutex_);
  // Another attempt for the same record adds nothing.
  if (journal::Sequence& newest = newest_[name]; newest < sequence) {
    newest = sequence;
    recorded_.emplace_back(sequence, std::move(name));
  }
}

void LargeFiles::retire(journal::Sequence sequence) {
  std::deque<std::pair<journal::Sequence, std::string>> old;
  {
    const std::lock_guard guard(mutex_);
    for (; !recorded_.empty() && recorded_.front().first <= sequence; recorded_.pop_front()) {
      const auto newest = newest_.find(recorded_.front().second);
      if (newest == newest_.end() || newest->second != recorded_.front().first)
        continue;
      newest_.erase(newest);
      old.push_back(std::move(recorded_.front()));
    }
  }
  for (const auto& [of, name] : old)
    static_cast<void>(files_.unlink(directory_, name));
}

SystemResult<void> LargeFiles::sweep(const std::unordered_set<std::string>& kept) {
  std::vector<std::string> names;
  const auto visited = visit_directory(directory_, [&](const std::string& name, FileKind kind) {
    if (kind != FileKind::directory && !kept.contains(name))
      names.push_back(name);
    return true;
  });
  if (!visited)
    return visited;
  for (const std::string& name : names)
    static_cast<void>(files_.unlink(directory_, name));
  return {};
}

} // namespace letterlock::queued
