// PassingFileSystem: passes every call on to another one; what a test is about it overrides.
#pragma once

#include "queued/disk/file_system.h"

namespace letterlock::queued {

class PassingFileSystem : public FileSystem {
public:
  explicit PassingFileSystem(FileSystem& below) : below_(below) {}

  SystemResult<UniqueFd> create_file(int directory, const std::string& name, mode_t mode) override {
    return below_.create_file(directory, name, mode);
  }
  SystemResult<UniqueFd> create_unnamed_file(int directory) override {
    return below_.create_unnamed_file(directory);
  }
  SystemResult<UniqueFd> open_file(int directory, const std::string& name) override {
    return below_.open_file(directory, name);
  }
  SystemResult<void> append(int file, Bytes bytes) override { return below_.append(file, bytes); }
  SystemResult<void> write_at(int file, std::uint64_t offset, Bytes bytes) override {
    return below_.write_at(file, offset, bytes);
  }
  SystemResult<void> truncate(int file) override { return below_.truncate(file); }
  SystemResult<void> sync_file(int file) override { return below_.sync_file(file); }
  SystemResult<void> sync_directory(int directory) override {
    return below_.sync_directory(directory);
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
  FileSystem& below_;
};

} // namespace letterlock::queued
