// Segments of the journal as bytes: headers, and the frames around records. Pure.
//
// Source: docs/spool.md, "The journal".
#pragma once

#include "common/base/byte_reader.h"
#include "queued/journal/record.h"

#include <array>
#include <expected>

namespace letterlock::queued::journal {

inline constexpr std::size_t header_size = 4096; // records begin here
inline constexpr std::size_t frame_size = 32;    // before a record's body

struct SegmentHeader {
  std::uint64_t generation = 0;
  Id128 life;
  Sequence first = 0;   // of its first record
  Sequence retired = 0; // no record below this needs anything
  std::int64_t time = 0;
};

enum class HeaderFault : std::uint8_t {
  blank,   // never used
  damaged,
  later,   // of a version that is not known
};

std::array<std::byte, header_size> encode_header(const SegmentHeader& header);
std::expected<SegmentHeader, HeaderFault> decode_header(Bytes bytes);

// Appends the frame, the body and the padding of one record.
void encode_record(const Record& record, std::uint64_t generation, Sequence sequence,
                   Sequence batch, std::string& bytes);

// A record that was found whole, by its checksum; its body is not decoded yet.
struct Frame {
  Sequence sequence = 0;
  Sequence batch = 0;
  std::uint8_t type = 0;
  std::size_t offset = 0; // of the frame, in the bytes searched
  std::size_t length = 0; // with frame and padding
  Bytes body;
};

// The good record at OFFSET of a segment's BYTES, if there is one.
std::optional<Frame> frame_at(Bytes bytes, std::size_t offset, std::uint64_t generation);
// The first good record at or behind OFFSET with a sequence of AT_LEAST.
std::optional<Frame> find_frame(Bytes bytes, std::size_t offset, std::uint64_t generation,
                                Sequence at_least);

} // namespace letterlock::queued::journal
