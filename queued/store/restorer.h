// Restorer: brings copies whose records are in the journal to their place in one maildrop, when it
// is not known how much of them is there: after a start, or when a sync has failed.
//
// What is there is never believed, but written again: where a sync has failed the system counts
// pages as clean that the disk does not have, so they can be read, and no later sync would bring
// them there. Only of large messages, which were synced before their record, the name is enough.
//
// Waits for the disk; one thread uses it. Source: docs/spool.md, "Recovery" and "Checkpoint".
#pragma once

#include "queued/maildir/maildir_writer.h"
#include "queued/store/copy_job.h"

#include <set>
#include <span>
#include <unordered_map>
#include <vector>

namespace letterlock::queued {

// Where one message is in a maildrop, as it was listed.
struct CopyFile {
  std::string folder; // below the Maildir: "new", "cur", ".Folder/cur"
  std::string name;
};
using FoundCopies = std::unordered_map<Id128, std::vector<CopyFile>, Id128Hash>;

enum class Restored : std::uint8_t {
  written,   // it was not there
  rewritten, // it was
  left,      // it was there, and durable
  removed,   // another program has removed it
  missing,   // a large one that is nowhere: somebody has removed it, or it is lost
  lost,      // a large one in whose place is something else
};

struct RestoreSum {
  std::vector<CopyJob> failed; // to be tried again later
  std::string why;             // of one of them, for the log
};

// The head and the content of COPY, from its record in the journal. BUFFER holds what they point
// into.
struct CopyBytes {
  Bytes head, content;
};
SystemResult<CopyBytes> read_copy(int journal, const CopyJob& copy, std::string& buffer);

class Restorer {
public:
  // JOURNAL and LARGE are the open directories.
  Restorer(FileSystem& files, int root, int journal, int large, const MaildirHost& host)
      : files_(files), root_(root), large_(large), host_(host), writer_(files, root),
        records_(journal) {}

  // Which of COPIES, which are of one mailbox, are in its maildrop, in one listing of it.
  SystemResult<FoundCopies> find(std::uint32_t mailbox, std::span<const CopyJob> copies) const;
  // FOUND is of its mailbox; what has moved since is looked for again. SYNC: its content is durable
  // then; its name is not.
  enum class Sync : std::uint8_t { no, yes };
  SystemResult<Restored> restore(const CopyJob& copy, const FoundCopies& found,
                                 Sync sync = Sync::no);
  // All of COPIES, durably, directories too. An error: the maildrop cannot be read or synced.
  SystemResult<RestoreSum> restore_durably(std::uint32_t mailbox, std::span<const CopyJob> copies);
  // Removes what is there of MESSAGES and of files with these BASES.
  SystemResult<void> remove(std::uint32_t mailbox, const std::vector<Id128>& messages,
                            const std::vector<std::string>& bases);

private:
  SystemResult<Restored> link(const CopyJob& copy);
  // What was there and is written over: done, nothing is there any more, or it needs another file.
  enum class Over : std::uint8_t { done, nothing, another_file };
  SystemResult<Over> write_over(int directory, const std::string& name, const CopyBytes& bytes);
  SystemResult<bool> replace(std::uint32_t mailbox, std::span<const CopyFile> files,
                             const CopyBytes& bytes, Sync sync);

  FileSystem& files_;
  const int root_, large_;
  const MaildirHost& host_;
  MaildirWriter writer_;
  journal::RecordReader records_;
  std::string record_;
  std::set<std::string> folders_; // that something was written to
};

} // namespace letterlock::queued
