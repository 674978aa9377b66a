// Segments of the journal as bytes: headers, and the frames around records. Pure.
//
// Source: docs/spool.md, "The journal".
#pragma once

#include "common/base/byte_reader.h"
#include "queued/journal/record.h"

#include <array>
#include <expected>
#include <vector>

namespace letterlock::queued::journal {

inline constexpr std::size_t header_size = 4096; // records begin here
inline constexpr std::size_t frame_size = 32;    // before a record's body

struct SegmentHeader {
  std::uint64_t generation = 0;
  Id128 life;
  Sequence first = 0;   // of its first record; each lower one is durable in an earlier segment
  Sequence retired = 0; // no record below this needs anything
  std::int64_t time = 0;
  // There are no records behind it: what the slot held before is retired, and being written over.
  bool vacated = false;
};

enum class HeaderFault : std::uint8_t {
  blank,   // never used
  damaged, // also one that is too short
  later,   // of a version that is not known
};

std::array<std::byte, header_size> encode_header(const SegmentHeader& header);
std::expected<SegmentHeader, HeaderFault> decode_header(Bytes bytes);

// Appends the frame, the body and the padding of one record.
void encode_record(const Record& record, std::uint64_t generation, Sequence sequence,
                   Sequence batch, std::string& bytes);
// Makes the frames in BYTES, which must be whole, fit for another segment or batch than they were
// encoded for.
void restamp(std::string& bytes, std::uint64_t generation, Sequence batch);

// A record that was found whole, by its checksum; its body is not decoded yet.
struct Frame {
  Sequence sequence = 0;
  Sequence batch = 0;
  std::uint8_t type = 0;
  std::size_t offset = 0; // of the frame, in the bytes searched
  std::size_t length = 0; // with frame and padding
  Bytes body;
};

// BYTES without the zeros at their end.
Bytes without_trailing_zeros(Bytes bytes);

// The good record at OFFSET of a segment's BYTES, if there is one.
std::optional<Frame> frame_at(Bytes bytes, std::size_t offset, std::uint64_t generation);

// What the bytes at OFFSET claim to be the length of a record of this generation, whether it is
// good or not; 0 if they claim nothing of the kind.
std::size_t claimed_length(Bytes bytes, std::size_t offset, std::uint64_t generation);

// Searches a segment's BYTES for records, any number of times and from any place. However many long
// records hostile bytes pretend to hold, the time is that of a few passes over them: checksums of
// long pieces come from those of their parts.
class FrameFinder {
public:
  FrameFinder(Bytes bytes, std::uint64_t generation) : bytes_(bytes), generation_(generation) {}

  // The first good record at or behind OFFSET with a sequence of AT_LEAST.
  std::optional<Frame> find(std::size_t offset, Sequence at_least);

private:
  std::uint32_t checksum(std::size_t offset, std::size_t length);

  Bytes bytes_;
  std::uint64_t generation_;
  std::vector<std::uint32_t>
      passed_; // the checksum of everything before each part; made when needed
};

// One search.
std::optional<Frame> find_frame(Bytes bytes, std::size_t offset, std::uint64_t generation,
                                Sequence at_least);

} // namespace letterlock::queued::journal
