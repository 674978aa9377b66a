// Log lines on their way to logd.
#include "common/ipc/logger.h"

#include "common/ipc/frame.h"

#include <sys/socket.h>

#include <utility>

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

void Logger::set_channel(UniqueFd channel, Severity least) {
  channel_ = std::move(channel);
  least_ = least;
  for (const LogLine& line : std::exchange(early_, {}))
    if (line.severity >= least_)
      send(line);
}

void Logger::log(Severity severity, std::string_view event,
                 std::initializer_list<LogField> fields) {
  if (severity < least_)
    return;
  LogLine line{severity, 0, decltype(LogLine::text)::cut(format_log_line(event, fields))};
  if (channel_)
    return send(std::move(line));
  if (early_.size() == most_early)
    ++dropped_;
  else
    early_.push_back(std::move(line));
}

void Logger::send(LogLine line) {
  line.dropped = dropped_;
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
