// Writing again what is stuck.
#include "queued/store/stuck_records.h"

#include "queued/maildir/own_name.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace letterlock::queued {

namespace {

constexpr std::size_t most_moved_at_once = 64; // each with a head of 64 KiB at most

journal::Expunge record_of(const RemovalJob& job) {
  journal::Expunge record;
  // No transaction: the first record has told of it.
  record.mailbox = job.mailbox;
  for (const Id128& message : job.messages)
    record.names.push_back({message});
  for (const SeenFile& file : job.files)
    if (!own_message_id(file.base))
      record.names.push_back({std::string_view(file.base)});
  return record;
}

} // namespace

Expected<void> StuckRecords::write_again(journal::Sequence up_to) {
  const CommitPipeline::NoExpunges hold(parts_.pipeline);
  Unsettled stuck = parts_.materialiser.stuck_up_to(up_to);
  std::size_t unreadable = 0;
  if (const auto done = set_down(stuck.copies, unreadable); !done)
    return std::unexpected(Error::system("large", done.error().number));
  std::vector<StuckJob> jobs(std::make_move_iterator(stuck.copies.begin()),
                             std::make_move_iterator(stuck.copies.end()));
  std::move(stuck.removals.begin(), stuck.removals.end(), std::back_inserter(jobs));
  std::sort(jobs.begin(), jobs.end(),
            [](const auto& a, const auto& b) { return sequence_of(a) < sequence_of(b); });
  for (std::size_t next = 0; next < jobs.size(); next += most_moved_at_once) {
    const auto first = jobs.begin() + static_cast<std::ptrdiff_t>(next);
    const auto count = std::min(most_moved_at_once, jobs.size() - next);
    if (auto moved = move({first, first + static_cast<std::ptrdiff_t>(count)}); !moved)
      return moved;
  }
  if (unreadable > 0)
    return fail(std::to_string(unreadable) + " of their records cannot be read");
  return {};
}

// Makes files in `large` of those whose content is in the journal, durably, and leaves out those
// that cannot be read. An error: of none.
SystemResult<void> StuckRecords::set_down(std::vector<CopyJob>& copies, std::size_t& unreadable) {
  std::vector<CopyJob*> made;
  bool sync_each = false;
  std::string buffer;
  for (CopyJob& copy : copies) {
    if (copy.large)
      continue;
    const auto bytes = read_copy(parts_.journal, copy, buffer);
    if (!bytes) {
      ++unreadable;
      continue;
    }
    const auto file =
        parts_.large.write_one(copy.message, copy.mailbox, bytes->head, bytes->content);
    if (!file)
      return std::unexpected(file.error());
    // The first tells whether the system can sync all of them in one go.
    if (made.empty()) {
      const auto synced = parts_.files.sync_everything(parts_.root);
      sync_each = !synced && synced.error().number == ENOSYS;
      if (!synced && !sync_each)
        return synced;
    }
    if (sync_each)
      if (const auto synced = parts_.files.sync_file(file->get()); !synced)
        return synced;
    made.push_back(&copy);
  }
  if (!made.empty()) {
    const auto synced =
        sync_each ? parts_.large.sync_names() : parts_.files.sync_everything(parts_.root);
    if (!synced)
      return synced;
  }
  for (CopyJob* copy : made)
    copy->large = true;
  std::erase_if(copies, [](const CopyJob& copy) { return !copy.large; });
  return {};
}

// What it is to say of the one copy alone. The views point into BUFFER.
SystemResult<journal::Accept> StuckRecords::record_of(const CopyJob& copy,
                                                      std::string& buffer) const {
  const auto record = journal::read_record(parts_.journal, copy.place, buffer);
  if (!record)
    return std::unexpected(record.error());
  auto accept = journal::accept_in(*record);
  if (!accept || accept->message != copy.message)
    return std::unexpected(Errno{ENOENT});
  accept->transaction = {}; // the first record has told of it
  accept->relay.reset();
  accept->large = true;
  accept->content = {};
  std::erase_if(accept->copies,
                [&](const journal::Copy& one) { return one.mailbox != copy.mailbox; });
  return std::move(*accept);
}

Expected<void> StuckRecords::move(const std::vector<StuckJob>& jobs) {
  std::vector<std::string> buffers(jobs.size());
  std::vector<journal::Record> records;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (const auto* copy = std::get_if<CopyJob>(&jobs[i])) {
      auto record = record_of(*copy, buffers[i]);
      if (!record)
        return std::unexpected(Error::system("journal", record.error().number));
      records.emplace_back(std::move(*record));
    } else {
      records.emplace_back(queued::record_of(std::get<RemovalJob>(jobs[i])));
    }
  }
  const auto written = parts_.pipeline.write_again(records);
  if (written.size() != jobs.size())
    return fail("the journal does not take the records of what is stuck");
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Moved moved{sequence_of(jobs[i]), jobs[i]};
    if (auto* copy = std::get_if<CopyJob>(&moved.job)) {
      parts_.large.recorded(written[i].sequence, copy->message, copy->mailbox);
      copy->sequence = written[i].sequence;
      copy->place = written[i].place;
    } else {
      std::get<RemovalJob>(moved.job).sequence = written[i].sequence;
    }
    parts_.materialiser.moved(std::move(moved));
  }
  return {};
}

} // namespace letterlock::queued
