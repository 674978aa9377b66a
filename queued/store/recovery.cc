// Settling each maildrop by what the journal says.
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
                  places.host),
        table_(places.host) {}

  Expected<Recovered> run();

private:
  SystemResult<void> write_again(const journal::LastBatch& batch);
  SystemResult<void> sync_slots();
  void settle(std::uint32_t mailbox, JournalTable::Mailbox& table);
  Expected<void> settle_queue();
  void keep(std::vector<CopyJob> jobs);
  void keep_removal(std::uint32_t mailbox, const JournalTable::Mailbox& table);
  void hold(journal::Sequence sequence); // 0: nothing
  void say(StoreReport::Level level, std::string event, std::string text) {
    result_.reports.push_back({level, std::move(event), std::move(text)});
  }
  // Whether this start sees all that was written, synced or not, since that record.
  bool carried_out(journal::Sequence sequence) const {
    return same_life_ && !distrust_ && table_.materialised() &&
           table_.materialised()->life == *places_.life && sequence <= table_.materialised()->up_to;
  }

  const RecoveryPlaces places_;
  const StoreLimits limits_;
  Restorer restorer_;
  JournalTable table_;
  bool same_life_ = false; // as the last Materialised record
  bool distrust_ = false;  // that record says that a sync had failed
  bool sync_each_ = false; // the system cannot sync everything
  std::size_t written_ = 0, replaced_ = 0;
  journal::Sequence lowest_kept_ = 0; // 0: nothing is left to do
  Recovered result_;
};

// Copies and removals that stay the journal's.
void Recovery::keep(std::vector<CopyJob> jobs) {
  for (CopyJob& job : jobs) {
    hold(job.sequence);
    job.looked_for = true;
    result_.unsettled.copies.push_back(std::move(job));
  }
}

void Recovery::keep_removal(std::uint32_t mailbox, const JournalTable::Mailbox& table) {
  hold(table.first_expunge);
  RemovalJob job;
  job.sequence = table.first_expunge;
  job.mailbox = mailbox;
  job.looked_for = true;
  // In parts, each of which one record can tell again.
  const RemovalJob none = job;
  std::size_t bytes = 0;
  const auto added = [&](std::size_t more) {
    bytes += more + 32;
    if (bytes < most_record_bytes(limits_))
      return;
    result_.unsettled.removals.push_back(std::exchange(job, none));
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
    result_.unsettled.removals.push_back(std::move(job));
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

void Recovery::settle(std::uint32_t mailbox, JournalTable::Mailbox& table) {
  std::vector<CopyJob> there; // and not synced
  std::erase_if(table.copies, [&](const CopyJob& copy) {
    if (table.is_expunged(copy))
      return true;
    if (sync_each_ && carried_out(copy.sequence))
      there.push_back(copy);
    return carried_out(copy.sequence);
  });
  const bool removals = table.last_expunge != 0 && (sync_each_ || !carried_out(table.last_expunge));
  if (table.copies.empty() && there.empty() && !removals)
    return;
  const auto failed = [&](const std::string& why) {
    say(StoreReport::Level::error, "recovery.unsettled",
        "maildrop " + std::to_string(mailbox) + ": " + why);
  };
  if (auto made = places_.state.ensure_maildrop(mailbox); !made) {
    failed(made.error().text);
    if (removals)
      keep_removal(mailbox, table);
    return keep(std::move(table.copies));
  }
  if (removals) {
    const std::vector<Id128> messages(table.expunged.begin(), table.expunged.end());
    const std::vector<std::string> bases(table.expunged_bases.begin(), table.expunged_bases.end());
    if (const auto removed = restorer_.remove(mailbox, messages, bases); !removed) {
      failed(Error::system("removing", removed.error().number).text);
      keep_removal(mailbox, table);
    }
  }
  if (sync_each_) {
    RestoreOptions sync;
    sync.trust = Trust::names;
    sync.write_absent = false;
    sync.sync_each = true;
    const auto synced = restorer_.restore(mailbox, there, sync);
    if (!synced || !synced->failed.empty()) {
      failed(synced ? synced->why : Error::system("syncing", synced.error().number).text);
      keep(std::move(there));
    }
  }
  if (table.copies.empty())
    return;
  RestoreOptions how;
  how.trust = distrust_ ? Trust::nothing : same_life_ ? Trust::names : Trust::content;
  how.sync_each = sync_each_;
  auto restored = restorer_.restore(mailbox, table.copies, how);
  if (!restored) {
    failed(Error::system("reading", restored.error().number).text);
    return keep(std::move(table.copies));
  }
  for (const Id128& message : restored->lost)
    say(StoreReport::Level::error, "maildrop.missing",
        "maildrop " + std::to_string(mailbox) + ": the file of " + message.hex() +
            " in large is none");
  written_ += restored->written;
  replaced_ += restored->replaced;
  if (restored->missing > 0)
    say(StoreReport::Level::warning, "recovery.missing",
        "maildrop " + std::to_string(mailbox) + ": " + std::to_string(restored->missing) +
            " large messages are not there: another program removed them, or they are lost");
  if (!restored->failed.empty()) {
    failed(restored->why);
    keep(std::move(restored->failed));
  }
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
  same_life_ = places_.life && contents->last_life == *places_.life;
  distrust_ = table_.materialised() && table_.materialised()->life == Id128{};
  // What was read may be in the page cache alone, and what it says is retired is let go of.
  if (contents->last_batch)
    if (const auto written = write_again(*contents->last_batch); !written)
      return std::unexpected(Error::system("writing to the journal", written.error().number));
  if (const auto synced = places_.files.sync_everything(places_.state.root()); !synced) {
    // Where there is no such thing each file is synced by itself.
    sync_each_ = synced.error().number == ENOSYS;
    distrust_ = distrust_ || !sync_each_;
    if (const auto slots = sync_slots(); !slots)
      return std::unexpected(Error::system("syncing the journal", slots.error().number));
  }

  std::unordered_set<std::string> large_kept;
  for (auto& [mailbox, table] : table_.mailboxes()) {
    for (const CopyJob& copy : table.copies)
      if (copy.large && !table.is_expunged(copy))
        large_kept.insert(LargeFiles::name_of(copy.message, copy.mailbox));
    settle(mailbox, table);
  }
  if (!sync_each_ && !table_.mailboxes().empty())
    if (const auto synced = places_.files.sync_everything(places_.state.root()); !synced)
      return std::unexpected(Error::system("syncing the maildrops", synced.error().number));
  for (std::string& name : places_.queue.large_names())
    large_kept.insert(std::move(name));
  if (auto settled = settle_queue(); !settled)
    return std::unexpected(settled.error());
  // Only what still waits needs its file, but until the new segment is there all of it might.
  if (const auto swept = places_.large.sweep(large_kept); !swept)
    return std::unexpected(Error::system("large", swept.error().number));
  if (written_ + replaced_ > 0)
    say(StoreReport::Level::info, "recovery.done",
        std::to_string(written_) + " written, " + std::to_string(replaced_) + " replaced");

  result_.last_time = contents->last_time;
  result_.start.segment_bytes = limits_.segment_bytes;
  result_.start.slots = limits_.segments;
  result_.start.generation = contents->last_generation + 1;
  result_.start.sequence = contents->last_sequence + 1;
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
