// Runs of records, and which of them count.
#include "queued/journal/segment_scan.h"

#include "queued/journal/record_tags.h"

#include <algorithm>

namespace letterlock::queued::journal {

namespace {

class Scanner {
public:
  Scanner(Bytes bytes, const SegmentHeader& header, std::uint16_t segment)
      : bytes_(bytes), header_(header), segment_(segment), finder_(bytes, header.generation) {}

  SegmentScan scan(Sequence promised) {
    find_runs();
    drop_what_was_torn(promised);
    note_tail(promised);
    return std::move(result_);
  }

private:
  void find_runs() {
    std::size_t offset = header_size;
    Sequence due = header_.first;
    result_.runs.push_back({due, due, 0, offset, offset, 0});
    for (;;) {
      auto frame = frame_at(bytes_, offset, header_.generation);
      // Any good record is of use when the due one is not there.
      if (!frame)
        frame = finder_.find(offset, 1);
      if (!frame)
        return;
      if (frame->offset != offset || !continues(*frame, due))
        result_.runs.push_back({frame->sequence, 0, 0, frame->offset, 0, result_.records.size()});
      take(*frame, result_.runs.back());
      offset = frame->offset + frame->length;
      due = frame->sequence + 1;
    }
  }

  static std::optional<Void> void_in(const Frame& frame) {
    const auto decoded = decode_body(frame.type, frame.body);
    if (!decoded || !*decoded || !std::holds_alternative<Void>(**decoded))
      return std::nullopt;
    return std::get<Void>(**decoded);
  }

  static bool continues(const Frame& frame, Sequence due) {
    if (frame.sequence == due)
      return true;
    const auto range = frame.type == type::voided ? void_in(frame) : std::nullopt;
    return range && range->from <= due && range->to + 1 == frame.sequence;
  }

  void take(const Frame& frame, Run& run) {
    run.next = frame.sequence + 1;
    run.end = frame.offset + frame.length;
    run.newest_batch = std::max(run.newest_batch, frame.batch);
    result_.highest = std::max(result_.highest, frame.sequence);
    result_.records.push_back({frame.sequence,
                               static_cast<std::uint32_t>(frame.offset / FoundRecord::alignment),
                               segment_});
    if (frame.type != type::voided && frame.type != type::retire)
      return;
    const auto decoded = decode_body(frame.type, frame.body);
    if (!decoded || !*decoded)
      return; // the reader says so
    if (const auto* range = std::get_if<Void>(&**decoded)) {
      // One that covers itself or what comes later was not written by us.
      if (range->to < frame.sequence)
        result_.voids.push_back({*range, result_.records.size() - 1});
    } else {
      result_.retires.push_back({std::get<Retire>(**decoded), result_.records.size() - 1});
    }
  }

  // Behind a gap a run counts if the missing records were durable before it was written: if
  // something behind the gap, in this segment or a later one, was begun after they were synced.
  void drop_what_was_torn(Sequence promised) {
    auto& runs = result_.runs;
    std::vector<Sequence> newest(runs.size() + 1, 0);
    for (std::size_t i = runs.size(); i-- > 0;)
      newest[i] = std::max(newest[i + 1], runs[i].newest_batch);
    for (std::size_t i = 1; i < runs.size(); ++i) {
      const Sequence missing = runs[i - 1].next;
      if (newest[i] > missing || promised > missing) {
        result_.gaps.push_back({runs[i - 1].end, runs[i].begin, missing, runs[i].first});
        continue;
      }
      result_.cut = runs.back().end - runs[i - 1].end;
      forget(runs[i].records);
      runs.resize(i);
      return;
    }
  }

  void forget(std::size_t records) {
    result_.records.resize(records);
    std::erase_if(result_.voids, [&](const FoundVoid& one) { return one.record >= records; });
    std::erase_if(result_.retires, [&](const FoundRetire& one) { return one.record >= records; });
  }

  void note_tail(Sequence promised) {
    const Run& last = result_.runs.back();
    if (promised > last.next) {
      const std::size_t more = without_trailing_zeros(bytes_.subspan(last.end)).size();
      result_.gaps.push_back({last.end, last.end + more, last.next, promised});
    } else if (result_.cut == 0) {
      result_.cut = claimed_length(bytes_, last.end, header_.generation);
    }
  }

  Bytes bytes_;
  const SegmentHeader& header_;
  std::uint16_t segment_;
  FrameFinder finder_;
  SegmentScan result_;
};

} // namespace

SegmentScan scan_segment(Bytes bytes, const SegmentHeader& header, Sequence promised,
                         std::uint16_t segment) {
  return Scanner(bytes, header, segment).scan(promised);
}

} // namespace letterlock::queued::journal
