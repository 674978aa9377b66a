// Reading the journal, and what each maildrop needs by it.
#include "queued/store/recovery.h"

#include "queued/disk/directory.h"
#include "queued/store/journal_table.h"
#include "queued/store/restorer.h"

#include <algorithm>
#include <cerrno>
#include <unordered_set>
#include <utility>

namespace letterlock::queued {

namespace {

constexpr std::uint64_t written_at_once = 1u << 20;

class Recovery {
public:
  Recovery(const RecoveryPlaces& places, const StoreLimits& limits)
      : places_(places), limits_(limits),
        restorer_(places.files, places.state.root(), places.state.journal(), places.state.large(),
                  places.host) {}

  Expected<Recovered> run();

private:
  SystemResult<void> write_again(const journal::LastBatch& batch);
  SystemResult<void> sync_slots();
  Settlement settlement_of(std::uint32_t mailbox, JournalTable::Mailbox& table);
  std::vector<RemovalJob> removals_of(std::uint32_t mailbox, const JournalTable::Mailbox& table);
  bool can_wait(const journal::Contents& contents) const;
  Expected<void> settle_now();
  void settle_now(Settlement& settlement, bool sync_each);
  Expected<void> settle_queue();
  void hold(journal::Sequence sequence); // 0: nothing
  void say(StoreReport::Level level, std::string event, std::string text) {
    result_.reports.push_back({level, std::move(event), std::move(text)});
  }
  // Whether that was done, and is there still but for what other programs did: names in the page
  // cache outlive a process.
  bool carried_out(journal::Sequence sequence) const {
    return places_.life && table_.materialised() && table_.materialised()->life == *places_.life &&
           sequence <= table_.materialised()->up_to;
  }

