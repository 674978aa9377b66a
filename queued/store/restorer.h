// Restorer: brings copies whose records are in the journal to their place in one maildrop, when it
// is not known how much of them is there: after a crash, or when a sync has failed.
//
// Waits for the disk; one thread uses it. Source: docs/spool.md, "Recovery" and "Checkpoint".
#pragma once

#include "queued/maildir/maildir_writer.h"
#include "queued/store/copy_comparison.h"
#include "queued/store/copy_job.h"

#include <span>
#include <unordered_map>
#include <vector>

namespace letterlock::queued {

enum class Trust : std::uint8_t {
  names,   // what has a name is whole: the page cache has survived
  content, // what has the record's content is whole: a power cut may have left anything else
  nothing, // each file is written again and synced: a sync has failed
};

struct RestoreOptions {
  Trust trust = Trust::content;
  bool write_absent = true; // else what is absent was removed by somebody
  bool sync_each = false;   // where nothing syncs everything afterwards
};

struct Restored {
  std::vector<CopyJob> failed; // to be tried again later
  std::string why;             // of one of them, for the log
  std::vector<Id128> lost;     // large ones in whose place is something else
  std::size_t written = 0, replaced = 0;
  std::size_t missing = 0; // large ones that are nowhere: somebody removed them, or they are lost
};

class Restorer {
public:
  // JOURNAL and LARGE are the open directories.
  Restorer(FileSystem& files, int root, int journal, int large, const MaildirHost& host)
      : files_(files), root_(root), journal_(journal), large_(large), writer_(files, root, host),
        records_(journal) {}

  // COPIES are of one mailbox. An error: the maildrop cannot be read, and nothing was done.
  SystemResult<Restored> restore(std::uint32_t mailbox, std::span<const CopyJob> copies,
                                 const RestoreOptions& options);
  // Removes what is there of MESSAGES and of files with these BASES.
  SystemResult<void> remove(std::uint32_t mailbox, const std::vector<Id128>& messages,
                            const std::vector<std::string>& bases);

private:
  void compare(int maildir, std::span<const CopyJob> copies,
               std::unordered_map<Id128, std::vector<CopyFile>, Id128Hash>& there) const;
  SystemResult<void> sync_if_asked(int maildir, const CopyFile& file,
                                   const RestoreOptions& options);
  SystemResult<void> restore_one(int maildir, const CopyJob& copy, std::span<const CopyFile> there,
                                 const RestoreOptions& options, Restored& result);

  FileSystem& files_;
  const int root_, journal_, large_;
  MaildirWriter writer_;
  journal::RecordReader records_;
  std::string record_;
};

// The head and the content of COPY, from its record in the journal. BUFFER holds what they point
// into.
struct CopyBytes {
  Bytes head, content;
};
SystemResult<CopyBytes> read_copy(int journal, const CopyJob& copy, std::string& buffer);
// The same; of one that was set down, from its file in LARGE, all of it as content.
SystemResult<CopyBytes> read_copy(journal::RecordReader& records, int large, const CopyJob& copy,
                                  std::string& buffer);

} // namespace letterlock::queued
