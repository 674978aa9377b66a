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
bool is_in_inbox(const CopyFile& file); // in new or cur
struct FoundCopies {
  std::unordered_map<Id128, std::vector<CopyFile>, Id128Hash> files;
  // Else a sub-folder could not be read: what is in none of the others may be there.
  bool is_whole = true;

  const std::vector<CopyFile>& of(const Id128& message) const;
  // Whether another program has removed it.
  bool is_removed(const CopyJob& copy) const {
    return copy.was_there && is_whole && of(copy.message).empty();
  }
};
// What a listing has found and is not there later another program has removed.
void note_found(CopyJob& copy, const FoundCopies& found);

enum class Restored : std::uint8_t {
  written,   // it was not there
  rewritten, // it was
  left,      // it was there, and durable
  removed,   // another program has removed it
  moved,     // nothing was done: it is not where it was found, and is to be looked for again
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

  // Where MESSAGES are in a maildrop. If some are nowhere it is listed twice: a file whose name
  // changes while a directory is read can be left out.
  SystemResult<FoundCopies> find(std::uint32_t mailbox, std::span<const Id128> messages) const;
  // Whether COPY is nowhere and nothing is left that it could be made of: somebody has removed it
  // when its name in `large` had gone.
  bool is_lost(const CopyJob& copy, const FoundCopies& found) const;
  // FOUND is of its mailbox. SYNC: its content is durable then; its name is not.
  enum class Sync : std::uint8_t { no, yes };
  SystemResult<Restored> restore(const CopyJob& copy, const FoundCopies& found,
                                 Sync sync = Sync::no);
  // All of COPIES, durably, directories too. An error: the maildrop cannot be read or synced.
  SystemResult<RestoreSum> restore_durably(std::uint32_t mailbox, std::span<const CopyJob> copies);
  // What is there of a removal that was looked for, by its messages and by the bases of its files.
  SystemResult<std::vector<SeenFile>> locate(const RemovalJob& removal) {
    return writer_.locate(removal.mailbox, removal.files, removal.messages);
  }
  // Removes FILES, wherever each is by now. One that is gone is no error.
  SystemResult<void> remove(std::uint32_t mailbox, std::span<const SeenFile> files) {
    return writer_.remove(mailbox, files);
  }

private:
  SystemResult<void> list(int maildir, FoundCopies& found) const;
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
