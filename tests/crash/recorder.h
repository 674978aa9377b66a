// Recorder: the real file system, that writes down every change made through it, in one order, and
// fails where it is told to.
//
// Calls of all threads pass one at a time: so the record is what happened. Files without a name,
// and the lock, are no part of it: nobody finds them after a crash.
#pragma once

#include "tests/crash/disk.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

namespace letterlock::crash {

using queued::Errno;
using queued::FreeSpace;
using queued::SystemResult;

// So many calls of one kind fail.
struct Fault {
  std::size_t after = 0; // calls that still succeed
  std::size_t times = 1;
  int error = 0;
  std::size_t part = 0; // of a write: so many octets are written before it fails
};

class Recorder final : public queued::FileSystem {
public:
  // What is below ROOT (borrowed) is START as its page cache has it; INODES is what ImageWriter
  // said, or nothing if it is empty.
  Recorder(int root, Disk start, Inodes inodes)
      : start_(std::move(start)), nodes_(std::move(inodes)) {
    nodes_[about_descriptor(root).st_ino] = root_node;
    last_node_ = start_.last_node();
  }

  // The disk when the record began. Constant, so it may be read at any time.
  const Disk& start() const { return start_; }
  std::vector<Operation> record() const {
    const std::lock_guard guard(mutex_);
    return record_;
  }
  // For people: calls that were made to fail and what others say, each before the change with that
  // number.
  using Remarks = std::vector<std::pair<std::size_t, std::string>>;
  void remark(std::string text) {
    const std::lock_guard guard(mutex_);
    remarks_.emplace_back(record_.size(), std::move(text));
  }
  Remarks remarks() const {
    const std::lock_guard guard(mutex_);
    return remarks_;
  }
  // The number of changes so far: names a moment.
  std::size_t now() const {
    const std::lock_guard guard(mutex_);
    return record_.size();
  }
  std::size_t calls(Call call) const {
    const std::lock_guard guard(mutex_);
    const auto found = calls_.find(call);
    return found == calls_.end() ? 0 : found->second;
  }

