// list_maildrop: reads the directories of a maildrop into an index.
//
// Source: docs/spool.md, "Maildir names" and "A maildrop among other programs".
#pragma once

#include "queued/disk/directory.h"
#include "queued/maildir/maildrop_index.h"

#include <sys/stat.h>

#include <functional>
#include <memory>
#include <string_view>

namespace letterlock::queued {

struct MaildropListing {
  std::size_t most_messages = 0; // more are left alone
  // An earlier index of the same maildrop, or none: a file of another program that is still the
  // same is not read again for its wire size.
  const MaildropIndex* previous = nullptr;
  // Called for each name that is no message, or one too many, with why: "is no regular file".
  std::function<void(std::string_view name, std::string_view why)> left_alone;
};

// Waits for the disk. An error: a directory cannot be read.
SystemResult<std::shared_ptr<const MaildropIndex>>
list_maildrop(const MaildirDirectories& directories, const MaildropListing& listing);

// What new/ and cur/ hold: of our own files the sizes in their names, of others their own. Waits
// for the disk, but reads no file.
SystemResult<std::uint64_t> stored_bytes(const MaildirDirectories& directories);

// The names in cur/ alone, without sizes: where the messages that others have moved there are now.
SystemResult<std::shared_ptr<const MaildropIndex>> list_cur(const MaildirDirectories& directories,
                                                            std::size_t most_messages);

// Opens a message for reading: a regular file on the file system of DIRECTORY, never through a
// symbolic link. EINVAL: it is something else.
SystemResult<UniqueFd> open_message_file(int directory, const std::string& name,
                                         struct stat& about);

// Reads a message file from its beginning, without moving in it: its wire size, and its SIZE as it
// was read, which decides if somebody writes to it meanwhile. None: it cannot be read.
std::optional<std::uint64_t> read_sizes(int file, std::uint64_t& size);

// What a message file that is opened later is compared by.
FileStamp stamp_of(const struct stat& about);

} // namespace letterlock::queued
