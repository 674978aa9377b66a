// QueueFiles: the files of `queue`: writing, removing and reading them, each step so that a crash
// leaves what docs/spool.md, "The queue", says.
//
// Waits for the disk. One thread at a time; open() from any.
#pragma once

#include "queued/disk/file_system.h"
#include "queued/store/relay_queue.h"

#include <functional>

namespace letterlock::queued {

// Open directories, borrowed.
struct QueueDirectories {
  int queue, large, journal;
};

class QueueFiles {
public:
  QueueFiles(FileSystem& files, const QueueDirectories& directories)
      : files_(files), directories_(directories) {}

  struct Carried {
    std::vector<bool> done; // of each, durably
    std::vector<bool> lost; // its record, or its content in `large`, is gone or damaged
    std::string why;        // of one that is not; empty: all are
  };
  // Brings `queue` to what ALL ask for.
  Carried carry_out(const std::vector<RelayQueue::Due>& all);

  struct Found {
    // Of what names; a MESSAGE may be without the other two, and they without it.
    std::set<Id128> messages, states, contents;
  };
  // What is there. What has no name of ours goes to SET_ASIDE, left-over *.tmp go.
  SystemResult<Found>
  find(const std::function<void(const std::string& name, const std::string& why)>& set_aside);

  // The one record in MESSAGE or MESSAGE.state. BUFFER holds what its views point into. An error:
  // it cannot be read, or is no such record.
  Expected<journal::Accept> read_message(const Id128& message, std::string& buffer) const;
  Expected<journal::Outcome> read_state(const Id128& message, std::string& buffer) const;
  // Whether a large message's content is there and has that size: in `queue`, or else in `large`.
  bool has_content(const Id128& message, std::uint64_t size, bool kept) const;

  // The content of ENTRY. Gone: its record or its file is not there any more.
  ReadResult<OpenedMessage> open(const RelayQueue::Entry& entry) const;

  void remove(const std::string& name); // tried, not told
  SystemResult<void> sync_names() { return files_.sync_directory(directories_.queue); }

  static std::string state_name(const Id128& message) { return message.hex() + ".state"; }
  static std::string content_name(const Id128& message) { return message.hex() + ".content"; }

private:
  SystemResult<void> link_content(const Id128& message);
  SystemResult<void> write_message(const RelayQueue::Due& due);
  SystemResult<void> write_state(const RelayQueue::Due& due);
  SystemResult<void> replace(const std::string& name, const journal::Record& record);
  SystemResult<journal::Accept> accept_of(const Id128& message, const journal::Place& place,
                                          std::string& buffer) const;
  ReadResult<OpenedMessage> open_content(int directory, const std::string& name) const;

  FileSystem& files_;
  const QueueDirectories directories_;
};

} // namespace letterlock::queued
