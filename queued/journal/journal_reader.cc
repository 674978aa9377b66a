// Reading all segments: headers, then a pass that finds the records, then one that visits them.
#include "queued/journal/journal_reader.h"

#include "common/os/read_ahead.h"
#include "queued/disk/directory.h"
#include "queued/disk/worker_pool.h"
#include "queued/journal/damage_list.h"
#include "queued/journal/found_record_reader.h"
#include "queued/journal/remembered.h"
#include "queued/journal/slot_file.h"
#include "queued/journal/void_filter.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <thread>

namespace letterlock::queued::journal {

namespace {

// Each holds a segment in memory.
constexpr std::size_t most_threads = 4;
constexpr std::uint64_t least_for_threads = 16u << 20; // less is sooner read than they are started

struct Segment {
  std::uint32_t slot = 0;
  SlotFile file;
  SegmentHeader header;
  std::vector<Run> runs;
  std::vector<Gap> gaps;
};

class JournalReading {
public:
  JournalReading(int directory, const Visit& visit) : directory_(directory), visit_(visit) {}

  SystemResult<Contents> read() {
    if (const auto found = find_segments(); !found)
      return std::unexpected(found.error());
    scan_all();
    find_last_batch();
    keep_what_counts(records_, voids_);
    take_all();
    report_gaps();
    contents_.damage = damage_.take();
    contents_.seen = remembered_.seen(most_seen).transactions;
    contents_.positions = remembered_.positions().mailboxes;
    return std::move(contents_);
  }

private:
  SystemResult<void> find_segments() {
    std::vector<std::uint32_t> slots;
    const auto visited = visit_directory(directory_, [&](const std::string& name, FileKind) {
      if (const auto slot = slot_of_name(name))
        slots.push_back(*slot);
      return true;
    });
    if (!visited)
      return visited;
    std::sort(slots.begin(), slots.end());
    for (const std::uint32_t slot : slots)
      if (auto opened = open(slot); !opened)
        return opened;
    std::stable_sort(segments_.begin(), segments_.end(), [](const Segment& a, const Segment& b) {
      return a.header.generation < b.header.generation;
    });
    for (std::size_t i = 1; i < segments_.size();)
      if (segments_[i].header.generation == segments_[i - 1].header.generation) {
        ++contents_.lost_slots;
        damage_.add_slot(segments_[i].slot,
                         "the same segment as in slot " + std::to_string(segments_[i - 1].slot));
        segments_.erase(segments_.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    return {};
  }

  SystemResult<void> open(std::uint32_t slot) {
    auto file = open_slot(directory_, slot);
    if (!file) {
      if (const Errno error{file.error().number}; error.is_our_own())
        return std::unexpected(error);
      if (file.error().fault != SlotFault::absent) {
        ++contents_.lost_slots;
        damage_.add_slot(slot, file.error().text);
      }
      return {};
    }
    std::vector<std::byte> start(header_size + frame_size);
    read_slot(file->file.get(), 0, start);
    const auto header = decode_header(start);
    if (header) {
      contents_.retired = std::max(contents_.retired, header->retired);
      contents_.last_time = std::max(contents_.last_time, header->time);
      contents_.last_generation = std::max(contents_.last_generation, header->generation);
      saw(header->first - 1);
    }
    if (header && !header->vacated) {
      Segment segment;
      segment.slot = slot;
      segment.file = std::move(*file);
      segment.header = *header;
      segments_.push_back(std::move(segment));
    } else if (header) {
      return {};
    } else if (header.error() == HeaderFault::blank) {
      // A first batch whose header did not get to the disk.
      const Bytes first_frame = Bytes(start).subspan(header_size);
      if (std::any_of(first_frame.begin(), first_frame.end(),
                      [](std::byte b) { return b != std::byte{0}; }))
        contents_.cut += frame_size;
    } else {
      ++contents_.lost_slots;
      damage_.add_slot(slot, header.error() == HeaderFault::later ? "of a later version"
                                                                  : "its header is damaged");
    }
    return {};
  }

  // Each by itself: what is in one says nothing about another. Large ones by several threads, since
  // a disk is as fast as one of them.
  void scan_all() {
    std::uint64_t octets = 0, longest = 0;
    for (const Segment& segment : segments_) {
      contents_.firsts.push_back(segment.header.first);
      octets += segment.file.size;
      longest = std::max(longest, segment.file.size);
      os::read_ahead(segment.file.file.get(), 0, 0);
    }
    std::vector<Scanned> found(segments_.size());
    std::atomic<std::size_t> next = 0;
    const auto scan_some = [&] {
      const auto buffer = std::make_unique_for_overwrite<std::byte[]>(longest);
      for (std::size_t number; (number = next++) < segments_.size();)
        found[number] = scan(number, buffer.get());
    };
    std::vector<std::thread> threads;
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t i = 1; i < std::min(cores, most_threads) && octets >= least_for_threads; ++i)
      if (auto thread = try_to_start_thread(scan_some))
        threads.push_back(std::move(*thread));
    scan_some();
    for (std::thread& thread : threads)
      thread.join();
    for (std::size_t i = 0; i < segments_.size(); ++i)
      add(segments_[i], static_cast<std::uint16_t>(i), std::move(found[i]));
  }

  struct Scanned {
    SegmentScan scan;
    bool all_was_read = false;
  };
  Scanned scan(std::size_t number, std::byte* buffer) const {
    const Segment& segment = segments_[number];
    Sequence promised = 0;
    for (std::size_t i = number + 1; i < segments_.size(); ++i)
      promised = std::max(promised, segments_[i].header.first);
    const std::span bytes(buffer, segment.file.size);
    const bool read = read_slot(segment.file.file.get(), 0, bytes);
    return {scan_segment(bytes, segment.header, promised, static_cast<std::uint16_t>(number)),
            read};
  }

  void add(Segment& segment, std::uint16_t in_order, Scanned scanned) {
    if (!scanned.all_was_read)
      damage_.add(segment.slot, 0, header_size, "not all of it can be read");
    SegmentScan& found = scanned.scan;
    saw(found.highest);
    contents_.cut += found.cut;
    segment.runs = std::move(found.runs);
    segment.gaps = std::move(found.gaps);
    records_.insert(records_.end(), found.records.begin(), found.records.end());
    for (const FoundVoid& one : found.voids) {
      voids_.push_back({one.range, in_order});
      saw(one.range.to);
    }
    for (const FoundRetire& one : found.retires) {
      contents_.retired = std::max(contents_.retired, one.retire.up_to + 1);
      contents_.last_time = std::max(contents_.last_time, one.retire.time);
      saw(one.retire.up_to);
    }
  }

  // Each batch says where it began: all before that was synced before it was written.
  void find_last_batch() {
    if (segments_.empty())
      return;
    const Segment& last = segments_.back();
    Sequence begin = 0;
    for (const Run& run : last.runs)
      begin = std::max(begin, run.newest_batch);
    contents_.end = last.runs.empty() ? last.header.first : last.runs.back().next;
    LastBatch batch{last.slot, header_size, 0};
    const std::size_t end = last.runs.empty() ? header_size : last.runs.back().end;
    const auto first = std::find_if(records_.begin(), records_.end(), [&](const FoundRecord& one) {
      return one.segment == segments_.size() - 1 && one.sequence >= begin;
    });
    if (first != records_.end()) {
      batch.offset = first->offset();
      batch.length = end - batch.offset;
    }
    contents_.last_batch = batch;
  }

  void saw(Sequence sequence) {
    contents_.last_sequence = std::max(contents_.last_sequence, sequence);
  }

  void take_all() {
    std::vector<FoundRecordReader::Segment> segments;
    for (const Segment& segment : segments_)
      segments.push_back({segment.file.file.get(), segment.file.size, segment.header.generation});
    FoundRecordReader(segments, records_)
        .read_all([this](const FoundRecord& found, const std::optional<Frame>& frame) {
          take(found, frame);
        });
  }

  void take(const FoundRecord& found, const std::optional<Frame>& frame) {
    const Segment& segment = segments_[found.segment];
    if (!frame) {
      if (found.sequence >= contents_.retired)
        damage_.add(segment.slot, found.offset(), frame_size, "a record that changes");
      return;
    }
    const auto record = decode_body(frame->type, frame->body);
    if (record && *record)
      remembered_.note(**record);
    if (found.sequence < contents_.retired)
      return;
    if (!record || !*record) {
      damage_.add(segment.slot, found.offset(), frame->length,
                  record ? record->error().text
                         : "a record of a type that is not known: " + std::to_string(frame->type));
      return;
    }
    visit_(**record, found.sequence,
           Place{segment.slot, segment.header.generation, found.offset(),
                 static_cast<std::uint32_t>(frame->length)});
  }

  void report_gaps() {
    Coverage known;
    known.add(0, contents_.retired);
    for (const VoidRange& one : voids_)
      known.add(one.range.from, one.range.to + 1);
    for (const Segment& segment : segments_)
      for (const Run& run : segment.runs)
        known.add(run.first, run.next);
    known.close();
    for (const Segment& segment : segments_)
      for (const Gap& gap : segment.gaps)
        if (!known.covers(gap.first, gap.next))
          report(segment.slot, gap.begin, gap.end, missing(gap.first, gap.next));
    if (!segments_.empty() && contents_.retired < segments_.front().header.first)
      report(segments_.front().slot, 0, 0,
             "before it, " + missing(contents_.retired, segments_.front().header.first));
  }

  // Where nothing is left of what is missing, the header stands for it.
  void report(std::uint32_t slot, std::size_t begin, std::size_t end, std::string why) {
    if (begin >= end) {
      begin = 0;
      end = header_size;
    }
    damage_.add(slot, begin, end - begin, std::move(why));
  }

  static std::string missing(Sequence first, Sequence next) {
    return "records " + std::to_string(first) + " to " + std::to_string(next - 1) + " are missing";
  }

  int directory_;
  const Visit& visit_;
  Contents contents_;
  DamageList damage_;
  Remembered remembered_;
  std::vector<Segment> segments_; // by generation
  std::vector<FoundRecord> records_;
  std::vector<VoidRange> voids_;
};

} // namespace

SystemResult<Contents> read_journal(int directory, const Visit& visit) {
  return JournalReading(directory, visit).read();
}

SystemResult<Record> read_record(int directory, const Place& place, std::string& buffer) {
  return RecordReader(directory).read(place, buffer);
}

SystemResult<Record> RecordReader::read(const Place& place, std::string& buffer) {
  if (file_.file && slot_ == place.slot)
    if (auto record = read_open(place, buffer))
      return record;
  auto file = open_slot(directory_, place.slot);
  if (!file)
    return std::unexpected(Errno{file.error().number == 0 ? ENOENT : file.error().number});
  slot_ = place.slot;
  file_ = std::move(*file);
  return read_open(place, buffer);
}

SystemResult<Record> RecordReader::read_open(const Place& place, std::string& buffer) const {
  const std::unexpected<Errno> gone(Errno{ENOENT});
  if (place.offset > file_.size || place.length > file_.size - place.offset)
    return gone;
  buffer.resize(place.length);
  read_slot(file_.file.get(), place.offset,
            std::as_writable_bytes(std::span(buffer.data(), buffer.size())));
  const auto frame = frame_at(as_bytes(buffer), 0, place.generation);
  if (!frame || frame->length != place.length)
    return gone;
  auto record = decode_body(frame->type, frame->body);
  if (!record || !*record)
    return gone;
  return std::move(**record);
}

} // namespace letterlock::queued::journal
