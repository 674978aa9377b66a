// Carrying out what a start finds in the journal, piece by piece.
#include "queued/store/settlement.h"

#include "queued/maildir/own_name.h"

#include <algorithm>
#include <span>
#include <utility>

namespace letterlock::queued {

namespace {

constexpr std::size_t copies_at_once = 64;

} // namespace

SessionView view_of(const CopyJob& copy, const FoundCopies& found) {
  static const std::vector<CopyFile> nowhere;
  const auto files = found.find(copy.message);
  bool is_somewhere = false, is_listed = false;
  for (const CopyFile& file : files == found.end() ? nowhere : files->second) {
    const bool listed = file.folder == "new" || file.folder == "cur";
    if (listed && !own_message_id(file.name))
      return SessionView::settled_first;
    is_somewhere = true;
    is_listed = is_listed || listed;
  }
  // In a sub-folder, or removed by another program.
  return (is_somewhere || copy.was_there) && !is_listed ? SessionView::hidden
                                                        : SessionView::pending;
}

void note_found(CopyJob& copy, const FoundCopies& found) {
  const auto files = found.find(copy.message);
  copy.was_there = copy.was_there || (files != found.end() && !files->second.empty());
}

SystemResult<void> Settling::find(Restorer& restorer) {
  if (next_ == all_.copies.size())
    return {};
  auto found = restorer.find(all_.mailbox, std::span(all_.copies).subspan(next_));
  if (!found)
    return std::unexpected(found.error());
  found_ = std::move(*found);
  for (std::size_t i = next_; i < all_.copies.size(); ++i)
    note_found(all_.copies[i], found_);
  if (std::exchange(listed_, true))
    return {};
  for (CopyJob& copy : all_.copies) {
    if (!copy.claim)
      continue;
    // What is there is counted as what the maildrop holds, and what is not will come.
    const auto files = found_.find(copy.message);
    if (files != found_.end() && !files->second.empty())
      copy.claim.reset();
    else
      copy.claim->keep();
  }
  return {};
}

void Settling::remove_one(Restorer& restorer, const SettlementEvents& events) {
  RemovalJob removal = std::move(all_.removals.back());
  all_.removals.pop_back();
  std::vector<std::string> bases;
  for (const SeenFile& file : removal.files)
    bases.push_back(file.base);
  if (const auto removed = restorer.remove(all_.mailbox, removal.messages, bases); !removed)
    events.failed(std::move(removal), removed.error());
  else
    events.removed(removal);
}

void Settling::restore(Restorer& restorer, const SettlementEvents& events, CopyJob& copy) const {
  if (const auto restored = restorer.restore(copy, found_))
    events.restored(copy, *restored);
  else
    events.failed(std::move(copy), restored.error());
}

bool Settling::step(Restorer& restorer, const SettlementEvents& events) {
  if (!all_.removals.empty()) {
    remove_one(restorer, events);
    return true;
  }
  if (const auto found = listed_ ? SystemResult<void>() : find(restorer); !found)
    for (; next_ < all_.copies.size(); ++next_)
      events.failed(std::move(all_.copies[next_]), found.error());
  const std::size_t end = std::min(next_ + copies_at_once, all_.copies.size());
  for (; next_ < end; ++next_)
    restore(restorer, events, all_.copies[next_]);
  return next_ < all_.copies.size();
}

void Settling::drop_copies(const RemovedCopies& removed,
                           const std::function<void(const CopyJob&)>& each) {
  const auto left = all_.copies.begin() + static_cast<std::ptrdiff_t>(next_);
  all_.copies.erase(std::remove_if(left, all_.copies.end(),
                                   [&](const CopyJob& copy) {
                                     if (!removed.contain(copy))
                                       return false;
                                     each(copy);
                                     return true;
                                   }),
                    all_.copies.end());
}

SystemResult<bool> Settling::prepare_session(Restorer& restorer, const SettlementEvents& events,
                                             Unsettled& unsettled) {
  if (const auto found = find(restorer); !found) // others may have been there since
    return std::unexpected(found.error());
  std::size_t settled = 0;
  bool is_ready = true;
  const auto left = all_.copies.begin() + static_cast<std::ptrdiff_t>(next_);
  const auto settle_first = [&](CopyJob& copy) {
    if (view_of(copy, found_) != SessionView::settled_first)
      return false;
    if (settled == copies_at_once) {
      is_ready = false;
      return false;
    }
    ++settled;
    restore(restorer, events, copy);
    return true;
  };
  all_.copies.erase(std::remove_if(left, all_.copies.end(), settle_first), all_.copies.end());
  if (!is_ready)
    return false;
  unsettled.copies.reserve(unsettled.copies.size() + all_.copies.size() - next_);
  for (std::size_t i = next_; i < all_.copies.size(); ++i) {
    if (view_of(all_.copies[i], found_) == SessionView::hidden)
      continue;
    CopyJob& given = unsettled.copies.emplace_back(all_.copies[i]);
    given.booking.reset();
    given.claim.reset();
  }
  unsettled.removals.insert(unsettled.removals.end(), all_.removals.begin(), all_.removals.end());
  return true;
}

} // namespace letterlock::queued
