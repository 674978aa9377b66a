// RecordingFileSystem: the real file system, that remembers every change made through it, fails
// where it is told to, holds callers at a gate, and can lay out what a crash would have left.
#pragma once

#include "queued/disk/directory.h"
#include "queued/disk/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <vector>

namespace letterlock::queued {

class RecordingFileSystem final : public FileSystem {
public:
  enum class Call {
    create,
    append,
    truncate,
    sync_file,
    sync_directory,
    sync_everything,
    write_at,
    link,
    rename,
    unlink,
    mkdir
  };

  // What survives of that which was not synced.
  enum class Crash {
    killed,    // everything: the kernel lives on
    power_cut, // nothing
    mixed,     // some, by the seed
  };

  explicit RecordingFileSystem(int root) { node(root, true); }

  // The NTH call of this kind from now on (1 is the next) fails.
  void fail(Call call, int nth, int error) {
    const std::lock_guard guard(mutex_);
    faults_[call] = {nth, error};
  }
  // Until thaw() no name in this directory can be made, changed or removed.
  void freeze(const std::filesystem::path& directory) {
    struct stat about = {};
    if (::stat(directory.c_str(), &about) != 0)
      throw std::runtime_error("stat");
    const std::lock_guard guard(mutex_);
    frozen_.insert(about.st_ino);
  }
  void thaw() {
    const std::lock_guard guard(mutex_);
    frozen_.clear();
  }
  void set_free_bytes(std::uint64_t bytes) {
    const std::lock_guard guard(mutex_);
    free_ = FreeSpace{bytes, 1'000'000};
  }
  // As on a system that has no such thing.
  void lack_sync_everything() {
    const std::lock_guard guard(mutex_);
    lacks_sync_everything_ = true;
  }
  std::size_t count(Call call) const {
    const std::lock_guard guard(mutex_);
    std::size_t calls = 0;
    for (const Change& change : changes_)
      calls += change.call == call;
    return calls;
  }
  // How many changes there were: names a moment.
  std::size_t now() const {
    const std::lock_guard guard(mutex_);
    return changes_.size();
  }

