// Headers and frames, to bytes and back.
#include "queued/journal/segment.h"

#include "common/base/crc32c.h"
#include "queued/journal/crc32c_parts.h"
#include "queued/journal/number_bytes.h"

#include <algorithm>
#include <cstring>

namespace letterlock::queued::journal {

namespace {

constexpr std::string_view magic = "LLJOURN1"; // the last character is the version
constexpr std::size_t summed_header = 60;
constexpr std::size_t header_fields = summed_header + 4;
constexpr std::size_t alignment = 8; // of records

constexpr std::size_t zeros = 4096; // looked at together

bool all_zero(Bytes bytes) {
  return bytes[0] == std::byte{0} &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

// Where the fields of a frame are.
constexpr std::size_t at_crc = 0, at_length = 4, at_batch = 16, at_generation = 24;

std::uint32_t low_half(std::uint64_t generation) {
  return static_cast<std::uint32_t>(generation);
}

std::uint32_t checksum_of_generation(std::uint64_t generation) {
  std::string bytes;
  append_number(bytes, generation);
  return crc32c(0, as_bytes(bytes));
}

std::uint32_t number_at(Bytes bytes, std::size_t offset) {
  return ByteReader(bytes.subspan(offset, 4)).number<std::uint32_t>().value_or(0);
}

// A frame that can be good, as far as its fields tell.
struct Claim {
  std::uint32_t crc = 0;
  Frame frame;
};

std::optional<Claim> claim_at(Bytes bytes, std::size_t offset, std::uint64_t generation) {
  if (offset > bytes.size() || bytes.size() - offset < frame_size ||
      number_at(bytes, offset + at_generation) != low_half(generation)) // the quickest to tell
    return std::nullopt;
  const Bytes rest = bytes.subspan(offset);
  ByteReader fields(rest);
  Claim claim;
  claim.crc = fields.number<std::uint32_t>().value_or(0);
  const std::size_t length = fields.number<std::uint32_t>().value_or(0);
  claim.frame.sequence = fields.number<std::uint64_t>().value_or(0);
  claim.frame.batch = fields.number<std::uint64_t>().value_or(0);
  fields.take(4);
  claim.frame.type = fields.number<std::uint8_t>().value_or(0);
  const std::size_t padding = fields.number<std::uint8_t>().value_or(0);
  const bool possible =
      fields.number<std::uint16_t>() == 0 && length % alignment == 0 && length <= rest.size() &&
      padding < alignment && length >= frame_size + padding && claim.frame.batch > 0 &&
      claim.frame.batch <= claim.frame.sequence && claim.frame.sequence < implausible_sequence;
  if (!possible)
    return std::nullopt;
  const Bytes padded = rest.subspan(length - padding, padding);
  if (std::any_of(padded.begin(), padded.end(), [](std::byte b) { return b != std::byte{0}; }))
    return std::nullopt;
  claim.frame.offset = offset;
  claim.frame.length = length;
  claim.frame.body = rest.subspan(frame_size, length - padding - frame_size);
  return claim;
}

// Fills in what depends on the segment and the batch, and the checksum. The length of the frame.
std::size_t stamp(std::string& bytes, std::size_t start, std::uint64_t generation, Sequence batch) {
  const std::size_t length = number_at(as_bytes(bytes), start + at_length);
  put_number(bytes, start + at_batch, batch);
  put_number(bytes, start + at_generation, low_half(generation));
  const std::string_view summed = std::string_view(bytes).substr(start + 4, length - 4);
  put_number(bytes, start + at_crc, crc32c(checksum_of_generation(generation), as_bytes(summed)));
  return length;
}

} // namespace

std::array<std::byte, header_size> encode_header(const SegmentHeader& header) {
  std::string bytes(magic);
  append_number(bytes, header.generation);
  bytes.append(reinterpret_cast<const char*>(header.life.bytes.data()), header.life.bytes.size());
  append_number(bytes, header.first);
  append_number(bytes, header.retired);
  append_number(bytes, header.time);
  append_number(bytes, std::uint32_t{header.vacated});
  append_number(bytes, crc32c(0, as_bytes(bytes)));
  std::array<std::byte, header_size> page{};
  std::memcpy(page.data(), bytes.data(), bytes.size());
  return page;
}

std::expected<SegmentHeader, HeaderFault> decode_header(Bytes bytes) {
  if (bytes.size() < header_size)
    return std::unexpected(HeaderFault::damaged);
  const Bytes fields = bytes.first(header_fields);
  if (std::all_of(fields.begin(), fields.end(), [](std::byte b) { return b == std::byte{0}; }))
    return std::unexpected(HeaderFault::blank);
  const std::string_view start = as_text(fields.first(magic.size()));
  const auto name = magic.substr(0, magic.size() - 1);
  if (start.starts_with(name) && start.back() > magic.back() && start.back() <= 'z')
    return std::unexpected(HeaderFault::later);
  if (start != magic || number_at(fields, summed_header) != crc32c(0, fields.first(summed_header)))
    return std::unexpected(HeaderFault::damaged);

  ByteReader reader(fields.subspan(magic.size()));
  SegmentHeader header;
  header.generation = reader.number<std::uint64_t>().value_or(0);
  std::memcpy(header.life.bytes.data(), reader.take(16).value_or(Bytes{}).data(), 16);
  header.first = reader.number<std::uint64_t>().value_or(0);
  header.retired = reader.number<std::uint64_t>().value_or(0);
  header.time = reader.number<std::int64_t>().value_or(0);
  const auto state = reader.number<std::uint32_t>().value_or(0);
  header.vacated = state == 1;
  const bool plausible = header.generation > 0 && header.first > 0 && header.retired > 0 &&
                         header.first < implausible_sequence && header.retired <= header.first;
  if (state > 1 || !plausible)
    return std::unexpected(HeaderFault::damaged);
  return header;
}

void encode_record(const Record& record, std::uint64_t generation, Sequence sequence,
                   Sequence batch, std::string& bytes) {
  const std::size_t start = bytes.size();
  bytes.append(frame_size, '\0');
  encode_body(record, bytes);
  const std::size_t padding = (alignment - (bytes.size() - start) % alignment) % alignment;
  bytes.append(padding, '\0');
  put_number(bytes, start + 4, static_cast<std::uint32_t>(bytes.size() - start));
  put_number(bytes, start + 8, sequence);
  put_number(bytes, start + 28, type_of(record));
  put_number(bytes, start + 29, static_cast<std::uint8_t>(padding));
  stamp(bytes, start, generation, batch);
}

void restamp(std::string& bytes, std::uint64_t generation, Sequence batch) {
  for (std::size_t start = 0; start < bytes.size();)
    start += stamp(bytes, start, generation, batch);
}

Bytes without_trailing_zeros(Bytes bytes) {
  while (bytes.size() >= zeros && all_zero(bytes.last(zeros)))
    bytes = bytes.first(bytes.size() - zeros);
  while (!bytes.empty() && bytes.back() == std::byte{0})
    bytes = bytes.first(bytes.size() - 1);
  return bytes;
}

std::optional<Frame> frame_at(Bytes bytes, std::size_t offset, std::uint64_t generation) {
  const auto claim = claim_at(bytes, offset, generation);
  if (!claim || claim->crc != crc32c(checksum_of_generation(generation),
                                     bytes.subspan(offset + 4, claim->frame.length - 4)))
    return std::nullopt;
  return claim->frame;
}

std::size_t claimed_length(Bytes bytes, std::size_t offset, std::uint64_t generation) {
  const auto claim = claim_at(bytes, offset, generation);
  return claim ? claim->frame.length : 0;
}

std::uint32_t FrameFinder::checksum(std::size_t offset, std::size_t length) {
  const std::uint32_t before = checksum_of_generation(generation_);
  // Beyond this, a sum of parts is quicker.
  constexpr std::size_t part = 1024;
  if (length <= 2 * part)
    return crc32c(before, bytes_.subspan(offset, length));
  if (passed_.empty()) {
    passed_.reserve(bytes_.size() / part + 1);
    passed_.push_back(0);
    for (std::size_t at = 0; bytes_.size() - at >= part; at += part)
      passed_.push_back(crc32c(passed_.back(), bytes_.subspan(at, part)));
  }
  const std::size_t from = (offset + part - 1) / part, to = (offset + length) / part;
  const std::uint32_t head = crc32c(before, bytes_.subspan(offset, from * part - offset));
  const std::uint32_t middle = crc32c_of_rest(passed_[from], passed_[to], (to - from) * part);
  return crc32c(crc32c_joined(head, middle, (to - from) * part),
                bytes_.subspan(to * part, offset + length - to * part));
}

std::optional<Frame> FrameFinder::find(std::size_t offset, Sequence at_least) {
  for (std::size_t at = (offset + alignment - 1) / alignment * alignment;
       at < bytes_.size() && bytes_.size() - at >= frame_size; at += alignment) {
    // Most of a segment that was begun lately. No record has the length zero.
    while (at % zeros == 0 && bytes_.size() - at > zeros && all_zero(bytes_.subspan(at, zeros)))
      at += zeros;
    const auto claim = claim_at(bytes_, at, generation_);
    if (claim && claim->frame.sequence >= at_least &&
        claim->crc == checksum(at + 4, claim->frame.length - 4))
      return claim->frame;
  }
  return std::nullopt;
}

std::optional<Frame> find_frame(Bytes bytes, std::size_t offset, std::uint64_t generation,
                                Sequence at_least) {
  return FrameFinder(bytes, generation).find(offset, at_least);
}

} // namespace letterlock::queued::journal
