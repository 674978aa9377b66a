// Logger: one event, one line of key=value, to logd by a bounded channel of records.
//
// When the channel is full the line is dropped and counted, and the count goes with the next line:
// logging never waits. Before there is a channel the first lines are kept for it. Lines are cut
// here and made printable by logd, so text of strangers may be passed as it is. There is no
// way to log a Secret: it does not convert to a value.
#pragma once

#include "common/base/unique_fd.h"
#include "common/ipc/messages/log.h"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>

namespace letterlock::ipc {

struct LogField {
  std::string_view key;
  std::string value;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, std::integral auto number) : key(k), value(std::to_string(number)) {}
};

class Logger {
public:
  // Lines that are kept while there is no channel; further ones are counted as dropped.
  static constexpr std::size_t most_early = 64;

  // From now on lines go there, the kept ones first; but for those below LEAST, which nobody writes
  // anywhere: a line wakes logd up.
  void set_channel(UniqueFd channel, Severity least);

  void debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
    log(Severity::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) {
    log(Severity::info, event, fields);
  }
  void warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
    log(Severity::warning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) {
    log(Severity::error, event, fields);
  }

private:
  void log(Severity severity, std::string_view event, std::initializer_list<LogField> fields);

  void send(LogLine line);

  std::deque<LogLine> early_;
  UniqueFd channel_;
  Severity least_{};
  std::uint64_t sequence_ = 0;
  std::uint32_t dropped_ = 0;
  Buffer frame_;
};

// "event key=value key=\"a value with spaces\""
std::string format_log_line(std::string_view event, std::initializer_list<LogField> fields);

} // namespace letterlock::ipc
