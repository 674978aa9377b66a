// What a thread of the materialiser does about what is not in its place: settling what a start has
// found, trying again what is stuck, and what sessions are told of both.
#include "queued/store/materialiser_shard.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

namespace letterlock::queued {

void MaterialiserShard::say_missing(const CopyJob& job) {
  places_.reporter.say(StoreReport::Level::error, "maildrop.missing",
                       "maildrop " + std::to_string(job.mailbox) + ": the file of " +
                           job.message.hex() + " in large is not there");
}

void MaterialiserShard::put_aside(StuckJob job, Errno error) {
  if (failing_.insert(mailbox_of(job)).second)
    places_.reporter.say(StoreReport::Level::error, "maildrop.failing",
                         "maildrop " + std::to_string(mailbox_of(job)) + ": " +
                             Error::system("writing", error.number).text);
  stuck_.put(std::move(job));
  places_.progress.wake();
}

// What a session that begins now has to know.
SystemResult<Unsettled> MaterialiserShard::unsettled_of(std::uint32_t mailbox) {
  Unsettled unsettled;
  for (UnderWay& one : settlings_)
    if (one.settling.mailbox() == mailbox)
      if (const auto added = one.settling.add_to(unsettled, restorer_, events_of(one)); !added)
        return std::unexpected(added.error());
  auto stuck = stuck_of(mailbox);
  if (!stuck)
    return std::unexpected(stuck.error());
  std::move(stuck->copies.begin(), stuck->copies.end(), std::back_inserter(unsettled.copies));
  std::move(stuck->hidden.begin(), stuck->hidden.end(), std::back_inserter(unsettled.hidden));
  std::move(stuck->removals.begin(), stuck->removals.end(), std::back_inserter(unsettled.removals));
  return unsettled;
}

// What a settlement did not bring into its place may be there all the same, wherever, and not
// whole.
SystemResult<Unsettled> MaterialiserShard::stuck_of(std::uint32_t mailbox) {
  Unsettled stuck = stuck_.of_mailbox(mailbox);
  std::vector<Id128> looked_for;
  for (const CopyJob& copy : stuck.copies)
    if (copy.looked_for)
      looked_for.push_back(copy.message);
  if (looked_for.empty())
    return stuck;
  const auto found = restorer_.find(mailbox, looked_for);
  if (!found)
    return std::unexpected(found.error());
  stuck_.each_copy_of(mailbox, [&](CopyJob& copy) { note_found(copy, *found); });
  const auto hidden =
      std::stable_partition(stuck.copies.begin(), stuck.copies.end(), [&](const CopyJob& copy) {
        return !copy.looked_for || (is_shown(copy, *found) && !restorer_.is_lost(copy, *found));
      });
  std::move(hidden, stuck.copies.end(), std::back_inserter(stuck.hidden));
  stuck.copies.erase(hidden, stuck.copies.end());
  return stuck;
}

// What a start has found, and a listing has looked for.
SystemResult<void> MaterialiserShard::restore(CopyJob& copy, const FoundCopies& found) {
  note_found(copy, found);
  const auto restored = restorer_.restore(copy, found);
  if (!restored)
    return std::unexpected(restored.error());
  if (*restored == Restored::moved)
    return std::unexpected(Errno{EBUSY});
  if (*restored == Restored::missing || *restored == Restored::lost)
    say_missing(copy);
  if (*restored == Restored::written && !copy.claim)
    claim(copy);
  return {};
}

void MaterialiserShard::claim(CopyJob& copy) {
  copy.claim = places_.claim(copy.mailbox, copy.stored_size);
  copy.claim->keep();
}

SettlementEvents MaterialiserShard::events_of(UnderWay& one) {
  SettlementEvents events;
  events.coming = [this](CopyJob& copy) { claim(copy); };
  events.restored = [this, &one](CopyJob& copy, Restored how) {
    one.tally->written += how == Restored::written;
    one.tally->rewritten += how == Restored::rewritten;
    one.missing += how == Restored::missing;
    if (how == Restored::lost)
      say_missing(copy);
    copy.claim.reset();
    places_.progress.end(copy.sequence);
  };
  events.removed = [this](const RemovalJob& removal) { places_.progress.end(removal.sequence); };
  events.failed = [this](StuckJob job, Errno error) {
    // A record of its own would outlive that of its removal.
    if (const auto* copy = std::get_if<CopyJob>(&job); copy != nullptr && copy->is_expunged)
      return places_.progress.end(copy->sequence);
    put_aside(std::move(job), error);
  };
  return events;
}

// Of one maildrop; the next time it is another one's turn. At first all of them are listed: only
// then it is known what they hold.
void MaterialiserShard::settle_some() {
  if (settlings_.empty())
    return;
  auto next = std::find_if(settlings_.begin(), settlings_.end(),
                           [](const UnderWay& one) { return !one.settling.was_listed(); });
  if (next == settlings_.end())
    next = settlings_.begin();
  UnderWay one = std::move(*next);
  settlings_.erase(next);
  if (one.settling.step(restorer_, events_of(one)))
    return settlings_.push_back(std::move(one));
  if (one.missing > 0)
    places_.reporter.say(StoreReport::Level::warning, "recovery.missing",
                         "maildrop " + std::to_string(one.settling.mailbox()) + ": " +
                             std::to_string(one.missing) +
                             " large messages are not there: another program removed them, or they "
                             "are lost");
  if (--one.tally->unfinished == 0)
    places_.reporter.say(StoreReport::Level::info, "recovery.done",
                         std::to_string(one.tally->written) + " messages written, " +
                             std::to_string(one.tally->rewritten) + " written again");
}

void MaterialiserShard::retry_stuck() {
  if (!stuck_.empty())
    stuck_.retry(
        [this](StuckJob& job) { return retry(job); },
        [this](std::vector<CopyJob*> copies) { return retry_together(std::move(copies)); });
  std::erase_if(failing_, [this](std::uint32_t mailbox) {
    if (stuck_.has(mailbox))
      return false;
    places_.reporter.say(StoreReport::Level::info, "maildrop.mended",
                         "maildrop " + std::to_string(mailbox) +
                             ": everything is in its place again");
    return true;
  });
}

// One search of the maildrop for all of them.
std::vector<bool> MaterialiserShard::retry_together(std::vector<CopyJob*> copies) {
  std::vector<bool> succeeded(copies.size(), false);
  std::vector<Id128> messages;
  for (const CopyJob* copy : copies)
    messages.push_back(copy->message);
  const auto found = restorer_.find(copies.front()->mailbox, messages);
  for (std::size_t i = 0; found && i < copies.size(); ++i) {
    succeeded[i] = restore(*copies[i], *found).has_value();
    if (succeeded[i])
      places_.progress.end(copies[i]->sequence);
  }
  return succeeded;
}

// True: done with it.
bool MaterialiserShard::retry(StuckJob& job) {
  const auto attempt = [&] {
    auto* copy = std::get_if<CopyJob>(&job);
    return copy != nullptr ? place(*copy) : remove(std::get<RemovalJob>(job));
  };
  auto done = attempt();
  if (!done && (done.error().number == ENOENT || done.error().number == ENOTDIR ||
                done.error().number == ELOOP)) {
    places_.remake(mailbox_of(job));
    done = attempt();
  }
  if (done)
    places_.progress.end(sequence_of(job));
  return done.has_value();
}

} // namespace letterlock::queued
