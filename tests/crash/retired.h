// Waiting until everything in a journal is retired.
#pragma once

#include "queued/disk/directory.h"
#include "queued/journal/journal_reader.h"
#include "tests/crash/recorder.h"

namespace letterlock::crash {

// ROOT is a state directory whose store works on DISK. Throws if nothing happens any more before
// that.
inline void wait_until_retired(int root, Recorder& disk) {
  const auto journal = queued::open_directory(root, "journal");
  for (;;) {
    const std::size_t before = disk.now();
    bool work = false;
    const auto read = queued::journal::read_journal(
        journal->get(), [&](const queued::journal::Record& record, auto, const auto&) {
          work = work || std::holds_alternative<queued::journal::Accept>(record) ||
                 std::holds_alternative<queued::journal::Expunge>(record);
        });
    if (read && !work)
      return;
    disk.wait_for_more_than(before);
  }
}

} // namespace letterlock::crash
