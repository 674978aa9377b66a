// Log lines on their way to logd.
#include "common/ipc/logger.h"

#include "common/ipc/frame.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

namespace letterlock::ipc {

std::string format_log_line(std::string_view event, std::initializer_list<LogField> fields) {
  std::string line(event);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    const bool quoted =
        field.value.empty() || field.value.find_first_of(" \"=\\") != std::string::npos;
    if (!quoted) {
      line += field.value;
      continue;
    }
    line += '"';
    for (const char c : field.value) {
      if (c == '"' || c == '\\')
        line += '\\';
      line += c;
    }
    line += '"';
  }
  return line;
}

void Logger::log(Severity severity, std::string_view event,
                 std::initializer_list<LogField> fields) {
  const LogLine line{severity, dropped_,
                     decltype(LogLine::text)::cut(format_log_line(event, fields))};
  if (!channel_) {
    const std::string text = name_ + ": " + std::string(line.text.view()) + "\n";
    // Nothing can be done about a standard error that takes nothing.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    return;
  }
  frame_.clear();
  write_frame(frame_, line, sequence_);
  const ssize_t sent =
      ::send(channel_.get(), frame_.data(), frame_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) {
    ++dropped_;
    return;
  }
  ++sequence_;
  dropped_ = 0;
}

} // namespace letterlock::ipc
