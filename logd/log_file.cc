// The rotated log file.
#include "logd/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace letterlock::logd {

namespace {

constexpr char name[] = "letterlock.log";

std::string older(int number) {
  return number == 0 ? name : std::string(name) + "." + std::to_string(number);
}

} // namespace

bool LogFile::open() {
  if (file_)
    return true;
  file_ = UniqueFd(::open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  struct stat status {};
  if (!file_ || ::fstat(file_.get(), &status) != 0)
    return false;
  size_ = static_cast<std::uint64_t>(status.st_size);
  return true;
}

void LogFile::rotate() {
  file_.reset();
  ::unlink(older(kept).c_str());
  for (int number = kept; number > 0; --number)
    ::rename(older(number - 1).c_str(), older(number).c_str());
}

void LogFile::append(std::string_view line) {
  if (!open())
    return;
  if (size_ + line.size() > max_size) {
    rotate();
    if (!open())
      return;
  }
  const ssize_t written = ::write(file_.get(), line.data(), line.size());
  if (written > 0)
    size_ += static_cast<std::uint64_t>(written);
}

} // namespace letterlock::logd
