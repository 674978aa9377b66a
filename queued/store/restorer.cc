// Writing and replacing message files.
#include "queued/store/restorer.h"

#include "queued/disk/directory.h"
#include "queued/maildir/visit_messages.h"
#include "queued/store/large_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace letterlock::queued {

namespace {

constexpr int most_rounds = 10; // while others move what is to be written again

// A file in `large` that was made of a record: not longer than what a record can hold.
SystemResult<CopyBytes> read_set_down(int large, const CopyJob& copy, std::string& buffer) {
  const auto file = open_to_read(large, LargeFiles::name_of(copy.message, copy.mailbox));
  if (!file)
    return std::unexpected(file.error());
  struct stat about = {};
  if (::fstat(file->get(), &about) != 0 || !S_ISREG(about.st_mode) ||
      static_cast<std::uint64_t>(about.st_size) > largest_set_down)
    return std::unexpected(Errno{ENOENT});
  buffer.resize(static_cast<std::size_t>(about.st_size));
  if (!journal::read_slot(file->get(), 0,
                          std::as_writable_bytes(std::span(buffer.data(), buffer.size()))))
    return std::unexpected(Errno{EIO});
  return CopyBytes{{}, as_bytes(buffer)};
}

SystemResult<UniqueFd> open_folder(int maildir, const std::string& folder) {
  const std::size_t slash = folder.find('/');
  auto directory = open_directory(maildir, folder.substr(0, slash));
  if (directory && slash != std::string::npos)
    directory = open_directory(directory->get(), folder.substr(slash + 1));
  return directory;
}

SystemResult<CopyBytes> read_recorded(journal::RecordReader& records, const CopyJob& copy,
                                      std::string& buffer) {
  const auto record = records.read(copy.place, buffer);
  if (!record)
    return std::unexpected(record.error());
  const auto accept = journal::accept_in(*record);
  if (!accept || accept->message != copy.message)
    return std::unexpected(Errno{ENOENT});
  for (const journal::Copy& one : accept->copies)
    if (one.mailbox == copy.mailbox)
      return CopyBytes{as_bytes(one.head), as_bytes(accept->content)};
  return std::unexpected(Errno{ENOENT});
}

} // namespace

SystemResult<CopyBytes> read_copy(int journal, const CopyJob& copy, std::string& buffer) {
  journal::RecordReader records(journal);
  return read_recorded(records, copy, buffer);
}

bool is_in_inbox(const CopyFile& file) {
  return file.folder == "new" || file.folder == "cur";
}

const std::vector<CopyFile>& FoundCopies::of(const Id128& message) const {
  static const std::vector<CopyFile> nowhere;
  const auto found = files.find(message);
  return found == files.end() ? nowhere : found->second;
}

void note_found(CopyJob& copy, const FoundCopies& found) {
  copy.was_there = copy.was_there || !found.of(copy.message).empty();
}

SystemResult<void> Restorer::list(int maildir, FoundCopies& found) const {
  const auto visited = visit_messages(maildir, [&](const MaildirPlace& place) {
    if (const auto wanted = found.files.find(place.message); wanted != found.files.end())
      wanted->second.push_back({std::string(place.folder), place.name});
  });
  if (!visited)
    return std::unexpected(visited.error());
  found.is_whole = found.is_whole && visited->left_out == 0;
  return {};
}

SystemResult<FoundCopies> Restorer::find(std::uint32_t mailbox,
                                         std::span<const Id128> messages) const {
  const auto maildir = open_maildir(root_, mailbox);
  if (!maildir)
    return std::unexpected(maildir.error());
  FoundCopies found, missed;
  for (const Id128& message : messages)
    found.files.try_emplace(message);
  if (const auto listed = list(maildir->get(), found); !listed)
    return std::unexpected(listed.error());
  for (const auto& [message, files] : found.files)
    if (files.empty())
      missed.files.try_emplace(message);
  if (missed.files.empty())
    return found;
  if (const auto listed = list(maildir->get(), missed); !listed)
    return std::unexpected(listed.error());
  for (auto& [message, files] : missed.files)
    found.files[message] = std::move(files);
  found.is_whole = found.is_whole && missed.is_whole;
  return found;
}

bool Restorer::is_lost(const CopyJob& copy, const FoundCopies& found) const {
  struct stat about = {};
  return copy.large && found.of(copy.message).empty() &&
         ::fstatat(large_, LargeFiles::name_of(copy.message, copy.mailbox).c_str(), &about,
                   AT_SYMLINK_NOFOLLOW) != 0 &&
         errno == ENOENT;
}

SystemResult<Restored> Restorer::restore(const CopyJob& copy, const FoundCopies& found, Sync sync) {
  std::vector<CopyFile> files = found.of(copy.message);
  if (copy.is_expunged)
    std::erase_if(files, is_in_inbox);
  if (found.is_removed(copy) || (copy.is_expunged && files.empty()))
    return Restored::removed;
  if (files.empty() && copy.was_there)
    return Restored::moved; // perhaps to where nobody could look
  // Its content was synced before its record, and under any name it is the same file.
  if (!files.empty() && copy.large && !copy.set_down)
    return Restored::left;
  if (files.empty() && copy.large)
    return link(copy);
  const auto bytes =
      copy.set_down ? read_set_down(large_, copy, record_) : read_recorded(records_, copy, record_);
  // A checkpoint has removed the name in `large`: what is there was synced.
  if (!bytes && copy.set_down && bytes.error().number == ENOENT)
    return Restored::left;
  if (!bytes)
    return std::unexpected(bytes.error());
  if (files.empty()) {
    const auto directories = writer_.directories(copy.mailbox);
    if (!directories)
      return std::unexpected(directories.error());
    if (const auto put = writer_.put(copy.mailbox, (*directories)->fresh.get(), copy.name(host_),
                                     bytes->head, bytes->content, {.sync = sync == Sync::yes});
        !put)
      return std::unexpected(put.error());
    return Restored::written;
  }
  const auto replaced = replace(copy.mailbox, files, *bytes, sync);
  if (!replaced)
    return std::unexpected(replaced.error());
  return *replaced ? Restored::rewritten : Restored::moved;
}

