// Booking room on the disk.
#include "queued/disk/space_ledger.h"

#include <cerrno>

namespace letterlock::queued {

SpaceLedger::Booking::~Booking() {
  if (!sum_)
    return;
  const std::lock_guard guard(sum_->mutex);
  sum_->booked -= bytes_;
}

SystemResult<void> SpaceLedger::add(std::uint64_t bytes) {
  const auto free = files_.free_bytes(directory_);
  if (!free)
    return std::unexpected(free.error());
  const std::lock_guard guard(sum_->mutex);
  // Each step is checked before it is subtracted: all of them come from outside.
  if (*free < reserve_ || *free - reserve_ < sum_->booked ||
      *free - reserve_ - sum_->booked < bytes)
    return std::unexpected(Errno{ENOSPC});
  sum_->booked += bytes;
  return {};
}

SystemResult<SpaceLedger::Booking> SpaceLedger::book(std::uint64_t bytes) {
  if (const auto added = add(bytes); !added)
    return std::unexpected(added.error());
  return Booking(sum_, bytes);
}

SystemResult<void> SpaceLedger::grow(Booking& booking, std::uint64_t more) {
  if (const auto added = add(more); !added)
    return added;
  booking.bytes_ += more;
  return {};
}

} // namespace letterlock::queued
