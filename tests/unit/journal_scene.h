// A journal that is written to a disk that fails when it is told to, and read back.
#pragma once

#include "queued/journal/journal_writer.h"
#include "tests/unit/journal_files.h"

namespace letterlock::queued::journal {

// What a power cut may leave, sector by sector: ALL was written, and of it SYNCED was synced; KEEP
// says for each sector that was not whether it got there. A name that was not synced may be lost.
template <class Keep>
void lay_out_sectors(const TemporaryDirectory& all, const TemporaryDirectory& synced,
                     const TemporaryDirectory& into, Keep&& keep) {
  constexpr std::size_t sector = 512;
  for (const std::string& name : all.names(".")) {
    const bool is_synced = std::filesystem::exists(synced.path() / name);
    if (!is_synced && !keep())
      continue;
    std::string bytes = all.read(name);
    std::string older = is_synced ? synced.read(name) : std::string();
    older.resize(bytes.size());
    for (std::size_t at = 0; at < bytes.size(); at += sector)
      if (bytes.compare(at, sector, older, at, sector) != 0 && !keep())
        bytes.replace(at, sector, older, at, sector);
    into.write(name, bytes);
  }
}

// A disk that can lose the second half of a write, or fail altogether.
class FailingDisk final : public FileSystem {
public:
  explicit FailingDisk(FileSystem& below) : below_(below) {}

  // The next write stops half way.
  void tear_next_write() { tear_ = true; }
  // All that changes content fails.
  void set_dead(bool dead) { dead_ = dead; }

  SystemResult<UniqueFd> create_file(int directory, const std::string& name, mode_t mode) override {
    return below_.create_file(directory, name, mode);
  }
  SystemResult<UniqueFd> create_unnamed_file(int directory) override {
    return below_.create_unnamed_file(directory);
  }
  SystemResult<UniqueFd> open_file(int directory, const std::string& name) override {
    return below_.open_file(directory, name);
  }
  SystemResult<void> append(int file, Bytes bytes) override {
    return dead_ ? dead() : below_.append(file, bytes);
  }
  SystemResult<void> write_at(int file, std::uint64_t offset, Bytes bytes) override {
    if (dead_)
      return dead();
    if (!std::exchange(tear_, false))
      return below_.write_at(file, offset, bytes);
    const auto half = below_.write_at(file, offset, bytes.first(bytes.size() / 2));
    return half ? dead() : half;
  }
  SystemResult<void> truncate(int file) override { return below_.truncate(file); }
  SystemResult<void> sync_file(int file) override {
    return dead_ ? dead() : below_.sync_file(file);
  }
  SystemResult<void> sync_directory(int directory) override {
    return dead_ ? dead() : below_.sync_directory(directory);
  }
  SystemResult<void> sync_everything(int directory) override {
    return below_.sync_everything(directory);
  }
  SystemResult<void> link(int from, const std::string& from_name, int to,
                          const std::string& to_name) override {
    return below_.link(from, from_name, to, to_name);
  }
  SystemResult<void> rename(int from, const std::string& from_name, int to,
                            const std::string& to_name) override {
    return below_.rename(from, from_name, to, to_name);
  }
  SystemResult<void> unlink(int directory, const std::string& name) override {
    return below_.unlink(directory, name);
  }
  SystemResult<void> make_directory(int directory, const std::string& name, mode_t mode) override {
    return below_.make_directory(directory, name, mode);
  }
  SystemResult<FreeSpace> free_space(int directory) override {
    return below_.free_space(directory);
  }

private:
  static std::unexpected<Errno> dead() { return std::unexpected(Errno{EIO}); }

  FileSystem& below_;
  bool tear_ = false, dead_ = false;
};

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
  FailingDisk& disk() { return disk_; }
  JournalWriter& writer() { return *writer_; }

  void start() {
    auto started = JournalWriter::start(disk_, open_.get(), begin_, [] { return 1'000; });
    if (!started)
      throw std::runtime_error("the writer does not start: " +
                               std::to_string(started.error().number));
    writer_ = std::move(*started);
  }
  // As queued does at its start. NEEDED: the first record that something is left to do for.
  Reading restart(Sequence needed = 0) {
    writer_.reset();
    Reading reading = reading_of(open_.get());
    begin_.generation = reading.contents.last_generation + 1;
    begin_.sequence = reading.contents.last_sequence + 1;
    begin_.cut_from = reading.contents.end;
    begin_.retired = needed != 0 ? needed : begin_.sequence;
    begin_.durably_retired = reading.contents.retired;
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
  // The numbers of the messages that are read, "1 2 3".
  std::string messages() const {
    const Reading reading = reading_of(open_.get());
    if (!reading.contents.damage.empty())
      return "damage: " + reading.contents.damage.front().why;
    return messages_of(reading);
  }
  // The same after a power cut now.
  std::string messages_after_power_cut() const {
    const TemporaryDirectory after;
    files_.lay_out(files_.now(), Crash::power_cut, 0, after.open().get());
    return messages_of(reading_of(after));
  }
  static std::string messages_of(const Reading& reading) {
    std::string all;
    for (const auto& [sequence, body] : reading.records)
      if (body[0] == 1)
        all += (all.empty() ? "" : " ") + std::to_string(body[1]); // its transaction's number
    return all;
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
  FailingDisk disk_{files_};
  WriterStart begin_;
  std::unique_ptr<JournalWriter> writer_;
  std::expected<std::vector<Place>, BatchError> last_;
};

} // namespace letterlock::queued::journal
