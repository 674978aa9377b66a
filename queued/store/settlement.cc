// Carrying out what a start finds in the journal, piece by piece.
#include "queued/store/settlement.h"

#include "queued/maildir/own_name.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <unordered_set>

namespace letterlock::queued {

namespace {

constexpr std::size_t copies_at_once = 64;

} // namespace

void Settling::begin(Restorer& restorer, const SettlementEvents& events) {
  begun_ = true;
  for (RemovalJob& removal : std::exchange(all_.removals, {})) {
    std::vector<std::string> bases;
    for (const SeenFile& file : removal.files)
      bases.push_back(file.base);
    if (const auto removed = restorer.remove(all_.mailbox, removal.messages, bases); !removed)
      events.failed(std::move(removal), removed.error());
    else
      events.removed(removal);
  }
  find(restorer, events);
  for (CopyJob& copy : all_.copies) {
    if (!copy.claim)
      continue;
    // What is there is counted as what the maildrop holds, and what is not will come.
    if (any_file(copy, [](const CopyFile&) { return true; }))
      copy.claim.reset();
    else
      copy.claim->keep();
  }
}

void Settling::find(Restorer& restorer, const SettlementEvents& events) {
  if (next_ == all_.copies.size())
    return;
  auto found = restorer.find(all_.mailbox, std::span(all_.copies).subspan(next_));
  if (found) {
    found_ = std::move(*found);
    return;
  }
  for (; next_ < all_.copies.size(); ++next_)
    events.failed(std::move(all_.copies[next_]), found.error());
}

void Settling::restore(Restorer& restorer, const SettlementEvents& events, CopyJob& copy) const {
  if (const auto restored = restorer.restore(copy, found_))
    events.restored(copy, *restored);
  else
    events.failed(std::move(copy), restored.error());
}

bool Settling::any_file(const CopyJob& copy, const std::function<bool(const CopyFile&)>& is) const {
  const auto files = found_.find(copy.message);
  return files != found_.end() && std::any_of(files->second.begin(), files->second.end(), is);
}

bool Settling::step(Restorer& restorer, const SettlementEvents& events) {
  if (!begun_)
    begin(restorer, events);
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

void Settling::prepare_session(Restorer& restorer, const SettlementEvents& events,
                               Unsettled& unsettled) {
  if (!begun_)
    begin(restorer, events);
  else
    find(restorer, events); // others may have been there since
  const auto is_listed = [](const CopyFile& file) {
    return file.folder == "new" || file.folder == "cur";
  };
  const auto left = all_.copies.begin() + static_cast<std::ptrdiff_t>(next_);
  all_.copies.erase(std::remove_if(left, all_.copies.end(),
                                   [&](CopyJob& copy) {
                                     if (!any_file(copy, [&](const CopyFile& file) {
                                           return is_listed(file) && !own_message_id(file.name);
                                         }))
                                       return false;
                                     restore(restorer, events, copy);
                                     return true;
                                   }),
                    all_.copies.end());
  unsettled.copies.reserve(unsettled.copies.size() + all_.copies.size() - next_);
  for (std::size_t i = next_; i < all_.copies.size(); ++i) {
    const CopyJob& copy = all_.copies[i];
    const bool is_somewhere = any_file(copy, [](const CopyFile&) { return true; });
    // In a sub-folder, or removed by another program.
    if ((is_somewhere || copy.was_there) && !any_file(copy, is_listed))
      continue;
    CopyJob& given = unsettled.copies.emplace_back(copy);
    given.booking.reset();
    given.claim.reset();
  }
  unsettled.removals.insert(unsettled.removals.end(), all_.removals.begin(), all_.removals.end());
}

} // namespace letterlock::queued
