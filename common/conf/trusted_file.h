// Reading of files whose content is obeyed: only root or the running user may have written them.
#pragma once

#include "common/base/error.h"
#include "common/base/unique_fd.h"

#include <cstddef>
#include <string>

namespace letterlock::conf {

enum class Readers {
  anyone,
  owner_only, // passwords and keys: no right for group or others
};

// Opened for reading and checked to be a regular file that belongs to root or the effective user,
// not writable by group or others. The directories above it are the administrator's affair.
Expected<UniqueFd> open_trusted_file(const std::string& path, Readers readers);

// The same checks of a descriptor that is open already; PATH is for messages.
Expected<void> check_trusted_file(int fd, const std::string& path, Readers readers);

// The content of such a file; more than MAX bytes are an error.
Expected<std::string> read_trusted_file(const std::string& path, Readers readers, std::size_t max);

} // namespace letterlock::conf
