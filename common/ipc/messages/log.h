// Messages to logd.
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

} // namespace letterlock::ipc
