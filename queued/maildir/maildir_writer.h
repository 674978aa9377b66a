// MaildirWriter: puts copies of messages into maildrops and takes them out again, without a sync of
// its own; the journal is what makes them last.
//
// One thread uses one writer; it waits for the disk. Source: docs/spool.md, "Materialising" and
// "Expunging".
#pragma once

#include "queued/disk/directory.h"
#include "queued/maildir/maildir_name.h"

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace letterlock::queued {

// A file of a maildrop, as somebody saw it last.
struct SeenFile {
  std::string base; // its name without flags
  std::string name; // where it was: empty, not known, or in both directories
  bool in_cur = false;
  std::uint64_t stored_size = 0;
  bool is_copy = false; // or has one: others have the same message id, and this one alone is meant
};

// The message that is removed with FILE: of ours, whatever others have put behind its name, unless
// another file has it too.
std::optional<Id128> removed_message(const SeenFile& file);

// Files that are to go from a maildrop, as one request.
struct ExpungeRequest {
  Id128 transaction;
  std::uint32_t mailbox = 0;
  std::vector<SeenFile> files;
};

enum class LinkResult : std::uint8_t {
  linked,
  absent,  // there is nothing to give a name to
  no_file, // what is there is no regular file
};

class MaildirWriter {
public:
  // ROOT (borrowed) is the state directory; both outlive the writer.
  MaildirWriter(FileSystem& files, int root) : files_(files), root_(root) {}

  // HEAD and CONTENT become one file: tmp, then new.
  SystemResult<void> write(std::uint32_t mailbox, const std::string& name, Bytes head,
                           Bytes content);
  // The same as NAME in DIRECTORY (open; of this mailbox), also in the place of what is there.
  struct PutOptions {
    bool sync = false;             // the content is durable before it has that name
    bool only_what_exists = false; // in the place of something, or not at all
  };
  // False: there is nothing whose place it could take.
  SystemResult<bool> put(std::uint32_t mailbox, int directory, const std::string& name, Bytes head,
                         Bytes content, const PutOptions& options);
  // A file of FROM (open) gets its second name. One that is there already is no error.
  SystemResult<LinkResult> link(std::uint32_t mailbox, const std::string& name, int from,
                                const std::string& from_name);
  // Removes FILES from new and cur, wherever each is by now, and whatever others have put behind
  // its name. One that is gone is no error; EBUSY: others go on moving them.
  SystemResult<void> remove(std::uint32_t mailbox, std::span<const SeenFile> files);
  // Where they were seen only; what is not there is added to ELSEWHERE.
  SystemResult<void> remove_seen(std::uint32_t mailbox, std::span<const SeenFile> files,
                                 std::vector<SeenFile>& elsewhere);
  // Where FILES and the files of MESSAGES are now in new and cur; what is nowhere is left out.
  SystemResult<std::vector<SeenFile>> locate(std::uint32_t mailbox, std::span<const SeenFile> files,
                                             std::span<const Id128> messages = {});

  // The directories of MAILBOX; valid until the next call with another mailbox.
  SystemResult<const MaildirDirectories*> directories(std::uint32_t mailbox);

private:
  struct Open {
    MaildirDirectories directories;
    std::chrono::steady_clock::time_point since;
  };
  SystemResult<void> write_to(int directory, const std::string& name, Bytes head, Bytes content,
                              bool sync);

  FileSystem& files_;
  int root_;
  std::map<std::uint32_t, Open> open_;
  std::string buffer_;
};

} // namespace letterlock::queued
