// The scene of a play in which a start settles what it has found, and others use the maildrop.
#pragma once

#include "tests/unit/passing_file_system.h"
#include "tests/unit/store_support.h"

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/check.h" // last: its fail() is a macro

namespace letterlock::test {

using namespace letterlock::queued;
namespace fs = std::filesystem;

inline std::string path_of(int descriptor) {
  return fs::read_symlink("/proc/self/fd/" + std::to_string(descriptor)).string();
}

// A disk on which each message file takes a while, so that there is time for a session; or on which
// the first one waits for the test.
class SlowDisk final : public PassingFileSystem {
public:
  SlowDisk() : PassingFileSystem(posix_file_system()) {}

  std::atomic<bool> is_slow = false;
  std::atomic<bool> refuses_writes_over = false; // of message files
  std::atomic<bool> refuses_message_files = false;
  std::string refused_part;               // of the names of those that are refused
  std::atomic<bool> is_gate_shut = false; // before message files are opened, made or removed
  std::atomic<int> at_gate = 0;           // how often it was met
  std::atomic<int> failing_syncs = 0;
  std::function<void(const std::string& path)> before_sync_file, before_sync_directory,
      before_unlink;

  std::function<void(const std::string& path)> before_create_file; // of its directory

  SystemResult<UniqueFd> create_file(int directory, const std::string& name, mode_t mode) override {
    if (before_create_file && is_message(name))
      before_create_file(path_of(directory));
    take_a_while(name);
    if (is_refused(name))
      return std::unexpected(Errno{EIO});
    return PassingFileSystem::create_file(directory, name, mode);
  }
  SystemResult<UniqueFd> open_file(int directory, const std::string& name) override {
    take_a_while(name);
    if (is_refused(name))
      return std::unexpected(Errno{EIO});
    return PassingFileSystem::open_file(directory, name);
  }
  SystemResult<void> unlink(int directory, const std::string& name) override {
    wait_at_gate(name);
    if (before_unlink)
      before_unlink(path_of(directory) + "/" + name);
    return PassingFileSystem::unlink(directory, name);
  }
  SystemResult<void> write_at(int file, std::uint64_t offset, Bytes bytes) override {
    if (refuses_writes_over && path_of(file).find("/maildrops/") != std::string::npos)
      return std::unexpected(Errno{EIO});
    return PassingFileSystem::write_at(file, offset, bytes);
  }
  SystemResult<void> sync_file(int file) override {
    if (before_sync_file)
      before_sync_file(path_of(file));
    return PassingFileSystem::sync_file(file);
  }
  SystemResult<void> sync_directory(int directory) override {
    if (before_sync_directory)
      before_sync_directory(path_of(directory));
    return PassingFileSystem::sync_directory(directory);
  }
  SystemResult<void> sync_everything(int directory) override {
    if (failing_syncs > 0 && failing_syncs-- > 0)
      return std::unexpected(Errno{EIO});
    return PassingFileSystem::sync_everything(directory);
  }

private:
  static bool is_message(const std::string& name) {
    return name.find("mx.example.com") != std::string::npos;
  }
  bool is_refused(const std::string& name) const {
    return is_message(name) &&
           (refuses_message_files ||
            (!refused_part.empty() && name.find(refused_part) != std::string::npos));
  }
  void wait_at_gate(const std::string& name) {
    if (is_message(name) && is_gate_shut)
      ++at_gate;
    while (is_message(name) && is_gate_shut)
      ::poll(nullptr, 0, 1);
  }
  void take_a_while(const std::string& name) {
    wait_at_gate(name);
    if (is_slow && is_message(name))
      ::poll(nullptr, 0, 5);
  }
};

inline const std::string text = "Subject: hello\n\nworld\n";
inline const std::uint64_t stored_size = head_for(1).size() + text.size();
inline constexpr std::size_t many = 200;

struct SettlingScene {
  TemporaryDirectory directory;
  SlowDisk disk;
  std::map<AccountId, std::optional<std::uint64_t>> rooms;
  std::uint8_t life = 1;
  std::size_t segments = StoreLimits{}.segments;
  std::chrono::milliseconds interval{30'000}, retry{1};
  std::size_t threads = 2;
  bool is_tried = false; // all that a start has found
  std::optional<StoreUnderTest> store;

  // COUNT messages in their places; then the power is cut, and all of it is on the disk.
  explicit SettlingScene(std::size_t count) {
    open();
    assert_true(store->resolve({"main"}).has_value());
    send(count);
    store->settle();
    store.reset();
    life = 2;
  }
  void open() {
    auto options = StoreUnderTest::default_options();
    options.life = Id128{{life}};
    options.checkpoint_interval = interval;
    options.first_retry = retry;
    is_tried = false;
    options.report = [this](const StoreReport& report) {
      is_tried = is_tried || report.event == "recovery.done";
    };
    options.materialise_threads = threads;
    options.limits.segments = segments;
    options.room_changed = [this](const AccountRoom& room) { rooms[room.account] = room.bytes; };
    store.emplace(directory, disk, options);
  }
  void open_slowly() {
    disk.is_slow = true;
    open();
  }
  // As far as the first file: its maildrops have been listed, and nothing was done yet.
  void open_to_the_gate() {
    disk.is_gate_shut = true;
    open();
    wait_for_the_gate();
  }
  void wait_for_the_gate() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (; disk.at_gate == 0; ::poll(nullptr, 0, 1))
      assert_true(std::chrono::steady_clock::now() < deadline);
  }
  void wait_until_tried() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (; !is_tried; ::poll(nullptr, 0, 1)) {
      (*store)->drain_completions();
      assert_true(std::chrono::steady_clock::now() < deadline);
    }
  }
  void settle_the_rest() {
    disk.is_slow = false;
    wait_until_retired(directory);
  }
  void send(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      assert_true(store->commit(delivery(Id128::random(), text)) == CommitStatus::committed);
  }
  // Until the journal says that all is in its place.
  void wait_until_noted() const {
    const UniqueFd journal(::open((directory.path() / "journal").c_str(), O_RDONLY | O_DIRECTORY));
    for (journal::Sequence sent = 0, placed = 0; placed == 0 || placed < sent;
         ::poll(nullptr, 0, 5))
      static_cast<void>(
          journal::read_journal(journal.get(), [&](const journal::Record& record,
                                                   journal::Sequence sequence, const auto&) {
            if (journal::accept_in(record))
              sent = sequence;
            else if (const auto* materialised = std::get_if<journal::Materialised>(&record))
              placed = materialised->up_to;
          }));
  }
  fs::path box() const { return directory.maildir(1); }
  fs::path in(const char* folder, const std::string& name) const {
    return directory.path() / box() / folder / name;
  }
  std::string last_in_new() const { return directory.names(box() / "new").back(); }
  // Where other programs put the last message.
  fs::path moved_to(const char* folder, const char* more) {
    const std::string name = last_in_new();
    fs::create_directories(in(folder, ""));
    const auto to = in(folder, name + more);
    fs::rename(in("new", name), to);
    return to;
  }
  // A session that begins now, and gets its maildrop in a while.
  void begin_session(std::uint32_t account, std::function<void(bool is_open)> opened) {
    (*store)->open_maildrop(
        *(*store)->lock_maildrop(AccountId{account}),
        [opened = std::move(opened)](const auto& maildrop) { opened(maildrop.has_value()); });
  }
  void until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (; !condition(); ::poll(nullptr, 0, 1)) {
      (*store)->drain_completions();
      assert_true(std::chrono::steady_clock::now() < deadline);
    }
  }
  std::uint64_t counted(std::uint64_t quota, std::uint32_t account = 1) {
    (*store)->drain_completions();
    const auto room = rooms.find(AccountId{account});
    return room == rooms.end() || !room->second ? 0 : (quota - *room->second) / stored_size;
  }
};

// A directory that cannot be read while this lives, whoever we are.
class Unreadable {
public:
  Unreadable(const fs::path& directory, const fs::path& kept)
      : directory_(without_slash(directory)), kept_(without_slash(kept)) {
    fs::rename(directory_, kept_);
    std::ofstream(directory_) << "no directory";
    assert_true(fs::is_regular_file(directory_));
  }
  ~Unreadable() {
    std::error_code ignored;
    fs::remove(directory_, ignored);
    fs::rename(kept_, directory_, ignored);
  }
  Unreadable(const Unreadable&) = delete;
  Unreadable& operator=(const Unreadable&) = delete;

private:
  static fs::path without_slash(const fs::path& path) {
    return path.has_filename() ? path : path.parent_path();
  }

  const fs::path directory_, kept_;
};

// As a power cut may leave it.
inline void tear(const fs::path& file) {
  const auto size = fs::file_size(file);
  fs::resize_file(file, 0);
  fs::resize_file(file, size);
}

inline std::string content_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

} // namespace letterlock::test