  // Calls of this kind wait until the gate is opened, or closed for another kind: then nothing
  // that follows them comes through between.
  void close_gate(Call call) {
    const std::lock_guard guard(mutex_);
    gate_ = call;
    passes_ = 0;
    changed_.notify_all();
  }
  void wait_for_caller_at_gate() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(20), [this] { return at_gate_[*gate_] > 0; }))
      throw std::runtime_error("nobody came to the gate");
  }
  // So many of them, and then it is closed.
  void let_through(std::size_t calls) {
    const std::lock_guard guard(mutex_);
    passes_ = calls;
    changed_.notify_all();
  }
  void open_gate() {
    const std::lock_guard guard(mutex_);
    gate_.reset();
    changed_.notify_all();
  }

  // Makes below INTO what the disk holds if the crash comes after the first MOMENT changes.
  void lay_out(std::size_t moment, Crash crash, unsigned seed, int into) const {
    const std::lock_guard guard(mutex_);
    std::map<Node, State> disk;
    for (std::size_t i = 0; i < moment; ++i)
      replay(changes_[i], disk);
    write_directory(disk, 0, crash, seed, into);
  }

  SystemResult<UniqueFd> create_file(int directory, const std::string& name, mode_t mode) override {
    return change<UniqueFd>({Call::create, directory, name}, [&](Change& change) {
      auto file = real_.create_file(directory, name, mode);
      if (file)
        change.node = node(file->get(), true);
      return file;
    });
  }
  // Never seen after a crash, so not recorded.
  SystemResult<UniqueFd> create_unnamed_file(int directory) override {
    return real_.create_unnamed_file(directory);
  }
  SystemResult<void> append(int file, Bytes bytes) override {
    Change what{Call::append, file, {}};
    what.bytes = as_text(bytes);
    return change<void>(std::move(what), [&](Change&) { return real_.append(file, bytes); });
  }
  SystemResult<void> truncate(int file) override {
    return change<void>({Call::truncate, file, {}}, [&](Change&) { return real_.truncate(file); });
  }
  SystemResult<void> sync_file(int file) override {
    return change<void>({Call::sync_file, file, {}},
                        [&](Change&) { return real_.sync_file(file); });
  }
  SystemResult<void> sync_directory(int directory) override {
    return change<void>({Call::sync_directory, directory, {}},
                        [&](Change&) { return real_.sync_directory(directory); });
  }
  SystemResult<UniqueFd> open_file(int directory, const std::string& name) override {
    return real_.open_file(directory, name);
  }
  SystemResult<void> write_at(int file, std::uint64_t offset, Bytes bytes) override {
    Change what{Call::write_at, file, std::to_string(offset)};
    what.bytes = as_text(bytes);
    return change<void>(std::move(what),
                        [&](Change&) { return real_.write_at(file, offset, bytes); });
  }
  SystemResult<void> sync_everything(int directory) override {
    {
      const std::lock_guard guard(mutex_);
      if (lacks_sync_everything_)
        return std::unexpected(Errno{ENOSYS});
    }
    return change<void>({Call::sync_everything, directory, {}},
                        [&](Change&) { return real_.sync_everything(directory); });
  }
  SystemResult<void> link(int from, const std::string& from_name, int to,
                          const std::string& to_name) override {
    return change<void>({Call::link, to, to_name}, [&](Change& change) {
      struct stat about = {};
      if (::fstatat(from, from_name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0)
        change.node = nodes_[about.st_ino];
      return real_.link(from, from_name, to, to_name);
    });
  }
  SystemResult<void> rename(int from, const std::string& from_name, int to,
                            const std::string& to_name) override {
    Change what{Call::rename, from, from_name};
    what.bytes = to_name;
    return change<void>(std::move(what), [&](Change& change) {
      change.node = node(to, false);
      return real_.rename(from, from_name, to, to_name);
    });
  }
  SystemResult<void> unlink(int directory, const std::string& name) override {
    return change<void>({Call::unlink, directory, name},
                        [&](Change&) { return real_.unlink(directory, name); });
  }
  SystemResult<void> make_directory(int directory, const std::string& name, mode_t mode) override {
    return change<void>({Call::mkdir, directory, name}, [&](Change& change) {
      auto made = real_.make_directory(directory, name, mode);
      if (made)
        change.node = node(open_directory(directory, name)->get(), true);
      return made;
    });
  }
  SystemResult<FreeSpace> free_space(int directory) override {
    {
      const std::lock_guard guard(mutex_);
      if (free_)
        return *free_;
    }
    return real_.free_space(directory);
  }

private:
  using Node = int; // stands for an inode; numbers of inodes are used again, these are not
  struct Change {
    Call call{};
    int descriptor = -1; // of the file or directory changed, at that time
    std::string name;
    std::string bytes{}; // or the new name
    Node changed = -1;   // what DESCRIPTOR was
    Node node = -1;      // what the name stands for; of a rename, the directory it goes to
  };
  struct State {
    bool directory = false;
    std::string content, synced_content;
    std::map<std::string, Node> names, synced_names;
  };

  template <class T, class Do> SystemResult<T> change(Change what, Do&& perform) {
    std::unique_lock lock(mutex_);
    if (gate_ == what.call) {
      ++at_gate_[what.call];
      changed_.notify_all();
      changed_.wait(lock, [&] { return gate_ != what.call || passes_ > 0; });
      --at_gate_[what.call];
      if (gate_ == what.call)
        --passes_;
    }
    const auto fault = faults_.find(what.call);
    if (fault != faults_.end() && --fault->second.first == 0) {
      const int error = fault->second.second;
      faults_.erase(fault);
      return std::unexpected(Errno{error});
    }
    what.changed = node(what.descriptor, false);
    const bool of_name = what.call == Call::create || what.call == Call::rename ||
                         what.call == Call::link || what.call == Call::unlink;
    if (of_name && frozen_.contains(inode(what.descriptor)))
      return std::unexpected(Errno{EROFS});
    auto result = perform(what);
    if (result)
      changes_.push_back(std::move(what));
    return result;
  }

  static ino_t inode(int descriptor) {
    struct stat about = {};
    if (::fstat(descriptor, &about) != 0)
      throw std::runtime_error("fstat");
    return about.st_ino;
  }
  Node node(int descriptor, bool is_new) {
    const ino_t number = inode(descriptor);
    if (is_new || !nodes_.contains(number))
      nodes_[number] = next_node_++;
    return nodes_[number];
  }

  static void replay(const Change& change, std::map<Node, State>& disk) {
    State& state = disk[change.changed];
    switch (change.call) {
    case Call::create:
    case Call::link:
      state.names[change.name] = change.node;
      disk[change.node];
      break;
    case Call::mkdir:
      state.names[change.name] = change.node;
      disk[change.node].directory = true;
      break;
    case Call::append:
      state.content += change.bytes;
      break;
    case Call::truncate:
      state.content.clear();
      break;
    case Call::sync_file:
      state.synced_content = state.content;
      break;
    case Call::sync_directory:
      state.synced_names = state.names;
      break;
    case Call::write_at: {
      const std::size_t offset = std::stoul(change.name);
      if (state.content.size() < offset + change.bytes.size())
        state.content.resize(offset + change.bytes.size());
      state.content.replace(offset, change.bytes.size(), change.bytes);
      break;
    }
    case Call::sync_everything:
      for (auto& [node, all] : disk) {
        all.synced_content = all.content;
        all.synced_names = all.names;
      }
      break;
    case Call::rename: {
      const Node moved = state.names[change.name];
      state.names.erase(change.name);
      disk[change.node].names[change.bytes] = moved;
      break;
    }
    case Call::unlink:
      state.names.erase(change.name);
      break;
    }
  }

  static bool survives(Crash crash, unsigned seed, const std::string& what) {
    if (crash != Crash::mixed)
      return crash == Crash::killed;
    return std::hash<std::string>()(std::to_string(seed) + what) >> 7 & 1;
  }

  static void write_directory(const std::map<Node, State>& disk, Node node, Crash crash,
                              unsigned seed, int into) {
    const auto found = disk.find(node);
    if (found == disk.end())
      return;
    std::map<std::string, Node> names;
    for (const auto* side : {&found->second.synced_names, &found->second.names})
      for (const auto& [name, of] : *side) {
        const bool newer = survives(crash, seed, std::to_string(node) + name);
        if ((side == &found->second.names) == newer)
          names[name] = of;
      }
    for (const auto& [name, of] : names) {
      const auto state = disk.find(of);
      if (state == disk.end())
        throw std::runtime_error("a name stands for nothing");
      if (state->second.directory) {
        if (!posix_file_system().make_directory(into, name, 0750))
          throw std::runtime_error("mkdir");
        write_directory(disk, of, crash, seed, open_directory(into, name)->get());
        continue;
      }
      const bool whole = survives(crash, seed, "content" + std::to_string(of));
      const auto file = posix_file_system().create_file(into, name, 0640);
      if (!file ||
          !posix_file_system().append(
              file->get(), as_bytes(whole ? state->second.content : state->second.synced_content)))
        throw std::runtime_error("create");
    }
  }

  FileSystem& real_ = posix_file_system();
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Change> changes_;
  std::map<ino_t, Node> nodes_;
  Node next_node_ = 0;
  std::map<Call, std::pair<int, int>> faults_; // how many calls until it comes, and the error
  std::optional<Call> gate_;
  std::size_t passes_ = 0;      // of the gate
  std::map<Call, int> at_gate_; // who waits there
  std::optional<FreeSpace> free_;
  bool lacks_sync_everything_ = false;
  std::set<ino_t> frozen_;
};

} // namespace letterlock::queued
