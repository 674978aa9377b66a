// Writing again what is stuck.
#include "queued/store/stuck_records.h"

#include "queued/maildir/own_name.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <utility>

namespace letterlock::queued {

namespace {

constexpr std::size_t most_moved_at_once = 1024;

journal::Expunge record_of(const RemovalJob& job) {
  journal::Expunge record;
  // No transaction: the first record has told of it.
  record.mailbox = job.mailbox;
  for (const Id128& message : job.messages)
    record.names.push_back({message});
  for (const SeenFile& file : job.files)
    if (file.is_copy || !own_message_id(file.base))
      record.names.push_back({std::string_view(file.base)});
  return record;
}

class Asking {
public:
  explicit Asking(const std::function<void(bool)>& tell) : tell_(tell) { tell_(true); }
  ~Asking() { tell_(false); }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

private:
  const std::function<void(bool)>& tell_;
};

} // namespace

Expected<void> StuckRecords::write_again(journal::Sequence up_to) {
  std::optional<Asking> asking(std::in_place, parts_.asking);
  const CommitPipeline::NoExpunges hold(parts_.pipeline);
  asking.reset(); // what follows waits for the disk
  Unsettled stuck = parts_.materialiser.stuck_up_to(up_to);
  why_.clear();
  if (const auto done = set_down(stuck.copies); !done)
    why_ = Error::system("large", done.error().number).text;
  std::multimap<journal::Sequence, StuckJob> jobs;
  for (CopyJob& copy : stuck.copies)
    jobs.emplace(copy.sequence, std::move(copy));
  for (RemovalJob& removal : stuck.removals)
    jobs.emplace(removal.sequence, std::move(removal));
  asking.emplace(parts_.asking);
  Part part;
  for (auto& [sequence, job] : jobs) {
    add(part, std::move(job));
    if (part.bytes >= parts_.record_bytes || part.jobs.size() == most_moved_at_once)
      if (auto moved = move(std::exchange(part, {})); !moved)
        return moved;
  }
  if (auto moved = move(std::move(part)); !moved)
    return moved;
  if (!why_.empty())
    return fail(why_);
  return {};
}

// Makes files in `large` of those whose content is in the journal, durably, and leaves out what
// cannot be moved. An error: none of these is durable, and all are left out.
SystemResult<void> StuckRecords::set_down(std::vector<CopyJob>& copies) {
  const auto settle = [&](SystemResult<void> result) {
    std::erase_if(copies, [this](const CopyJob& copy) {
      if (!copy.large || has_file(copy))
        return !copy.large;
      give_up(copy, "its file in large is not there");
      return true;
    });
    return result;
  };
  if (std::all_of(copies.begin(), copies.end(), [](const CopyJob& copy) { return copy.large; }))
    return settle({});
  // The first time, to see whether the system can sync all in one go.
  auto synced = parts_.sync_everything();
  const bool sync_each = !synced && synced.error().number == ENOSYS;
  if (!synced && !sync_each)
    return settle(synced);
  std::vector<CopyJob*> made;
  std::string buffer;
  for (CopyJob& copy : copies) {
    if (copy.large)
      continue;
    const auto bytes = read_copy(parts_.journal, copy, buffer);
    if (!bytes) {
      if (bytes.error().number == ENOENT)
        give_up(copy, "its record in the journal is damaged");
      else
        why_ = Error::system("journal", bytes.error().number).text;
      continue;
    }
    const auto file = parts_.large.write_one(copy.sequence, copy.message, copy.mailbox, bytes->head,
                                             bytes->content);
    if (const auto done = file && sync_each ? parts_.files.sync_file(file->get())
                          : file            ? SystemResult<void>()
                                            : std::unexpected(file.error());
        !done)
      why_ = Error::system("large", done.error().number).text;
    else
      made.push_back(&copy);
  }
  synced = sync_each ? parts_.large.sync_names() : parts_.sync_everything();
  if (synced)
    for (CopyJob* copy : made)
      copy->large = copy->set_down = true;
  return settle(synced);
}

bool StuckRecords::has_file(const CopyJob& copy) const {
  struct stat about = {};
  const std::string name = LargeFiles::name_of(copy.message, copy.mailbox);
  return ::fstatat(parts_.large.directory(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 ||
         errno != ENOENT;
}

// Nobody can bring it to its maildrop: to wait would help it no more, and hold up all others.
void StuckRecords::give_up(const CopyJob& copy, const std::string& why) {
  parts_.reporter.say(StoreReport::Level::error, "maildrop.lost",
                      "maildrop " + std::to_string(copy.mailbox) + ": " + copy.message.hex() +
                          ": " + why);
  parts_.materialiser.moved({copy.mailbox, copy.stuck, std::nullopt});
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

// One that cannot be made a record of is left out.
void StuckRecords::add(Part& part, StuckJob job) {
  if (const auto* removal = std::get_if<RemovalJob>(&job)) {
    part.bytes += record_bytes(*removal);
    part.jobs.push_back(std::move(job));
    part.records.emplace_back(queued::record_of(std::get<RemovalJob>(part.jobs.back())));
    return;
  }
  auto record = record_of(std::get<CopyJob>(job), part.buffers.emplace_back());
  if (!record) {
    why_ = Error::system("journal", record.error().number).text;
    return;
  }
  part.bytes += record_overhead + record->copies.at(0).head.size();
  part.jobs.push_back(std::move(job));
  part.records.emplace_back(std::move(*record));
}

Expected<void> StuckRecords::move(Part part) {
  const std::deque<StuckJob>& jobs = part.jobs;
  const auto written = parts_.pipeline.write_again(part.records);
  if (written.size() != jobs.size())
    return fail("the journal does not take the records of what is stuck");
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Moved moved{mailbox_of(jobs[i]), name_of(jobs[i]), jobs[i]};
    if (auto* copy = std::get_if<CopyJob>(&*moved.job)) {
      parts_.large.recorded(written[i].sequence, copy->message, copy->mailbox);
      copy->sequence = written[i].sequence;
      copy->place = written[i].place;
    } else {
      std::get<RemovalJob>(*moved.job).sequence = written[i].sequence;
    }
    parts_.materialiser.moved(std::move(moved));
  }
  return {};
}

} // namespace letterlock::queued
