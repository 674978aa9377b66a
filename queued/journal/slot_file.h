// Slots as files: their names, which of them can be trusted to be ours, reading them.
//
// Changes nothing; callable from any thread. Source: docs/spool.md, "The journal".
#pragma once

#include "common/base/error.h"
#include "queued/disk/file_system.h"

#include <optional>
#include <span>

namespace letterlock::queued::journal {

inline constexpr std::uint32_t most_slots = 64;              // higher numbers are no slots
inline constexpr std::uint64_t smallest_segment = 64 * 1024; // shorter files are cut off
inline constexpr std::uint64_t largest_segment = 1u << 30;   // longer files are not ours

// "0" to "63"; none for another name.
std::optional<std::uint32_t> slot_of_name(const std::string& name);

struct SlotFile {
  UniqueFd file; // for reading
  std::uint64_t size = 0;
};

enum class SlotFault : std::uint8_t { absent, unusable };
struct SlotError {
  SlotFault fault{};
  int number = 0;   // the system's error; 0 if it is another file than ours
  std::string text; // for the log
};

// Only a regular file of our own user, of a segment's size.
std::expected<SlotFile, SlotError> open_slot(int directory, std::uint32_t slot);
// The same judgement of an open file. Its size, or why it is no slot.
Expected<std::uint64_t> slot_size(int file);

// Fills INTO from OFFSET. What cannot be read is zeros; false if there was any.
bool read_slot(int file, std::uint64_t offset, std::span<std::byte> into);

} // namespace letterlock::queued::journal
