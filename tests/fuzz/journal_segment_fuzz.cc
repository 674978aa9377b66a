// A segment with records and the input's bytes between and over them: a scan ends, keeps its
// promises about what it found, and takes nothing for a record that was not written as one.
#include "common/base/crc32c.h"
#include "queued/journal/segment_scan.h"
#include "tests/fuzz/fuzz.h"

#include <cstring>

using namespace letterlock;
using namespace letterlock::queued::journal;
using fuzz::require;

namespace {

constexpr std::uint64_t generation = 0x123456789a;

void check(Bytes bytes, const SegmentHeader& header, Sequence promised) {
  const SegmentScan scan = scan_segment(bytes, header, promised, 3);
  require(!scan.runs.empty() && scan.runs.front().begin == header_size);
  std::size_t at = header_size;
  for (const Run& run : scan.runs) {
    require(run.begin >= at && run.end >= run.begin && run.end <= bytes.size());
    at = run.end;
  }
  std::size_t last = 0;
  for (const FoundRecord& record : scan.records) {
    require(record.offset() > last && record.segment == 3);
    last = record.offset();
    const auto frame = frame_at(bytes, record.offset(), header.generation);
    require(frame && frame->sequence == record.sequence && record.sequence <= scan.highest);
    const auto decoded = decode_body(frame->type, frame->body);
    std::string again;
    if (decoded && *decoded)
      encode_body(**decoded, again);
  }
  for (const Gap& gap : scan.gaps)
    require(gap.begin <= gap.end && gap.end <= bytes.size());
  for (const FoundVoid& one : scan.voids)
    require(one.record < scan.records.size());
  for (const FoundRetire& one : scan.retires)
    require(one.record < scan.records.size());
  if (promised >= implausible_sequence - 1)
    require(scan.cut == 0);
}

void check_header(const std::string& page) {
  const auto header = decode_header(as_bytes(page));
  if (!header)
    return;
  const auto encoded = encode_header(*header);
  require(as_text(encoded).substr(0, 64) == std::string_view(page).substr(0, 64));
}

// Frames whose fields the input chooses and whose checksums are right.
std::string sealed_frames(Bytes input) {
  std::string bytes;
  ByteReader reader(input);
  while (reader.left() > 4) {
    const auto type = reader.number<std::uint8_t>().value_or(0);
    const auto sequence = reader.number<std::uint8_t>().value_or(0);
    const auto batch = reader.number<std::uint8_t>().value_or(0);
    const std::size_t size = reader.number<std::uint8_t>().value_or(0);
    const Bytes body = reader.take(std::min(size, reader.left())).value_or(Bytes{});
    std::string frame;
    encode_record(Retire{}, generation, sequence, batch, frame);
    frame.resize(frame_size);
    frame[28] = static_cast<char>(type);
    const std::size_t padding = (8 - body.size() % 8) % 8;
    frame[29] = static_cast<char>(padding);
    frame += as_text(body);
    frame.append(padding, '\0');
    const std::size_t length = frame.size();
    for (std::size_t i = 0; i < 4; ++i)
      frame[4 + i] = static_cast<char>(length >> 8 * i & 0xff);
    restamp(frame, generation, batch);
    bytes += frame;
    if ((type & 0x80) != 0) // something between
      bytes.append(8, static_cast<char>(type));
  }
  return bytes;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input = std::as_bytes(std::span(data, size));
  // Any bytes as a header, and with a checksum that is right.
  std::string page(header_size, '\0');
  std::memcpy(page.data(), data, std::min(size, page.size()));
  check_header(page);
  const std::uint32_t crc = crc32c(0, as_bytes(page).first(60));
  for (std::size_t i = 0; i < 4; ++i)
    page[60 + i] = static_cast<char>(crc >> 8 * i & 0xff);
  check_header(page);

  SegmentHeader header;
  header.generation = generation;
  header.first = 1;
  header.retired = 1;
  const auto start = encode_header(header);
  for (const std::string& records : {std::string(as_text(input)), sealed_frames(input)}) {
    const std::string bytes = std::string(as_text(start)) + records + std::string(64, '\0');
    for (const Sequence promised : {Sequence{0}, Sequence{5}, implausible_sequence - 1})
      check(as_bytes(bytes), header, promised);
  }
  return 0;
}
