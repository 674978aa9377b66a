// Windows of segments, one ahead of the caller.
#include "queued/journal/found_record_reader.h"

#include "queued/disk/worker_pool.h"
#include "queued/journal/slot_file.h"

#include <algorithm>

namespace letterlock::queued::journal {

namespace {

constexpr std::uint64_t smallest_window = 4096, largest_window = 2u << 20;
constexpr std::uint64_t least_for_thread = 256u << 10; // less is sooner read than it is started

// Does it beside its owner if there is a thread to be had, else at once; it is done when this ends.
class Aside {
public:
  explicit Aside(const std::function<void()>& work) : thread_(try_to_start_thread(work)) {
    if (!thread_)
      work();
  }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;
  ~Aside() {
    if (thread_)
      thread_->join();
  }

private:
  std::optional<std::thread> thread_;
};

} // namespace

void FoundRecordReader::read_all(const Look& look) {
  const auto look_at = [&](const Window& window) {
    for (std::size_t i = 0; i < window.frames.size(); ++i)
      look(records_[window.begin + i], window.frames[i]);
  };
  Window* now = &windows_[0];
  Window* next = &windows_[1];
  fill(*now, 0);
  while (now->end() < records_.size()) {
    const auto fill_next = [&] { fill(*next, now->end()); };
    if (size_ < least_for_thread) {
      fill_next();
      look_at(*now);
    } else {
      const Aside reading(fill_next);
      look_at(*now);
    }
    std::swap(now, next);
  }
  look_at(*now);
}

// As many records as are whole in a window that begins with the first; a longer one by itself.
void FoundRecordReader::fill(Window& window, std::size_t begin) {
  window.begin = begin;
  window.frames.clear();
  if (begin == records_.size())
    return;
  const std::uint16_t number = records_[begin].segment;
  const Segment& segment = segments_[number];
  const std::size_t at = records_[begin].offset();
  const auto read = [&](std::uint64_t length) {
    window.bytes.resize(static_cast<std::size_t>(std::min(length, segment.size - at)));
    read_slot(segment.file, at, window.bytes);
  };
  const auto frame_of = [&](const FoundRecord& record) {
    auto frame = frame_at(window.bytes, record.offset() - at, segment.generation);
    if (frame && frame->sequence != record.sequence)
      frame.reset();
    return frame;
  };
  read(size_);
  auto frame = frame_of(records_[begin]);
  if (!frame) {
    ByteReader start(window.bytes);
    start.take(4); // crc
    read(start.number<std::uint32_t>().value_or(0));
    frame = frame_of(records_[begin]);
    window.frames.push_back(frame);
    resize(frame ? frame->length : 0);
    return;
  }
  std::size_t used = 0;
  while (frame) {
    used = frame->offset + frame->length;
    window.frames.push_back(frame);
    if (window.end() == records_.size() || records_[window.end()].segment != number ||
        records_[window.end()].offset() < at)
      break;
    frame = frame_of(records_[window.end()]);
  }
  resize(used);
}

void FoundRecordReader::resize(std::uint64_t used) {
  size_ = std::clamp(2 * used, smallest_window, largest_window);
}

} // namespace letterlock::queued::journal
