// LogFile: the rotated file in the log directory, which is the working directory.
//
// letterlock.log is the present one, letterlock.log.1 the one before, up to .9; each is closed at
// 16 MiB, so the log has a ceiling. Lines are not synced: a power cut may lose the last ones.
#pragma once

#include "common/base/unique_fd.h"

#include <cstdint>
#include <string_view>

namespace letterlock::logd {

class LogFile {
public:
  static constexpr std::uint64_t max_size = 16u << 20;
  static constexpr int kept = 9;

  // A line with its end. When the disk takes nothing the line is lost; there is nobody to tell.
  void append(std::string_view line);

private:
  bool open();
  void rotate();

  UniqueFd file_;
  std::uint64_t size_ = 0;
};

} // namespace letterlock::logd
