// Carrying out what a start finds in the journal, piece by piece.
#include "queued/store/settlement.h"

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

namespace letterlock::queued {

namespace {

constexpr std::size_t copies_at_once = 64, files_removed_at_once = 1000;
constexpr int most_rounds = 10; // while others move what is to be written again

} // namespace

bool is_shown(const CopyJob& copy, const FoundCopies& found) {
  const std::vector<CopyFile>& files = found.of(copy.message);
  if (files.empty() || copy.is_expunged)
    return !found.is_removed(copy) && !copy.is_expunged;
  return std::any_of(files.begin(), files.end(), is_in_inbox);
}

template <class Each> void Settling::each_left(Each each) {
  for (std::size_t i = next_; i < all_.copies.size(); ++i)
    each(all_.copies[i]);
  for (CopyJob& copy : moved_)
    each(copy);
}

SystemResult<void> Settling::find(Restorer& restorer, const SettlementEvents& events) {
  std::vector<Id128> messages;
  messages.reserve(all_.copies.size() - next_ + moved_.size());
  each_left([&](const CopyJob& copy) { messages.push_back(copy.message); });
  if (!messages.empty()) {
    auto found = restorer.find(all_.mailbox, messages);
    if (!found)
      return std::unexpected(found.error());
    found_ = std::move(*found);
  }
  const bool is_first = !std::exchange(was_listed_, true);
  each_left([&](CopyJob& copy) {
    // What is there is counted with what the maildrop holds.
    if (is_first && events.coming && found_.of(copy.message).empty() && !found_.is_removed(copy))
      events.coming(copy);
    note_found(copy, found_);
  });
  is_found_ = true;
  return {};
}

// Of the last of the removals: its files are looked for in one listing, and then removed.
void Settling::remove_some(Restorer& restorer, const SettlementEvents& events) {
  RemovalJob& removal = all_.removals.back();
  SystemResult<void> done;
  if (!to_remove_) {
    auto located = restorer.locate(removal);
    if (located)
      to_remove_ = std::move(*located);
    else
      done = std::unexpected(located.error());
  }
  if (done) {
    const std::size_t count = std::min(to_remove_->size(), files_removed_at_once);
    done = restorer.remove(all_.mailbox, std::span<const SeenFile>(*to_remove_).last(count));
    to_remove_->resize(to_remove_->size() - count);
  }
  if (done && !to_remove_->empty())
    return;
  to_remove_.reset();
  if (done) {
    events.removed(removal);
    return all_.removals.pop_back();
  }
  // The others would fail as well. Room in the journal is kept for what is known to be stuck, so
  // that it is to be known before much more mail is taken.
  for (RemovalJob& each : all_.removals)
    events.failed(std::move(each), done.error());
  all_.removals.clear();
}

void Settling::restore_some(Restorer& restorer, const SettlementEvents& events) {
  const std::size_t end = std::min(next_ + copies_at_once, all_.copies.size());
  for (; next_ < end; ++next_) {
    CopyJob& copy = all_.copies[next_];
    const auto restored = restorer.restore(copy, found_);
    if (!restored)
      events.failed(std::move(copy), restored.error());
    else if (*restored == Restored::moved)
      moved_.push_back(std::move(copy));
    else
      events.restored(copy, *restored);
  }
}

void Settling::begin_round() {
  all_.copies = std::exchange(moved_, {});
  next_ = 0;
  is_found_ = false;
  ++round_;
}

void Settling::give_up(Errno error, const SettlementEvents& events) {
  each_left([&](CopyJob& copy) { events.failed(std::move(copy), error); });
  all_.copies.clear();
  moved_.clear();
  next_ = 0;
  was_listed_ = true;
}

bool Settling::step(Restorer& restorer, const SettlementEvents& events) {
  if (next_ == all_.copies.size() && !moved_.empty())
    begin_round();
  if (round_ == most_rounds)
    give_up({EBUSY}, events);
  if (!is_found_ && next_ < all_.copies.size()) {
    if (const auto found = find(restorer, events); !found)
      give_up(found.error(), events);
  } else if (!all_.removals.empty()) {
    remove_some(restorer, events);
  } else {
    restore_some(restorer, events);
  }
  return !is_over();
}

void Settling::expunge(const RemovedCopies& removed) {
  each_left([&](CopyJob& copy) {
    if (!removed.contain(copy))
      return;
    copy.is_expunged = true;
    copy.claim.reset();
  });
}

SystemResult<void> Settling::add_to(Unsettled& unsettled, Restorer& restorer,
                                    const SettlementEvents& events) {
  if (auto found = find(restorer, events); !found)
    return found;
  each_left([&](const CopyJob& copy) {
    const bool shown = is_shown(copy, found_) && !restorer.is_lost(copy, found_);
    CopyJob& given = (shown ? unsettled.copies : unsettled.hidden).emplace_back(copy);
    given.booking.reset();
    given.claim.reset();
  });
  unsettled.removals.insert(unsettled.removals.end(), all_.removals.begin(), all_.removals.end());
  return {};
}

} // namespace letterlock::queued
