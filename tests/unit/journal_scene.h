// A journal that is written to a disk that fails when it is told to, and read back.
#pragma once

#include "queued/journal/journal_writer.h"
#include "tests/unit/journal_files.h"

namespace letterlock::queued::journal {

class JournalScene {
public:
  explicit JournalScene(std::size_t slots = 4, std::size_t segment_bytes = small_segment)
      : open_(directory_.open()), files_(open_.get()) {
    begin_.slots = slots;
    begin_.segment_bytes = segment_bytes;
    begin_.life = id_of(1);
  }

  WriterStart& begin() { return begin_; }
  const TemporaryDirectory& directory() const { return directory_; }
  int descriptor() const { return open_.get(); }
  RecordingFileSystem& files() { return files_; }
  JournalWriter& writer() { return *writer_; }

  void start() {
    auto started = JournalWriter::start(files_, open_.get(), begin_, [] { return 1'000; });
    if (!started)
      throw std::runtime_error("the writer does not start: " +
                               std::to_string(started.error().number));
    writer_ = std::move(*started);
  }
  // As queued does at its start.
  Reading restart() {
    writer_.reset();
    Reading reading = reading_of(open_.get());
    begin_.generation = reading.contents.last_generation + 1;
    begin_.sequence = reading.contents.last_sequence + 1;
    begin_.seen = reading.contents.seen;
    begin_.positions = reading.contents.positions;
    start();
    return reading;
  }

  // A message of SIZE octets, committed. Its sequence, or 0.
  Sequence commit(std::uint8_t number, std::size_t size = 10) {
    const std::string content(size, static_cast<char>(number));
    const Sequence sequence = writer_->add(small_accept(number, content));
    last_ = writer_->commit();
    return last_ ? sequence : 0;
  }
  const std::expected<std::vector<Place>, BatchError>& last() const { return last_; }
  std::optional<BatchFault> fault() const {
    return last_ ? std::nullopt : std::optional(last_.error().fault);
  }
  // Up to UP_TO, by a record that is synced.
  void retire(Sequence up_to) {
    writer_->add(Retire{up_to, 2'000});
    last_ = writer_->commit();
    if (last_)
      writer_->retire(up_to);
  }

private:
  TemporaryDirectory directory_;
  UniqueFd open_;
  RecordingFileSystem files_;
  WriterStart begin_;
  std::unique_ptr<JournalWriter> writer_;
  std::expected<std::vector<Place>, BatchError> last_;
};

} // namespace letterlock::queued::journal
