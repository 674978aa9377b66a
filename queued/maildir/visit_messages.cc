// Listing a Maildir with its sub-folders.
#include "queued/maildir/visit_messages.h"

#include "queued/disk/directory.h"
#include "queued/maildir/maildir_name.h"

#include <cerrno>
#include <vector>

namespace letterlock::queued {

namespace {

using Visit = std::function<void(const MaildirPlace&)>;

SystemResult<void> visit_one(int parent, const std::string& name, std::string_view folder,
                             MaildirVisit& result, const Visit& visit) {
  const auto directory = open_directory(parent, name);
  if (!directory)
    return std::unexpected(directory.error());
  return visit_directory(directory->get(), [&](const std::string& file, FileKind kind) {
    const auto id = kind == FileKind::regular ? message_id_in(file) : std::nullopt;
    if (id) {
      ++result.messages;
      visit({*id, directory->get(), folder, file});
    }
    return true;
  });
}

// Of a folder that cannot be read: false, or what is wrong with us, and passes.
SystemResult<bool> unread(Errno error) {
  if (error.number == EMFILE || error.number == ENFILE || error.number == ENOMEM)
    return std::unexpected(error);
  return false;
}

// False: not all of it was read. A sub-folder without new/ or cur/ has no messages there; other
// programs make them when needed.
SystemResult<bool> visit_folder(int maildir, const std::string& folder, MaildirVisit& result,
                                const Visit& visit) {
  const auto directory = open_directory(maildir, folder);
  if (!directory)
    return unread(directory.error());
  bool whole = true;
  for (const std::string name : {"new", "cur"}) {
    const auto visited = visit_one(directory->get(), name,
                                   std::string(folder).append("/").append(name), result, visit);
    if (visited || visited.error().number == ENOENT)
      continue;
    if (const auto left = unread(visited.error()); !left)
      return left;
    whole = false;
  }
  return whole;
}

} // namespace

SystemResult<MaildirVisit> visit_messages(int maildir, const Visit& visit) {
  MaildirVisit result;
  // In the direction in which messages wander: new/, cur/, sub-folders.
  for (const std::string name : {"new", "cur"})
    if (const auto visited = visit_one(maildir, name, name, result, visit); !visited)
      return std::unexpected(visited.error());
  std::vector<std::string> folders;
  const auto listed = visit_directory(maildir, [&](const std::string& name, FileKind kind) {
    if (kind != FileKind::directory || !name.starts_with('.'))
      return true;
    if (folders.size() < most_folders)
      folders.push_back(name);
    else
      ++result.left_out;
    return true;
  });
  if (!listed)
    return std::unexpected(listed.error());
  for (const std::string& folder : folders) {
    const auto whole = visit_folder(maildir, folder, result, visit);
    if (!whole)
      return std::unexpected(whole.error());
    ++(*whole ? result.folders : result.left_out);
  }
  return result;
}

} // namespace letterlock::queued
