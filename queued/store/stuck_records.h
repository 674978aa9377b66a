// StuckRecords: writes the records of what is stuck again at the end of the journal, so that a
// maildrop that cannot be written does not hold the segments of all others.
//
// The checkpoint's thread uses it; it waits for the disk. Source: docs/spool.md, "A maildrop that
// cannot be written".
#pragma once

#include "queued/store/commit_pipeline.h"

#include <deque>

namespace letterlock::queued {

class StuckRecords {
public:
  // All of it is borrowed. JOURNAL is the open directory.
  struct Parts {
    FileSystem& files;
    int journal;
    CommitPipeline& pipeline;
    Materialiser& materialiser;
    LargeFiles& large;
    Reporter& reporter;
    std::size_t record_bytes; // of what is written at once, about
    // Something of ours is for the journal, now; or not any more.
    std::function<void(bool)> asking;
    // Of the whole file system. Whoever is told of a failure is the last to hear of it.
    std::function<SystemResult<void>()> sync_everything;
  };
  explicit StuckRecords(const Parts& parts) : parts_(parts) {}

  // Gives all that is stuck, and whose records are not above UP_TO, records above it. An error, for
  // the log: not all of it has one.
  Expected<void> write_again(journal::Sequence up_to);

private:
  SystemResult<void> set_down(std::vector<CopyJob>& copies);
  bool has_file(const CopyJob& copy) const;
  void give_up(const CopyJob& copy, const std::string& why);
  SystemResult<journal::Accept> record_of(const CopyJob& copy, std::string& buffer) const;
  // What becomes one batch.
  struct Part {
    // What the records point into stays where it is.
    std::deque<StuckJob> jobs;
    std::deque<std::string> buffers;
    std::vector<journal::Record> records; // of each job
    std::uint64_t bytes = 0;              // of these, about
  };
  void add(Part& part, StuckJob job);
  Expected<void> move(Part part);

  const Parts parts_;
  std::string why_; // something stays as it is
};

} // namespace letterlock::queued
