// SpaceLedger: books room on the disk before it is used, so that nothing is over-promised.
//
// Room is what the file system has free, less the reserve, less what is booked: bytes, and an inode
// for each file. The file system is asked every so often, and before anything is refused; in
// between a booking that ends counts as used. What a booking's owner has written already counts
// twice until the booking ends: the errors are on the safe side. Callable from any thread.
#pragma once

#include "queued/disk/file_system.h"

#include <memory>
#include <mutex>

namespace letterlock::queued {

class SpaceLedger {
  struct Sum {
    std::mutex mutex;
    FreeSpace free;       // as last asked, less what ended since
    unsigned trusted = 0; // for so many more bookings
    FreeSpace booked;
  };

public:
  // Room that is kept for its owner, until the object goes.
  class Booking {
  public:
    Booking() = default;
    Booking(Booking&& other) noexcept
        : sum_(std::move(other.sum_)), bytes_(std::exchange(other.bytes_, 0)),
          files_(std::exchange(other.files_, 0)) {}
    Booking& operator=(Booking&& other) noexcept {
      std::swap(sum_, other.sum_);
      std::swap(bytes_, other.bytes_);
      std::swap(files_, other.files_);
      return *this;
    }
    Booking(const Booking&) = delete;
    Booking& operator=(const Booking&) = delete;
    ~Booking();

    std::uint64_t bytes() const { return bytes_; }

  private:
    friend class SpaceLedger;
    Booking(std::shared_ptr<Sum> sum, std::uint64_t bytes, std::uint64_t files)
        : sum_(std::move(sum)), bytes_(bytes), files_(files) {}
    std::shared_ptr<Sum> sum_;
    std::uint64_t bytes_ = 0, files_ = 0;
  };

  // DIRECTORY (borrowed) is on the file system in question; RESERVE in bytes, and an inode is kept
  // for each bytes_per_inode of it.
  static constexpr std::uint64_t bytes_per_inode = 16 * 1024;
  // Bookings between two questions to the file system.
  static constexpr unsigned most_trusted = 64;
  SpaceLedger(FileSystem& files, int directory, std::uint64_t reserve)
      : files_(files), directory_(directory), reserve_(reserve) {}

  // ENOSPC if there is no room, for BYTES or for EXPECTED; another error if the system does not
  // tell. EXPECTED is not booked.
  SystemResult<Booking> book(std::uint64_t bytes, std::uint64_t files, std::uint64_t expected = 0);
  SystemResult<void> grow(Booking& booking, std::uint64_t more);

private:
  struct Wish {
    std::uint64_t bytes, files, expected;
  };
  SystemResult<void> add(const Wish& wish);
  bool take(const Wish& wish); // under the mutex

  FileSystem& files_;
  int directory_;
  std::uint64_t reserve_;
  std::shared_ptr<Sum> sum_ = std::make_shared<Sum>();
};

} // namespace letterlock::queued
