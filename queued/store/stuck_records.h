// StuckRecords: writes the records of what is stuck again at the end of the journal, so that a
// maildrop that cannot be written does not hold the segments of all others.
//
// The checkpoint's thread uses it; it waits for the disk. Source: docs/spool.md, "A maildrop that
// cannot be written".
#pragma once

#include "queued/store/commit_pipeline.h"

namespace letterlock::queued {

class StuckRecords {
public:
  // All of it is borrowed. JOURNAL and ROOT are the open directories.
  struct Parts {
    FileSystem& files;
    int root, journal;
    CommitPipeline& pipeline;
    Materialiser& materialiser;
    LargeFiles& large;
  };
  explicit StuckRecords(const Parts& parts) : parts_(parts) {}

  // Gives all that is stuck, and whose records are not above UP_TO, records above it. An error, for
  // the log: not all of it has one.
  Expected<void> write_again(journal::Sequence up_to);

private:
  SystemResult<void> set_down(std::vector<CopyJob>& copies, std::size_t& unreadable);
  SystemResult<journal::Accept> record_of(const CopyJob& copy, std::string& buffer) const;
  Expected<void> move(const std::vector<StuckJob>& jobs);

  const Parts parts_;
};

} // namespace letterlock::queued