  const RecoveryPlaces places_;
  const StoreLimits limits_;
  Restorer restorer_;
  JournalTable table_;
  std::size_t written_ = 0, rewritten_ = 0;
  journal::Sequence lowest_kept_ = 0; // 0: nothing is left to do
  Recovered result_;
};

// In parts, each of which one record can tell again. All of them are in the hand of the first.
std::vector<RemovalJob> Recovery::removals_of(std::uint32_t mailbox,
                                              const JournalTable::Mailbox& table) {
  std::vector<RemovalJob> parts;
  if (table.last_expunge == 0 || carried_out(table.last_expunge))
    return parts;
  RemovalJob job;
  job.sequence = table.first_expunge;
  job.mailbox = mailbox;
  job.looked_for = true;
  const RemovalJob none = job;
  std::size_t bytes = 0;
  const auto added = [&](std::size_t more) {
    bytes += more + 32;
    if (bytes < most_record_bytes(limits_))
      return;
    parts.push_back(std::exchange(job, none));
    bytes = 0;
  };
  for (const Id128& message : table.expunged) {
    job.messages.push_back(message);
    added(0);
  }
  for (const std::string& base : table.expunged_bases) {
    job.files.push_back({.base = base, .name = {}, .is_copy = true});
    added(base.size());
  }
  if (bytes > 0)
    parts.push_back(std::move(job));
  return parts;
}

void Recovery::hold(journal::Sequence sequence) {
  if (sequence != 0 && (lowest_kept_ == 0 || sequence < lowest_kept_))
    lowest_kept_ = sequence;
}

// If a sync of it failed, no later one would bring it to the disk: the system counts the pages as
// clean. What a batch before it says was synced, or written again into this segment.
SystemResult<void> Recovery::write_again(const journal::LastBatch& batch) {
  const auto slot = places_.files.open_file(places_.state.journal(), std::to_string(batch.slot));
  if (!slot)
    return std::unexpected(slot.error());
  std::vector<std::byte> bytes;
  const auto write = [&](std::uint64_t from, std::uint64_t length) -> SystemResult<void> {
    bytes.resize(static_cast<std::size_t>(length));
    if (!journal::read_slot(slot->get(), from, bytes))
      return std::unexpected(Errno{EIO});
    return places_.files.write_at(slot->get(), from, bytes);
  };
  auto done = write(0, journal::header_size);
  const std::uint64_t end = batch.offset + batch.length;
  for (std::uint64_t at = batch.offset; done && at < end; at += written_at_once)
    done = write(at, std::min(written_at_once, end - at));
  return done;
}

SystemResult<void> Recovery::sync_slots() {
  std::vector<std::string> names;
  const auto visited =
      visit_directory(places_.state.journal(), [&](const std::string& name, FileKind kind) {
        if (kind == FileKind::regular)
          names.push_back(name);
        return true;
      });
  if (!visited)
    return visited;
  for (const std::string& name : names) {
    const auto slot = places_.files.open_file(places_.state.journal(), name);
    if (!slot)
      continue; // then it was not read either
    if (const auto synced = places_.files.sync_file(slot->get()); !synced)
      return synced;
  }
  return {};
}

Settlement Recovery::settlement_of(std::uint32_t mailbox, JournalTable::Mailbox& table) {
  Settlement settlement;
  settlement.mailbox = mailbox;
  settlement.removals = removals_of(mailbox, table);
  hold(table.first_expunge);
  for (CopyJob& copy : table.copies) {
    hold(copy.sequence);
    copy.looked_for = true;
    copy.was_there = carried_out(copy.sequence);
  }
  if (table.last_expunge != 0)
    std::erase_if(table.copies,
                  [&](const CopyJob& copy) { return table.is_expunged(copy, places_.host); });
  settlement.copies = std::move(table.copies);
  return settlement;
}

// What is not settled holds its records. There is to be a segment for what comes meanwhile, and one
// for the next start.
bool Recovery::can_wait(const journal::Contents& contents) const {
  std::size_t used = contents.lost_slots;
  for (std::size_t i = 0; i < contents.firsts.size(); ++i)
    used += i + 1 == contents.firsts.size() || contents.firsts[i + 1] > lowest_kept_;
  return lowest_kept_ == 0 || used + 2 <= limits_.segments;
}

Expected<void> Recovery::settle_now() {
  // To see whether the system can sync all in one go.
  const auto synced = places_.files.sync_everything(places_.state.root());
  const bool sync_each = !synced && synced.error().number == ENOSYS;
  for (Settlement& settlement : result_.settlements)
    settle_now(settlement, sync_each);
  std::erase_if(result_.settlements, [](const Settlement& left) {
    return left.removals.empty() && left.copies.empty();
  });
  lowest_kept_ = 0;
  for (const Settlement& left : result_.settlements) {
    for (const CopyJob& copy : left.copies)
      hold(copy.sequence);
    for (const RemovalJob& removal : left.removals)
      hold(removal.sequence);
  }
  if (!sync_each)
    if (const auto all = places_.files.sync_everything(places_.state.root()); !all)
      return std::unexpected(Error::system("syncing the maildrops", all.error().number));
  if (written_ + rewritten_ > 0)
    say(StoreReport::Level::info, "recovery.done",
        std::to_string(written_) + " messages written, " + std::to_string(rewritten_) +
            " written again");
  return {};
}

// What fails stays in SETTLEMENT.
void Recovery::settle_now(Settlement& settlement, bool sync_each) {
  Settlement left{settlement.mailbox, {}, {}};
  SettlementEvents events;
  events.restored = [&](const CopyJob& copy, Restored how) {
    written_ += how == Restored::written;
    rewritten_ += how == Restored::rewritten;
    if (how == Restored::lost || how == Restored::missing)
      say(StoreReport::Level::warning, "recovery.missing",
          "maildrop " + std::to_string(copy.mailbox) + ": the file of " + copy.message.hex() +
              " in large is not there");
  };
  events.removed = [](const RemovalJob&) {};
  events.failed = [&](StuckJob job, Errno error) {
    if (left.copies.empty() && left.removals.empty())
      say(StoreReport::Level::error, "recovery.unsettled",
          "maildrop " + std::to_string(settlement.mailbox) + ": " +
              Error::system("writing", error.number).text);
    if (auto* copy = std::get_if<CopyJob>(&job))
      left.copies.push_back(std::move(*copy));
    else
      left.removals.push_back(std::move(std::get<RemovalJob>(job)));
  };
  Settlement now = settlement;
  if (sync_each)
    now.copies.clear();
  for (Settling settling(std::move(now)); settling.step(restorer_, events);)
    ;
  if (sync_each) {
    const auto durable = restorer_.restore_durably(settlement.mailbox, settlement.copies);
    if (!durable)
      left = settlement;
    else
      left.copies = durable->failed;
  }
  settlement = std::move(left);
}

Expected<void> Recovery::settle_queue() {
  const auto settled = places_.queue.settle();
  if (!settled)
    return std::unexpected(Error::system("queue", settled.error().number));
  for (const std::string& message : settled->lost)
    say(StoreReport::Level::error, "queue.lost", message + ": its content in large is gone");
  if (!settled->why.empty())
    say(StoreReport::Level::error, "recovery.unsettled", settled->why);
  hold(settled->first_needed);
  return {};
}

Expected<Recovered> Recovery::run() {
  const auto loaded = places_.queue.load([this](const std::string& name, const std::string& why) {
    say(StoreReport::Level::error, "queue.damage",
        places_.state.set_queue_aside(name) + ": " + why);
  });
  if (!loaded)
    return std::unexpected(Error::system("queue", loaded.error().number));
  const auto contents = table_.read(
      places_.state.journal(),
      [this](const journal::Record& record, journal::Sequence sequence,
             const journal::Place& place) { places_.queue.note(record, sequence, place); });
  if (!contents)
    return std::unexpected(Error::system("journal", contents.error().number));
  for (const journal::Damage& damage : contents->damage)
    say(StoreReport::Level::error, "journal.damage",
        places_.state.set_aside(damage) + ": " + damage.why);
  if (contents->cut > 0)
    say(StoreReport::Level::warning, "journal.cut",
        std::to_string(contents->cut) + " octets at the end that were never synced");
  // What was read may be in the page cache alone, and what it says is carried out.
  if (contents->last_batch)
    if (const auto written = write_again(*contents->last_batch); !written)
      return std::unexpected(Error::system("writing to the journal", written.error().number));
  if (const auto slots = sync_slots(); !slots)
    return std::unexpected(Error::system("syncing the journal", slots.error().number));

  std::unordered_set<std::string> large_kept;
  for (auto& [mailbox, table] : table_.mailboxes()) {
    Settlement settlement = settlement_of(mailbox, table);
    for (const CopyJob& copy : settlement.copies)
      if (copy.large)
        large_kept.insert(LargeFiles::name_of(copy.message, copy.mailbox));
    if (auto made = places_.state.ensure_maildrop(mailbox); !made)
      say(StoreReport::Level::error, "recovery.unsettled",
          "maildrop " + std::to_string(mailbox) + ": " + made.error().text);
    result_.settlements.push_back(std::move(settlement));
  }
  if (!can_wait(*contents))
    if (auto settled = settle_now(); !settled)
      return std::unexpected(settled.error());
  for (std::string& name : places_.queue.large_names())
    large_kept.insert(std::move(name));
  if (auto settled = settle_queue(); !settled)
    return std::unexpected(settled.error());
  // What is settled needs its file no more, but until the new segment is there it might.
  if (const auto swept = places_.large.sweep(large_kept); !swept)
    return std::unexpected(Error::system("large", swept.error().number));

  result_.last_time = contents->last_time;
  result_.start.segment_bytes = limits_.segment_bytes;
  result_.start.slots = limits_.segments;
  result_.start.generation = contents->last_generation + 1;
  result_.start.sequence = contents->last_sequence + 1;
  result_.start.cut_from = contents->end;
  result_.start.retired =
      lowest_kept_ == 0 ? result_.start.sequence : std::min(lowest_kept_, result_.start.sequence);
  result_.start.durably_retired = contents->retired;
  result_.start.life = places_.life.value_or(Id128{});
  result_.start.seen = contents->seen;
  result_.start.positions = contents->positions;
  return std::move(result_);
}

} // namespace

Expected<Recovered> recover(const RecoveryPlaces& places, const StoreLimits& limits) {
  return Recovery(places, limits).run();
}

} // namespace letterlock::queued