  void fail(Call call, const Fault& fault) {
    const std::lock_guard guard(mutex_);
    faults_[call] = fault;
  }
  void heal() {
    const std::lock_guard guard(mutex_);
    faults_.clear();
  }
  // Some systems cannot sync everything in one go (ENOSYS).
  void lack_sync_of_everything() { lacks_sync_of_everything_ = true; }
  // Waits until there are more changes than COUNT, which must not take long.
  void wait_for_more_than(std::size_t count) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [&] { return record_.size() > count; }))
      throw std::runtime_error("the store does nothing more");
  }
  // Called before every change, by the thread that makes it: whatever the store has said by then
  // is to be taken down first.
  void before_each(std::function<void()> call) { before_ = std::move(call); }

  // Until let_go(), who opens a file in this directory to write to it waits.
  void hold(const std::string& directory) {
    struct stat about = {};
    if (::stat(directory.c_str(), &about) != 0)
      throw trouble_with(directory);
    const std::lock_guard guard(mutex_);
    held_ = about.st_ino;
  }
  void let_go() {
    {
      const std::lock_guard guard(mutex_);
      held_ = 0;
    }
    changed_.notify_all();
  }

  // While it lives, no call fails: other programs are at work.
  class Sparing {
  public:
    explicit Sparing(Recorder& recorder) : recorder_(recorder) { set(true); }
    Sparing(const Sparing&) = delete;
    Sparing& operator=(const Sparing&) = delete;
    ~Sparing() { set(false); }

  private:
    void set(bool yes) {
      const std::lock_guard guard(recorder_.mutex_);
      recorder_.sparing_ = yes;
    }
    Recorder& recorder_;
  };
  // A mail reader moves a file.
  void move(int from, const std::string& name, int to, const std::string& to_name,
            bool atomic = false) {
    if (!rename_as(from, name, to, to_name, true, atomic))
      throw trouble_with(name);
  }

  SystemResult<UniqueFd> create_file(int directory, const std::string& name, mode_t mode) override {
    Operation what{Call::create, no_node, name};
    return perform<UniqueFd>(Call::create, [&] {
      auto file = real_.create_file(directory, name, mode);
      if (file) {
        what.node = directory_node(directory);
        what.child = new_node(file->get());
        note(std::move(what));
      }
      return file;
    });
  }
  SystemResult<UniqueFd> create_unnamed_file(int directory) override {
    return real_.create_unnamed_file(directory);
  }
  SystemResult<UniqueFd> open_file(int directory, const std::string& name) override {
    struct stat about = {};
    if (::fstat(directory, &about) == 0) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return held_ == 0 || held_ != about.st_ino; });
    }
    return real_.open_file(directory, name);
  }

  SystemResult<void> append(int file, Bytes bytes) override {
    return write(Call::append, file, std::nullopt, bytes);
  }
  SystemResult<void> write_at(int file, std::uint64_t offset, Bytes bytes) override {
    return write(Call::write_at, file, offset, bytes);
  }
  SystemResult<void> truncate(int file) override {
    return change_file(Call::truncate, file, [&] { return real_.truncate(file); });
  }
  // The real syncs are left out: what they do is the model's business.
  SystemResult<void> sync_file(int file) override {
    return change_file(Call::sync_file, file, [] { return SystemResult<void>(); });
  }
  SystemResult<void> sync_directory(int directory) override {
    return perform<void>(
        Call::sync_directory,
        [&] {
          note({Call::sync_directory, directory_node(directory)});
          return SystemResult<void>();
        },
        directory);
  }
  SystemResult<void> sync_everything(int directory) override {
    if (lacks_sync_of_everything_)
      return std::unexpected(Errno{ENOSYS});
    return perform<void>(
        Call::sync_everything,
        [&] {
          note({Call::sync_everything, directory_node(directory)});
          return SystemResult<void>();
        },
        directory);
  }

  SystemResult<void> link(int from, const std::string& from_name, int to,
                          const std::string& to_name) override {
    return perform<void>(Call::link, [&] {
      Operation what{Call::link, directory_node(from), from_name, named_node(from, from_name)};
      what.to = directory_node(to);
      what.to_name = to_name;
      auto done = real_.link(from, from_name, to, to_name);
      if (done)
        note(known(std::move(what)));
      return done;
    });
  }
  SystemResult<void> rename(int from, const std::string& from_name, int to,
                            const std::string& to_name) override {
    return rename_as(from, from_name, to, to_name, false, false);
  }
  SystemResult<void> unlink(int directory, const std::string& name) override {
    return perform<void>(Call::unlink, [&] {
      Operation what{Call::unlink, directory_node(directory), name, named_node(directory, name)};
      auto done = real_.unlink(directory, name);
      if (done)
        note(known(std::move(what)));
      return done;
    });
  }
  SystemResult<void> make_directory(int directory, const std::string& name, mode_t mode) override {
    return perform<void>(Call::make_directory, [&] {
      auto made = real_.make_directory(directory, name, mode);
      if (made)
        note({Call::make_directory, directory_node(directory), name,
              new_node(open_below(directory, name).get())});
      return made;
    });
  }
  SystemResult<FreeSpace> free_space(int directory) override { return real_.free_space(directory); }

