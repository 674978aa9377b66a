// Carrying out what a start finds in the journal, piece by piece.
#include "queued/store/settlement.h"

#include <algorithm>
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
  if (all_.copies.empty())
    return;
  auto found = restorer.find(all_.mailbox, all_.copies);
  if (found) {
    found_ = std::move(*found);
    return;
  }
  for (CopyJob& copy : std::exchange(all_.copies, {}))
    events.failed(std::move(copy), found.error());
}

bool Settling::step(Restorer& restorer, const SettlementEvents& events) {
  if (!begun_)
    begin(restorer, events);
  const std::size_t end = std::min(next_ + copies_at_once, all_.copies.size());
  for (; next_ < end; ++next_) {
    CopyJob& copy = all_.copies[next_];
    if (const auto restored = restorer.restore(copy, found_))
      events.restored(copy, *restored);
    else
      events.failed(std::move(copy), restored.error());
  }
  return next_ < all_.copies.size();
}

void Settling::drop_copies(const RemovalJob& by, const std::function<void(const CopyJob&)>& each) {
  const std::unordered_set<Id128, Id128Hash> messages(by.messages.begin(), by.messages.end());
  std::unordered_set<std::string_view> bases;
  for (const SeenFile& file : by.files)
    bases.insert(file.base);
  const auto left = all_.copies.begin() + static_cast<std::ptrdiff_t>(next_);
  all_.copies.erase(std::remove_if(left, all_.copies.end(),
                                   [&](const CopyJob& copy) {
                                     if (!messages.contains(copy.message) &&
                                         !bases.contains(copy.name))
                                       return false;
                                     each(copy);
                                     return true;
                                   }),
                    all_.copies.end());
}

void Settling::add_to(Unsettled& unsettled) const {
  unsettled.copies.reserve(unsettled.copies.size() + all_.copies.size() - next_);
  for (std::size_t i = next_; i < all_.copies.size(); ++i)
    if (const CopyJob& copy = all_.copies[i]; !copy.was_there) {
      CopyJob& given = unsettled.copies.emplace_back(copy);
      given.booking.reset();
      given.claim.reset();
    }
  unsettled.removals.insert(unsettled.removals.end(), all_.removals.begin(), all_.removals.end());
}

} // namespace letterlock::queued
