// FileSystem: every system call by which the store changes the disk, so that tests can record it
// and make it fail.
//
// Reading is not here: it changes nothing. All names are single path components below an open
// directory. Callable from any thread.
#pragma once

#include "common/base/byte_reader.h"
#include "common/base/unique_fd.h"

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <string>

namespace letterlock::queued {

// An error number of the system; the store decides on some of them.
struct Errno {
  int number;
  bool is_full() const; // ENOSPC or EDQUOT
  // It says nothing of the file: descriptors or memory are lacking (EMFILE, ENFILE, ENOMEM).
  // Nothing on the disk may be judged by it.
  bool is_our_own() const;
};

template <class T> using SystemResult = std::expected<T, Errno>;

struct FreeSpace {
  std::uint64_t bytes = 0, inodes = 0; // what an unprivileged process may still use
};

class FileSystem {
public:
  virtual ~FileSystem() = default;

  // A new file, open for reading and writing; EEXIST if the name is taken.
  virtual SystemResult<UniqueFd> create_file(int directory, const std::string& name,
                                             mode_t mode) = 0;
  // A new file without a name, of mode 0600, on the directory's file system.
  virtual SystemResult<UniqueFd> create_unnamed_file(int directory) = 0;
  // A file that is there, open for reading and writing; never through a symbolic link.
  virtual SystemResult<UniqueFd> open_file(int directory, const std::string& name) = 0;
  // Writes all of BYTES at the file's position, or fails having written a part of them.
  virtual SystemResult<void> append(int file, Bytes bytes) = 0;
  // The same for what is not read soon: past the system's cache where the system can do that, which
  // spares it a copy and leaves the cache to others. That needs an address, and a position in the
  // file, that are multiples of uncached_block; what is left over goes through the cache.
  static constexpr std::size_t uncached_block = 4096;
  virtual SystemResult<void> append_uncached(int file, Bytes bytes) { return append(file, bytes); }
  // The same as append() at OFFSET; the file's position stays.
  virtual SystemResult<void> write_at(int file, std::uint64_t offset, Bytes bytes) = 0;
  virtual SystemResult<void> truncate(int file) = 0; // to nothing
  // Content, and what is needed to read it back.
  virtual SystemResult<void> sync_file(int file) = 0;
  // The names in it.
  virtual SystemResult<void> sync_directory(int directory) = 0;
  // Everything on the file system of DIRECTORY; ENOSYS where there is no such thing.
  virtual SystemResult<void> sync_everything(int directory) = 0;
  // A second name for a file; EEXIST rather than replacing.
  virtual SystemResult<void> link(int from, const std::string& from_name, int to,
                                  const std::string& to_name) = 0;
  // Replaces what has the name TO_NAME.
  virtual SystemResult<void> rename(int from, const std::string& from_name, int to,
                                    const std::string& to_name) = 0;
  virtual SystemResult<void> unlink(int directory, const std::string& name) = 0;
  virtual SystemResult<void> make_directory(int directory, const std::string& name,
                                            mode_t mode) = 0;
  virtual SystemResult<FreeSpace> free_space(int directory) = 0;
};

// The real one; it has no state.
FileSystem& posix_file_system();

} // namespace letterlock::queued
