// Lines of the log.
#include "logd/log_record.h"

#include "common/mail/utf8.h"

#include <ctime>

namespace letterlock::logd {

namespace {

std::string process_name(Role role, std::uint16_t instance) {
  std::string name(role_name(role));
  if (role == Role::smtpd)
    name += "[" + std::to_string(instance) + "]";
  return name;
}

std::string_view severity_name(ipc::Severity severity) {
  switch (severity) {
  case ipc::Severity::debug:
    return "debug";
  case ipc::Severity::info:
    return "info";
  case ipc::Severity::warning:
    return "warning";
  case ipc::Severity::error:
    return "error";
  }
  return "error";
}

int syslog_priority(ipc::Severity severity) {
  constexpr int mail = 2;
  constexpr int severities[] = {7, 6, 4, 3}; // RFC 3164 §4.1.1, in the order of ipc::Severity
  return mail * 8 + severities[static_cast<std::size_t>(severity)];
}

// UTC, so that neither a change of the clock for summer nor of TZ makes the log run backwards.
std::string timestamp(std::chrono::system_clock::time_point at) {
  const auto since = at.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(since - seconds).count();
  const std::time_t time = static_cast<std::time_t>(seconds.count());
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &utc);
  const std::string fraction = std::to_string(1000 + milliseconds).substr(1);
  return std::string(text, length) + fraction + "Z";
}

// C0 and DEL are no part of a Text. The others end a line, turn it around or command the terminal
// that shows it, and are written by strangers.
bool is_control_character(char32_t c) {
  return (c >= 0x80 && c < 0xa0) ||      // C1
         c == 0x2028 || c == 0x2029 ||   // line and paragraph separator
         c == 0x061c ||                  // and what reorders text (Unicode, UAX #9 §2)
         c == 0x200e || c == 0x200f ||   //
         (c >= 0x202a && c <= 0x202e) || //
         (c >= 0x2066 && c <= 0x2069);
}

// A '?' for each control character, and for each octet that is no part of a character.
std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::string_view rest = text;
    const auto c = mail::take_code_point(text);
    if (!c)
      text.remove_prefix(1);
    if (c && !is_control_character(*c))
      result += rest.substr(0, rest.size() - text.size());
    else
      result += '?';
  }
  return result;
}

} // namespace

std::string format_record(std::chrono::system_clock::time_point at, Role role,
                          std::uint16_t instance, const ipc::LogLine& line) {
  const std::string start = timestamp(at) + " " + process_name(role, instance) + " ";
  std::string record;
  if (line.dropped > 0)
    record = start + "warning log.dropped lines=" + std::to_string(line.dropped) + "\n";
  record += start;
  record += severity_name(line.severity);
  record += ' ';
  record += printable(line.text.view());
  record += '\n';
  return record;
}

std::string format_syslog(Role role, std::uint16_t instance, const ipc::LogLine& line) {
  std::string record = "<" + std::to_string(syslog_priority(line.severity)) + ">letterlock/" +
                       process_name(role, instance) + ": ";
  record += printable(line.text.view());
  return record;
}

} // namespace letterlock::logd