// The same octets in the same place, so that the system counts them as not written yet. It must be
// a file of just that length, and nobody else's. What does not work so may work with another file.
SystemResult<Restorer::Over> Restorer::write_over(int directory, const std::string& name,
                                                  const CopyBytes& bytes) {
  const auto file = files_.open_file(directory, name);
  if (!file)
    return file.error().number == ENOENT ? Over::nothing : Over::another_file;
  struct stat about = {};
  if (::fstat(file->get(), &about) != 0 || !S_ISREG(about.st_mode) || about.st_nlink != 1 ||
      static_cast<std::uint64_t>(about.st_size) != bytes.head.size() + bytes.content.size())
    return Over::another_file;
  auto written = files_.write_at(file->get(), 0, bytes.head);
  if (written)
    written = files_.write_at(file->get(), bytes.head.size(), bytes.content);
  if (!written)
    return Over::another_file;
  // Other programs show it as the time of arrival.
  const struct timespec times[2] = {{0, UTIME_OMIT}, about.st_mtim};
  static_cast<void>(::futimens(file->get(), times));
  return Over::done;
}

// Each of FILES. False: one is not there any more.
SystemResult<bool> Restorer::replace(std::uint32_t mailbox, std::span<const CopyFile> files,
                                     const CopyBytes& bytes, Sync sync) {
  const auto maildir = open_maildir(root_, mailbox);
  if (!maildir)
    return std::unexpected(maildir.error());
  for (const CopyFile& file : files) {
    const auto directory = open_folder(maildir->get(), file.folder);
    if (!directory && directory.error().number == ENOENT)
      return false;
    if (!directory)
      return std::unexpected(directory.error());
    // Where the disk has failed another place on it is the better one; else nothing is to move.
    auto written = sync == Sync::no ? write_over(directory->get(), file.name, bytes)
                                    : SystemResult<Over>(Over::another_file);
    if (*written == Over::another_file) {
      const auto put = writer_.put(mailbox, directory->get(), file.name, bytes.head, bytes.content,
                                   {.sync = sync == Sync::yes, .only_what_exists = true});
      if (!put)
        return std::unexpected(put.error());
      written = *put ? Over::done : Over::nothing;
    }
    if (*written == Over::nothing)
      return false;
    folders_.insert(file.folder);
  }
  return true;
}

SystemResult<Restored> Restorer::link(const CopyJob& copy) {
  const auto linked = writer_.link(copy.mailbox, copy.name(host_), large_,
                                   LargeFiles::name_of(copy.message, copy.mailbox));
  if (!linked)
    return std::unexpected(linked.error());
  // Absent: a checkpoint had removed its name in `large`: then it was durable, and somebody has
  // removed it. Or that name was lost, which looks the same.
  return *linked == LinkResult::linked   ? Restored::written
         : *linked == LinkResult::absent ? Restored::missing
                                         : Restored::lost;
}

SystemResult<RestoreSum> Restorer::restore_durably(std::uint32_t mailbox,
                                                   std::span<const CopyJob> copies) {
  RestoreSum sum;
  const auto failed = [&](const CopyJob& copy, int number) {
    sum.failed.push_back(copy);
    sum.why = Error::system(copy.name(host_), number).text;
  };
  folders_ = {"new", "cur"};
  std::vector<CopyJob> left(copies.begin(), copies.end()), moved;
  for (int round = 0; round == 0 || !left.empty(); ++round) {
    std::vector<Id128> messages;
    for (const CopyJob& copy : left)
      messages.push_back(copy.message);
    const auto found = find(mailbox, messages);
    if (!found)
      return std::unexpected(found.error());
    for (CopyJob& copy : left) {
      note_found(copy, *found);
      for (const CopyFile& file : found->of(copy.message))
        folders_.insert(file.folder); // also of what is left as it is
      const auto done = restore(copy, *found, Sync::yes);
      if (done && *done == Restored::moved && round + 1 < most_rounds)
        moved.push_back(std::move(copy));
      else if (!done || *done == Restored::moved)
        failed(copy, done ? EBUSY : done.error().number);
    }
    left = std::exchange(moved, {});
  }
  const auto maildir = open_maildir(root_, mailbox);
  if (!maildir)
    return std::unexpected(maildir.error());
  for (const std::string& folder : folders_) {
    const auto directory = open_folder(maildir->get(), folder);
    if (!directory && directory.error().number == ENOENT && folder != "new" && folder != "cur")
      continue; // removed meanwhile
    if (!directory)
      return std::unexpected(directory.error());
    if (const auto synced = files_.sync_directory(directory->get()); !synced)
      return std::unexpected(synced.error());
  }
  return sum;
}

} // namespace letterlock::queued
