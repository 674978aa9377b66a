// Journals made by hand, and what a reader says of them.
#pragma once

#include "queued/journal/journal_reader.h"
#include "tests/unit/journal_bytes.h"
#include "tests/unit/store_support.h"

#include <map>

namespace letterlock::queued::journal {

inline constexpr std::size_t small_segment = 64 * 1024;

// One segment, growing. Its generation is 1000 times NUMBER.
class SegmentBytes {
public:
  SegmentBytes(std::uint64_t number, Sequence first, Sequence retired = 1,
               std::size_t size = small_segment)
      : generation_(number * 1000), next_(first), size_(size) {
    SegmentHeader header;
    header.generation = generation_;
    header.life = id_of(static_cast<std::uint8_t>(number));
    header.first = first;
    header.retired = retired;
    header.time = static_cast<std::int64_t>(number);
    const auto page = encode_header(header);
    bytes_ = as_text(page);
  }

  // The next record, in the batch that began at BATCH. Where it is.
  Place add(const Record& record, Sequence batch) { return add_as(next_, record, batch); }
  Place add_as(Sequence sequence, const Record& record, Sequence batch) {
    Place place{0, generation_, bytes_.size(), 0};
    encode_record(record, generation_, sequence, batch, bytes_);
    place.length = static_cast<std::uint32_t>(bytes_.size() - place.offset);
    next_ = sequence + 1;
    return place;
  }
  void add_raw(std::string_view bytes) { bytes_ += bytes; }
  void spoil(const Place& place) {
    char& byte = bytes_[place.offset + place.length - 9];
    byte = static_cast<char>(byte ^ 1);
  }
  void clear(const Place& place) {
    bytes_.replace(place.offset, place.length, std::string(place.length, '\0'));
  }

  std::uint64_t generation() const { return generation_; }
  std::size_t used() const { return bytes_.size(); }
  std::string whole() const {
    std::string all = bytes_;
    all.resize(size_);
    return all;
  }

private:
  std::uint64_t generation_;
  Sequence next_;
  std::size_t size_;
  std::string bytes_;
};

// All that a reader said; records as their encoded bodies, by sequence.
struct Reading {
  std::map<Sequence, std::string> records;
  std::map<Sequence, Place> places;
  Contents contents;
  bool in_order = true;

  std::string sequences() const {
    std::string all;
    for (const auto& [sequence, body] : records)
      all += (all.empty() ? "" : " ") + std::to_string(sequence);
    return all;
  }
};

inline Reading reading_of(int directory) {
  Reading reading;
  Sequence last = 0;
  auto contents =
      read_journal(directory, [&](const Record& record, Sequence sequence, const Place& place) {
        reading.in_order = reading.in_order && sequence > last;
        last = sequence;
        reading.records[sequence] = static_cast<char>(type_of(record)) + body_of(record);
        reading.places[sequence] = place;
      });
  if (!contents)
    throw std::runtime_error("the directory cannot be read");
  reading.contents = std::move(*contents);
  return reading;
}

inline Reading reading_of(const TemporaryDirectory& directory) {
  return reading_of(directory.open().get());
}

} // namespace letterlock::queued::journal
