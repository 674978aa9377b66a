// Shared memory by sealed memory files.
#include "common/os/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace letterlock::os {

namespace {

#if defined(__linux__)

constexpr int size_seals = F_SEAL_SHRINK | F_SEAL_GROW;

// None if it cannot be mapped.
std::span<std::byte> map_all(const UniqueFd& descriptor, std::size_t size) {
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.get(), 0);
  if (memory == MAP_FAILED)
    return {};
  return {static_cast<std::byte*>(memory), size};
}

#endif

} // namespace

#if defined(__linux__)

Expected<SharedMemory> SharedMemory::make(std::size_t size) {
  UniqueFd memory(::memfd_create("shared", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory || ::ftruncate(memory.get(), static_cast<off_t>(size)) != 0 ||
      ::fcntl(memory.get(), F_ADD_SEALS, size_seals | F_SEAL_SEAL) != 0)
    return fail_errno("shared memory");
  const auto bytes = map_all(memory, size);
  if (bytes.empty())
    return fail_errno("shared memory");
  return SharedMemory(bytes, std::move(memory));
}

Expected<SharedMemory> SharedMemory::map(const UniqueFd& descriptor, std::size_t size) {
  struct stat status {};
  if (!is_shared_memory(descriptor.get()) || ::fstat(descriptor.get(), &status) != 0 ||
      status.st_size != static_cast<off_t>(size) || size == 0)
    return fail("shared memory of another size, or of one that may change");
  const auto bytes = map_all(descriptor, size);
  if (bytes.empty())
    return fail_errno("shared memory");
  return SharedMemory(bytes, UniqueFd());
}

bool is_shared_memory(int descriptor) {
  const int seals = ::fcntl(descriptor, F_GET_SEALS); // fails on what is no memory
  const int flags = ::fcntl(descriptor, F_GETFL);
  return seals >= 0 && (seals & size_seals) == size_seals && (seals & F_SEAL_WRITE) == 0 &&
         flags >= 0 && (flags & O_ACCMODE) == O_RDWR;
}

#else

Expected<SharedMemory> SharedMemory::make(std::size_t) {
  return fail("this system has no shared memory of a fixed size");
}

Expected<SharedMemory> SharedMemory::map(const UniqueFd&, std::size_t) {
  return fail("this system has no shared memory of a fixed size");
}

bool is_shared_memory(int) {
  return false;
}

#endif

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), descriptor_(std::move(other.descriptor_)) {}

SharedMemory::~SharedMemory() {
  if (!bytes_.empty())
    ::munmap(bytes_.data(), bytes_.size());
}

} // namespace letterlock::os
