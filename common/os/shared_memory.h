// SharedMemory: memory that several processes read and write, whose size nobody can change.
//
// One process makes it and passes its descriptor to others, which map it. Without the fixed size
// any of them could cut it off and let the others run into a bus error.
#pragma once

#include "common/base/error.h"
#include "common/base/unique_fd.h"

#include <cstddef>
#include <span>

namespace letterlock::os {

class SharedMemory {
public:
  // All zeros. Fails where the system cannot fix the size of memory (OpenBSD), or has none left.
  static Expected<SharedMemory> make(std::size_t size);
  // What another process has made of that size; the descriptor is not needed any more. Fails if it
  // is of another size, or if that could change.
  static Expected<SharedMemory> map(const UniqueFd& descriptor, std::size_t size);

  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&&) = delete;
  ~SharedMemory();

  std::span<std::byte> bytes() const { return bytes_; }
  // To be passed on, by who made it; empty for who mapped it.
  const UniqueFd& descriptor() const { return descriptor_; }

private:
  SharedMemory(std::span<std::byte> bytes, UniqueFd descriptor)
      : bytes_(bytes), descriptor_(std::move(descriptor)) {}

  std::span<std::byte> bytes_;
  UniqueFd descriptor_;
};

// Whether the descriptor is memory of a fixed size that may be read and written.
bool is_shared_memory(int descriptor);

} // namespace letterlock::os
