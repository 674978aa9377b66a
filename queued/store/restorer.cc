// Writing and replacing message files.
#include "queued/store/restorer.h"

#include "queued/disk/directory.h"
#include "queued/maildir/own_name.h"
#include "queued/maildir/visit_messages.h"
#include "queued/store/large_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace letterlock::queued {

namespace {

constexpr int most_attempts = 3; // while others move what is to be written again

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

SystemResult<FoundCopies> Restorer::find(std::uint32_t mailbox,
                                         std::span<const CopyJob> copies) const {
  const auto maildir = open_maildir(root_, mailbox);
  if (!maildir)
    return std::unexpected(maildir.error());
  FoundCopies found;
  for (const CopyJob& copy : copies)
    found.try_emplace(copy.message);
  const auto visited = visit_messages(maildir->get(), [&](const MaildirPlace& place) {
    if (const auto wanted = found.find(place.message); wanted != found.end())
      wanted->second.push_back({std::string(place.folder), place.name});
  });
  if (!visited)
    return std::unexpected(visited.error());
  return found;
}

SystemResult<Restored> Restorer::restore(const CopyJob& copy, const FoundCopies& found, Sync sync) {
  const auto listed = found.find(copy.message);
  std::vector<CopyFile> files = listed == found.end() ? std::vector<CopyFile>() : listed->second;
  if (files.empty() && copy.was_there)
    return Restored::removed;
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
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    const auto replaced = replace(copy.mailbox, files, *bytes, sync);
    if (!replaced)
      return std::unexpected(replaced.error());
    if (*replaced)
      return Restored::rewritten;
    auto now = find(copy.mailbox, std::span(&copy, 1));
    if (!now)
      return std::unexpected(now.error());
    files = std::move(now->at(copy.message));
    if (files.empty())
      return Restored::removed;
  }
  return std::unexpected(Errno{EBUSY});
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
  const auto found = find(mailbox, copies);
  if (!found)
    return std::unexpected(found.error());
  RestoreSum sum;
  folders_ = {"new", "cur"};
  for (const CopyJob& copy : copies) {
    for (const CopyFile& file : found->at(copy.message))
      folders_.insert(file.folder); // also of what is left as it is
    if (const auto done = restore(copy, *found, Sync::yes); !done) {
      sum.failed.push_back(copy);
      sum.why = Error::system(copy.name(host_), done.error().number).text;
    }
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

SystemResult<void> Restorer::remove(std::uint32_t mailbox, const std::vector<Id128>& messages,
                                    const std::vector<std::string>& bases) {
  const auto directories = MaildirDirectories::open(root_, mailbox);
  if (!directories)
    return std::unexpected(directories.error());
  std::unordered_set<std::string> wanted(bases.begin(), bases.end());
  for (const Id128& message : messages)
    wanted.insert(message.hex());
  for (const UniqueFd* directory : {&directories->fresh, &directories->cur}) {
    std::vector<std::string> names;
    const auto visited = visit_directory(directory->get(), [&](const std::string& name, FileKind) {
      const auto id = own_message_id(name);
      if (wanted.contains(name.substr(0, name.find(':', 1))) || (id && wanted.contains(id->hex())))
        names.push_back(name);
      return true;
    });
    if (!visited)
      return visited;
    for (const std::string& name : names)
      if (const auto removed = files_.unlink(directory->get(), name);
          !removed && removed.error().number != ENOENT)
        return removed;
  }
  return {};
}

} // namespace letterlock::queued
