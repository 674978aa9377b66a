// Which files of a maildrop hold what their records in the journal say: after a power cut any of
// them may hold something else.
//
// Several threads read, since opening many small files is work for the processor more than for the
// disk. Changes nothing; waits for the disk. Source: docs/spool.md, "Recovery".
#pragma once

#include "queued/disk/file_system.h"
#include "queued/store/copy_job.h"

#include <span>
#include <string>
#include <vector>

namespace letterlock::queued {

// A file that has the name of a copy.
struct CopyFile {
  std::string folder, name; // FOLDER is a path below the Maildir: "new", ".Archive/cur"
  bool whole = false;       // it holds what the record says
};

struct Comparison {
  const CopyJob* copy;
  CopyFile* file; // `whole` is set, each by one thread
};

// Open directories, borrowed.
struct ComparisonPlaces {
  int journal, large, maildir;
};

// What cannot be read is not whole.
void compare_copies(const ComparisonPlaces& places, std::span<const Comparison> all);

// Whether NAME is a file that holds exactly FIRST and then SECOND. What cannot be read does not.
// BUFFER is for reading, and not empty.
bool holds(int directory, const std::string& name, Bytes first, Bytes second,
           std::vector<std::byte>& buffer);

// FOLDER as above.
SystemResult<UniqueFd> open_folder(int maildir, const std::string& folder);

} // namespace letterlock::queued
