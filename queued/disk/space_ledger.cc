// Booking room on the disk.
#include "queued/disk/space_ledger.h"

#include <algorithm>
#include <cerrno>

namespace letterlock::queued {

SpaceLedger::Booking::~Booking() {
  if (!sum_)
    return;
  const std::lock_guard guard(sum_->mutex);
  sum_->booked.bytes -= bytes_;
  sum_->booked.inodes -= files_;
  // It may have been used, and the file system was asked before.
  sum_->free.bytes -= std::min(sum_->free.bytes, bytes_);
  sum_->free.inodes -= std::min(sum_->free.inodes, files_);
}

bool SpaceLedger::take(const Wish& wish) {
  const auto fits = [](std::uint64_t free, std::uint64_t reserve, std::uint64_t booked,
                       std::uint64_t more) {
    // Each step is checked before it is subtracted: all of them come from outside.
    return free >= reserve && free - reserve >= booked && free - reserve - booked >= more;
  };
  if (!fits(sum_->free.bytes, reserve_, sum_->booked.bytes, std::max(wish.bytes, wish.expected)) ||
      !fits(sum_->free.inodes, reserve_ / bytes_per_inode, sum_->booked.inodes, wish.files))
    return false;
  sum_->booked.bytes += wish.bytes;
  sum_->booked.inodes += wish.files;
  return true;
}

SystemResult<void> SpaceLedger::add(const Wish& wish) {
  const std::lock_guard guard(sum_->mutex);
  if (sum_->trusted > 0 && take(wish)) {
    --sum_->trusted;
    return {};
  }
  const auto free = files_.free_space(directory_);
  if (!free)
    return std::unexpected(free.error());
  sum_->free = *free;
  sum_->trusted = most_trusted;
  if (!take(wish))
    return std::unexpected(Errno{ENOSPC});
  return {};
}

SystemResult<SpaceLedger::Booking> SpaceLedger::book(std::uint64_t bytes, std::uint64_t files,
                                                     std::uint64_t expected) {
  if (const auto added = add({bytes, files, expected}); !added)
    return std::unexpected(added.error());
  return Booking(sum_, bytes, files);
}

SystemResult<void> SpaceLedger::grow(Booking& booking, std::uint64_t more) {
  if (const auto added = add({more, 0, 0}); !added)
    return added;
  booking.bytes_ += more;
  return {};
}

} // namespace letterlock::queued