private:
  // True if this call fails.
  std::optional<Fault> fault(Call call) {
    ++calls_[call];
    const auto found = faults_.find(call);
    if (sparing_ || found == faults_.end())
      return std::nullopt;
    if (found->second.after > 0) {
      --found->second.after;
      return std::nullopt;
    }
    const Fault now = found->second;
    remarks_.emplace_back(record_.size(), std::string(name_of(call)) + " was made to fail with " +
                                              std::to_string(now.error));
    if (--found->second.times == 0)
      faults_.erase(found);
    return now;
  }

  // DIRECTORY: of a sync, so that its failure can be written down.
  template <class T, class Do>
  SystemResult<T> perform(Call call, Do&& act, std::optional<int> directory = std::nullopt) {
    if (before_)
      before_();
    const std::lock_guard guard(mutex_);
    if (const auto failure = fault(call)) {
      if (directory) {
        note_sync(call, directory_node(*directory), true);
      }
      return std::unexpected(Errno{failure->error});
    }
    return act();
  }

  template <class Do> SystemResult<void> change_file(Call call, int file, Do&& act) {
    if (before_)
      before_();
    const std::lock_guard guard(mutex_);
    const auto failure = fault(call);
    const auto known = nodes_.find(about_descriptor(file).st_ino);
    SystemResult<void> done =
        failure ? std::unexpected(Errno{failure->error}) : SystemResult<void>(act());
    if (known != nodes_.end() && (done || call == Call::sync_file)) {
      note_sync(call, known->second, !done);
    }
    return done;
  }

  SystemResult<void> write(Call call, int file, std::optional<std::uint64_t> offset, Bytes bytes) {
    if (before_)
      before_();
    const std::lock_guard guard(mutex_);
    const auto failure = fault(call);
    if (failure)
      bytes = bytes.first(std::min(bytes.size(), failure->part));
    const auto at = offset ? *offset : static_cast<std::uint64_t>(::lseek(file, 0, SEEK_CUR));
    const auto done = offset ? real_.write_at(file, at, bytes) : real_.append(file, bytes);
    const auto known = nodes_.find(about_descriptor(file).st_ino);
    if (done && known != nodes_.end()) {
      Operation what{call, known->second};
      what.offset = at;
      what.bytes = as_text(bytes);
      note(std::move(what));
    }
    if (failure)
      return std::unexpected(Errno{failure->error});
    return done;
  }

  SystemResult<void> rename_as(int from, const std::string& from_name, int to,
                               const std::string& to_name, bool gentle, bool atomic) {
    return perform<void>(Call::rename, [&] {
      Operation what{Call::rename, directory_node(from), from_name, named_node(from, from_name)};
      what.to = directory_node(to);
      what.to_name = to_name;
      what.gentle = gentle;
      what.atomic = atomic;
      const Node replaced = named_node(to, to_name);
      auto done = real_.rename(from, from_name, to, to_name);
      // Two names of one file: rename(2) does nothing then.
      if (done && (replaced == no_node || replaced != what.child))
        note(known(std::move(what)));
      return done;
    });
  }

  void note(Operation what) {
    record_.push_back(std::move(what));
    changed_.notify_all();
  }
  void note_sync(Call call, Node node, bool failed) {
    Operation what{call, node};
    what.failed = failed;
    note(std::move(what));
  }

  Node directory_node(int directory) const {
    const auto found = nodes_.find(about_descriptor(directory).st_ino);
    if (found == nodes_.end())
      throw std::runtime_error("a directory was made that is not in the record");
    return found->second;
  }
  // Of what has this name; no_node if there is no such name, or it is not in the record.
  Node named_node(int directory, const std::string& name) const {
    struct stat about = {};
    if (::fstatat(directory, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
      return no_node;
    const auto found = nodes_.find(about.st_ino);
    return found == nodes_.end() ? no_node : found->second;
  }
  Node new_node(int descriptor) {
    return nodes_[about_descriptor(descriptor).st_ino] = ++last_node_;
  }
  static Operation known(Operation what) {
    if (what.child == no_node)
      throw std::runtime_error("a file was made that is not in the record: " + what.name);
    return what;
  }

  FileSystem& real_ = queued::posix_file_system();
  const Disk start_;
  std::function<void()> before_;
  bool lacks_sync_of_everything_ = false;
  mutable std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  std::vector<Operation> record_;
  Remarks remarks_;
  Inodes nodes_;
  Node last_node_ = root_node;
  std::map<Call, std::size_t> calls_;
  std::map<Call, Fault> faults_;
  ino_t held_ = 0; // a directory; 0: none
  bool sparing_ = false;
};

} // namespace letterlock::crash
