// Lines of the log: whatever a process or a stranger puts into one, it is one line (or two, where
// some were dropped before it), and what was logged can be read from it again.
#include "common/ipc/frame.h"
#include "common/ipc/logger.h"
#include "common/mail/utf8.h"
#include "logd/log_record.h"
#include "tests/fuzz/fuzz.h"

#include <optional>
#include <vector>

using namespace letterlock;
using fuzz::require;

namespace {

// The values of a line "EVENT KEY=VALUE ...", as a reader of the log takes them apart.
std::optional<std::vector<std::string>> values_of(std::string_view line) {
  std::vector<std::string> values;
  line.remove_prefix(std::min(line.find(' '), line.size()));
  while (!line.empty()) {
    const auto equals = line.find('=');
    if (line.front() != ' ' || equals == line.npos)
      return std::nullopt;
    line.remove_prefix(equals + 1);
    std::string value;
    if (!line.starts_with('"')) {
      value = line.substr(0, line.find(' '));
      line.remove_prefix(value.size());
    } else {
      std::size_t i = 1;
      for (; i < line.size() && line[i] != '"'; ++i) {
        if (line[i] == '\\' && ++i == line.size())
          return std::nullopt;
        value += line[i];
      }
      if (i == line.size())
        return std::nullopt;
      line.remove_prefix(i + 1);
    }
    values.push_back(value);
  }
  return values;
}

void check_record(const ipc::LogLine& line, Role role, std::uint16_t instance) {
  const auto at = std::chrono::system_clock::time_point(std::chrono::milliseconds(1795300059123));
  const std::string record = logd::format_record(at, role, instance, line);
  const std::string start = "2026-11-21T";
  require(record.starts_with(start) && record.ends_with('\n'));
  require(std::count(record.begin(), record.end(), '\n') == (line.dropped > 0 ? 2 : 1));
  const std::string_view sent = line.text.view();
  const std::string syslog = logd::format_syslog(role, instance, line);
  require(syslog.starts_with('<') && mail::is_printable_utf8(syslog));
  for (std::string_view rest = record; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1))
    require(mail::is_printable_utf8(rest.substr(0, rest.find('\n'))));
  // What needs no care is written as it is.
  if (std::none_of(sent.begin(), sent.end(), [](char c) { return (c & 0x80) != 0; }))
    require(record.ends_with(std::string(sent) + '\n') && syslog.ends_with(sent));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const auto role = static_cast<Role>(input.under(role_count));
  const std::uint8_t instance = input.octet();
  if (const auto line = ipc::read_payload<ipc::LogLine>(as_bytes(input.rest())))
    check_record(*line, role, instance);

  const std::string first(input.line()), second(input.rest());
  const std::string text = ipc::format_log_line(
      "an.event", {{"first", first}, {"number", instance}, {"second", second}});
  const auto values = values_of(text);
  require(values && *values == std::vector{first, std::to_string(instance), second});
  ipc::LogLine line{};
  line.dropped = instance;
  line.text = decltype(line.text)::cut(text);
  check_record(line, role, instance);
  return 0;
}
