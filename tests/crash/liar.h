// Liar: a file system that says it did what it did not do: to see that the harness finds the loss.
#pragma once

#include "tests/crash/run.h"

namespace letterlock::crash {

enum class Lie : std::uint8_t {
  none,
  no_file_sync,          // sync_file does nothing
  no_directory_sync,     // sync_directory does nothing
  late_file_sync,        // sync_file comes later than its answer: just before the next change
  every_other_directory, // every second sync_directory does nothing
  no_sync_of_everything, // sync_everything does nothing
  removes_nothing,       // unlink does nothing
  writes_another_octet,  // the last octet of each write is another
};

class Liar final : public queued::FileSystem {
public:
  Liar(queued::FileSystem& real, Lie lie) : real_(real), lie_(lie) {}
  ~Liar() override { catch_up(); }

  SystemResult<UniqueFd> create_file(int directory, const std::string& name, mode_t mode) override {
    catch_up();
    return real_.create_file(directory, name, mode);
  }
  SystemResult<UniqueFd> create_unnamed_file(int directory) override {
    return real_.create_unnamed_file(directory);
  }
  SystemResult<UniqueFd> open_file(int directory, const std::string& name) override {
    return real_.open_file(directory, name);
  }
  SystemResult<void> append(int file, Bytes bytes) override {
    catch_up();
    return real_.append(file, spoil(bytes));
  }
  SystemResult<void> write_at(int file, std::uint64_t offset, Bytes bytes) override {
    catch_up();
    return real_.write_at(file, offset, spoil(bytes));
  }
  SystemResult<void> truncate(int file) override {
    catch_up();
    return real_.truncate(file);
  }
  SystemResult<void> sync_file(int file) override {
    catch_up();
    if (lie_ == Lie::no_file_sync)
      return {};
    if (lie_ == Lie::late_file_sync)
      return later(file, false);
    return real_.sync_file(file);
  }
  SystemResult<void> sync_directory(int directory) override {
    catch_up();
    if (lie_ == Lie::no_directory_sync)
      return {};
    if (lie_ == Lie::every_other_directory && ++directory_syncs_ % 2 == 0)
      return {};
    return real_.sync_directory(directory);
  }
  SystemResult<void> sync_everything(int directory) override {
    catch_up();
    return lie_ == Lie::no_sync_of_everything ? SystemResult<void>()
                                              : real_.sync_everything(directory);
  }
  SystemResult<void> link(int from, const std::string& from_name, int to,
                          const std::string& to_name) override {
    catch_up();
    return real_.link(from, from_name, to, to_name);
  }
  SystemResult<void> rename(int from, const std::string& from_name, int to,
                            const std::string& to_name) override {
    catch_up();
    return real_.rename(from, from_name, to, to_name);
  }
  SystemResult<void> unlink(int directory, const std::string& name) override {
    catch_up();
    return lie_ == Lie::removes_nothing ? SystemResult<void>() : real_.unlink(directory, name);
  }
  SystemResult<void> make_directory(int directory, const std::string& name, mode_t mode) override {
    catch_up();
    return real_.make_directory(directory, name, mode);
  }
  SystemResult<FreeSpace> free_space(int directory) override { return real_.free_space(directory); }

private:
  Bytes spoil(Bytes bytes) {
    if (lie_ != Lie::writes_another_octet || bytes.empty())
      return bytes;
    thread_local std::string spoilt;
    spoilt = as_text(bytes);
    spoilt.back() ^= 1;
    return as_bytes(spoilt);
  }

  SystemResult<void> later(int descriptor, bool directory) {
    UniqueFd kept(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
    const std::lock_guard guard(mutex_);
    owed_.emplace_back(std::move(kept), directory);
    return {};
  }
  void catch_up() {
    std::vector<std::pair<UniqueFd, bool>> owed;
    {
      const std::lock_guard guard(mutex_);
      owed.swap(owed_);
    }
    for (const auto& [descriptor, directory] : owed)
      static_cast<void>(directory ? real_.sync_directory(descriptor.get())
                                  : real_.sync_file(descriptor.get()));
  }

  queued::FileSystem& real_;
  const Lie lie_;
  std::atomic<std::size_t> directory_syncs_ = 0;
  std::mutex mutex_; // guards owed_
  std::vector<std::pair<UniqueFd, bool>> owed_;
};

inline Interpose interpose(Lie lie) {
  return [lie](Recorder& recorder) { return std::make_unique<Liar>(recorder, lie); };
}

} // namespace letterlock::crash
