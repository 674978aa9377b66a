// Messages to logd, and the severity of their lines.
#pragma once

#include "common/ipc/message_types.h"

namespace letterlock::ipc {

enum class Severity : std::uint8_t { debug, info, warning, error };
constexpr std::size_t enumerator_count(Severity) {
  return 4;
}

struct LogLine {
  static constexpr std::string_view name = "LogLine";
  static constexpr Carries carries = Carries::nothing;
  Severity severity{};
  std::uint32_t dropped{}; // lines that were lost before this one, because the channel was full
  Text<1500> text;
  static constexpr auto fields() {
    return std::tuple(&LogLine::severity, &LogLine::dropped, &LogLine::text);
  }
};

// Where logd puts the lines, besides its file.
struct LogSettings {
  static constexpr std::string_view name = "LogSettings";
  static constexpr Carries carries = Carries::nothing;
  bool to_stderr{}; // and neither to a file nor to syslog
  static constexpr auto fields() { return std::tuple(&LogSettings::to_stderr); }
};

// A connection to the system's syslogd, made by the parent; it takes the old one's place.
struct SyslogChannel {
  static constexpr std::string_view name = "SyslogChannel";
  static constexpr Carries carries = Carries::syslog_channel;
  static constexpr auto fields() { return std::tuple(); }
};

} // namespace letterlock::ipc
