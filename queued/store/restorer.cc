// Comparing, writing and replacing message files.
#include "queued/store/restorer.h"

#include "queued/maildir/own_name.h"
#include "queued/maildir/visit_messages.h"
#include "queued/store/large_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace letterlock::queued {

namespace {

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

} // namespace

SystemResult<CopyBytes> read_copy(int journal, const CopyJob& copy, std::string& buffer) {
  journal::RecordReader records(journal);
  return read_copy(records, -1, copy, buffer);
}

SystemResult<CopyBytes> read_copy(journal::RecordReader& records, int large, const CopyJob& copy,
                                  std::string& buffer) {
  if (copy.set_down)
    return read_set_down(large, copy, buffer);
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

SystemResult<Restored> Restorer::restore(std::uint32_t mailbox, std::span<const CopyJob> copies,
                                         const RestoreOptions& options) {
  const auto maildir = open_maildir(root_, mailbox);
  if (!maildir)
    return std::unexpected(maildir.error());
  std::unordered_map<Id128, std::vector<CopyFile>, Id128Hash> there;
  for (const CopyJob& copy : copies)
    there.try_emplace(copy.message);
  std::set<std::string> folders{"new", "cur"};
  const auto visited = visit_messages(maildir->get(), [&](const MaildirPlace& place) {
    if (const auto wanted = there.find(place.message); wanted != there.end()) {
      wanted->second.push_back({std::string(place.folder), place.name, false});
      folders.emplace(place.folder);
    }
  });
  if (!visited)
    return std::unexpected(visited.error());
  if (options.trust == Trust::content)
    compare(maildir->get(), copies, there);
  Restored result;
  for (const CopyJob& copy : copies)
    if (const auto done = restore_one(maildir->get(), copy, there[copy.message], options, result);
        !done) {
      result.failed.push_back(copy);
      result.why = Error::system(copy.name, done.error().number).text;
    }
  if (options.sync_each || options.trust == Trust::nothing)
    for (const std::string& folder : folders)
      if (const auto directory = open_folder(maildir->get(), folder);
          !directory || !files_.sync_directory(directory->get()))
        return std::unexpected(Errno{EIO});
  return result;
}

// Finds out which files hold what their records say.
void Restorer::compare(int maildir, std::span<const CopyJob> copies,
                       std::unordered_map<Id128, std::vector<CopyFile>, Id128Hash>& there) const {
  std::vector<Comparison> all;
  for (const CopyJob& copy : copies)
    if (!copy.large || copy.set_down) // else it is not looked at
      for (CopyFile& file : there[copy.message])
        all.push_back({&copy, &file});
  compare_copies({journal_, large_, maildir}, all);
}

// Where nothing syncs everything: what is whole may still be in the page cache alone.
SystemResult<void> Restorer::sync_if_asked(int maildir, const CopyFile& file,
                                           const RestoreOptions& options) {
  if (!options.sync_each)
    return {};
  const auto directory = open_folder(maildir, file.folder);
  if (!directory)
    return std::unexpected(directory.error());
  const auto opened = open_to_read(directory->get(), file.name);
  if (!opened)
    return std::unexpected(opened.error());
  auto synced = files_.sync_file(opened->get());
  return synced ? files_.sync_directory(directory->get()) : synced;
}

SystemResult<void> Restorer::restore_one(int maildir, const CopyJob& copy,
                                         std::span<const CopyFile> there,
                                         const RestoreOptions& options, Restored& result) {
  if (there.empty() && !options.write_absent)
    return {};
  if (!there.empty() && (options.trust == Trust::names || (copy.large && !copy.set_down))) {
    // A large one's content was synced before its record, and under any name it is the same file.
    for (const CopyFile& file : there)
      if (const auto synced = sync_if_asked(maildir, file, options); !synced)
        return synced;
    return {};
  }
  if (copy.large && there.empty()) {
    const auto linked = writer_.link(copy.mailbox, copy.name, large_,
                                     LargeFiles::name_of(copy.message, copy.mailbox));
    if (!linked)
      return std::unexpected(linked.error());
    // Absent: a checkpoint had removed its name in `large`: then it was durable, and somebody has
    // removed it. Or that name was lost, which looks the same.
    if (*linked == LinkResult::linked)
      ++result.written;
    else if (*linked == LinkResult::absent)
      ++result.missing;
    else
      result.lost.push_back(copy.message);
    return {};
  }
  std::vector<const CopyFile*> not_whole;
  for (const CopyFile& file : there) {
    if (!file.whole)
      not_whole.push_back(&file);
    else if (const auto synced = sync_if_asked(maildir, file, options); !synced)
      return synced;
  }
  if (!there.empty() && not_whole.empty())
    return {};
  const auto bytes = read_copy(records_, large_, copy, record_);
  // A checkpoint has removed the name in `large`: what is there was synced.
  if (!bytes && copy.set_down && bytes.error().number == ENOENT)
    return {};
  if (!bytes)
    return std::unexpected(bytes.error());
  if (there.empty()) {
    ++result.written;
    if (!options.sync_each)
      return writer_.write(copy.mailbox, copy.name, bytes->head, bytes->content);
    const auto directories = writer_.directories(copy.mailbox);
    if (!directories)
      return std::unexpected(directories.error());
    return writer_.replace(copy.mailbox, (*directories)->fresh.get(), copy.name, bytes->head,
                           bytes->content);
  }
  for (const CopyFile* file : not_whole) {
    const auto directory = open_folder(maildir, file->folder);
    if (!directory)
      return std::unexpected(directory.error());
    ++result.replaced;
    if (const auto done = writer_.replace(copy.mailbox, directory->get(), file->name, bytes->head,
                                          bytes->content);
        !done)
      return done;
  }
  return {};
}

SystemResult<void> Restorer::remove(std::uint32_t mailbox, const std::vector<Id128>& messages,
                                    const std::vector<std::string>& bases) {
  const auto directories = MaildirDirectories::open(root_, mailbox);
  if (!directories)
    return std::unexpected(directories.error());
  std::unordered_map<std::string, bool> wanted;
  for (const Id128& message : messages)
    wanted.emplace(message.hex(), true);
  for (const std::string& base : bases)
    wanted.emplace(base, false);
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
