// Opening and reading slots.
#include "queued/journal/slot_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace letterlock::queued::journal {

namespace {

// Of what is read, or lost, together.
constexpr std::size_t step = 1u << 20, page = 4096;

// How much was read; the rest is beyond the end or unreadable.
std::size_t read_some(int file, std::uint64_t offset, std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got =
        ::pread(file, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

} // namespace

std::optional<std::uint32_t> slot_of_name(const std::string& name) {
  for (std::uint32_t slot = 0; slot < most_slots; ++slot)
    if (name == std::to_string(slot))
      return slot;
  return std::nullopt;
}

Expected<std::uint64_t> slot_size(int file) {
  struct stat about = {};
  if (::fstat(file, &about) != 0)
    return fail_errno("fstat");
  if (!S_ISREG(about.st_mode))
    return fail("no regular file");
  if (about.st_uid != ::geteuid())
    return fail("it belongs to another user");
  const auto size = static_cast<std::uint64_t>(about.st_size);
  if (size < smallest_segment)
    return fail("cut off: " + std::to_string(size) + " octets");
  if (size > largest_segment)
    return fail("too long: " + std::to_string(size) + " octets");
  return size;
}

std::expected<SlotFile, SlotError> open_slot(int directory, std::uint32_t slot) {
  UniqueFd file(::openat(directory, std::to_string(slot).c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) {
    const int number = errno;
    return std::unexpected(SlotError{number == ENOENT ? SlotFault::absent : SlotFault::unusable,
                                     number, Error::system("open", number).text});
  }
  const auto size = slot_size(file.get());
  if (!size)
    return std::unexpected(SlotError{SlotFault::unusable, 0, size.error().text});
  return SlotFile{std::move(file), *size};
}

bool read_slot(int file, std::uint64_t offset, std::span<std::byte> into) {
  bool whole = true;
  while (!into.empty()) {
    const auto piece = into.first(std::min(step, into.size()));
    // After an error, page by page: a bad sector costs its neighbours nothing.
    if (read_some(file, offset, piece) < piece.size())
      for (auto rest = piece; !rest.empty();) {
        const auto part = rest.first(std::min(page, rest.size()));
        const std::size_t done = read_some(file, offset + piece.size() - rest.size(), part);
        std::fill(part.begin() + static_cast<std::ptrdiff_t>(done), part.end(), std::byte{0});
        whole = whole && done == part.size();
        rest = rest.subspan(part.size());
      }
    offset += piece.size();
    into = into.subspan(piece.size());
  }
  return whole;
}

} // namespace letterlock::queued::journal
