// Reading directories, and opening the ones that the store is made of.
#pragma once

#include "queued/disk/file_system.h"

#include <functional>
#include <string_view>

namespace letterlock::queued {

enum class FileKind : std::uint8_t { regular, directory, other };

// Calls VISIT with each name but "." and ".." until it answers false. Names that vanish meanwhile
// are left out or not.
SystemResult<void>
visit_directory(int directory, const std::function<bool(const std::string& name, FileKind)>& visit);

// Never through a symbolic link. These two leave the time of access as it is where they can:
// changing it would wait for a disk that is busy.
SystemResult<UniqueFd> open_directory(int parent, const std::string& name);

// For reading; never through a symbolic link, and without waiting for what is no regular file.
SystemResult<UniqueFd> open_to_read(int directory, const std::string& name);

// Below the state directory: maildrops/ID/Maildir.
SystemResult<UniqueFd> open_maildir(int root, std::uint32_t account);

// The three directories of one Maildir.
struct MaildirDirectories {
  UniqueFd tmp, fresh, cur; // fresh is "new"

  // For writing. EXDEV if one is on another file system than ROOT: a checkpoint would not sync it.
  static SystemResult<MaildirDirectories> open(int root, std::uint32_t account);
  // Without tmp: one that is damaged hinders no reading.
  static SystemResult<MaildirDirectories> open_to_read(int root, std::uint32_t account);
};

} // namespace letterlock::queued
