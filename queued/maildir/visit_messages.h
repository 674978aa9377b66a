// visit_messages: lists a Maildir with its sub-folders once, to find where the messages of our own
// are by now.
//
// Source: docs/spool.md, "Recovery"; sub-folders are those of Maildir++: `.Name/new`, `.Name/cur`.
#pragma once

#include "common/base/id128.h"
#include "queued/disk/file_system.h"

#include <functional>
#include <string>
#include <string_view>

namespace letterlock::queued {

// A file of ours. All of it is borrowed and lives until the call returns.
struct MaildirPlace {
  Id128 message;
  int directory = -1;      // open, where the name is
  std::string_view folder; // the same as a path below the Maildir: "new", ".Archive/cur"
  const std::string& name;
};

struct MaildirVisit {
  std::size_t messages = 0; // files that were called for
  std::size_t folders = 0;  // sub-folders that were listed
  // Sub-folders that were not: those over most_folders, and those that could not be opened or read.
  // What is in them is not known.
  std::size_t left_out = 0;
};

inline constexpr std::size_t most_folders = 4096; // sub-folders of one Maildir

// Calls VISIT with each regular file of ours in new/, cur/ and the sub-folders' of the Maildir that
// MAILDIR (borrowed) is open at, in no order within a directory. A message that others move to cur/
// or to a sub-folder meanwhile is met once at least, perhaps twice; one whose name they change
// within its directory may not be met at all (POSIX, readdir). Nothing is followed through a
// symbolic link. An error: new/, cur/ or the Maildir itself cannot be read, or there are no
// descriptors or no memory for a sub-folder; some calls may have been made. Waits for the disk;
// callable from any thread.
SystemResult<MaildirVisit> visit_messages(int maildir,
                                          const std::function<void(const MaildirPlace&)>& visit);

} // namespace letterlock::queued
