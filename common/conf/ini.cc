// Reading by inih, guarded by the strict pass.
#include "common/conf/ini.h"

#include "common/conf/line_reader.h"

#include <ini.h>

namespace letterlock::conf {

namespace {

struct Reading {
  std::vector<Line> lines;
  std::size_t next = 0; // index in lines
  bool agrees = true;   // inih saw the settings that the strict pass saw
  Document document;

  std::string place(const Line& line) const {
    return document.file + ':' + std::to_string(line.number);
  }

  // Up to the next setting: inih says nothing of sections without settings.
  void open_sections() {
    for (; next < lines.size() && lines[next].kind == Line::Kind::section; ++next) {
      const Line& line = lines[next];
      document.sections.push_back(
          {std::string(line.name), std::string(line.argument), place(line), {}});
    }
  }

  void add(std::string_view heading, std::string_view key, std::string_view value) {
    open_sections();
    if (next == lines.size() || document.sections.empty()) {
      agrees = false;
      return;
    }
    Section& section = document.sections.back();
    const Line& line = lines[next++];
    if (line.name != key || section.heading() != '[' + std::string(heading) + ']')
      agrees = false;
    if (line.kind == Line::Kind::setting)
      section.settings.push_back({std::string(key), std::string(value), place(line)});
    else if (section.settings.empty())
      agrees = false;
    else
      section.settings.back().value += ' ' + std::string(value);
  }
};

// noexcept: an exception must not pass through the frames of a C library.
int on_setting(void* user, const char* heading, const char* key, const char* value) noexcept {
  static_cast<Reading*>(user)->add(heading, key, value);
  return 1;
}

} // namespace

Expected<Document> parse_ini(const std::string& text, std::string_view file) {
  auto lines = read_lines(text, file);
  if (!lines)
    return std::unexpected(lines.error());

  Reading reading;
  reading.lines = std::move(*lines);
  reading.document.file = file;
  const int fault = ::ini_parse_string(text.c_str(), on_setting, &reading);
  reading.open_sections();
  // It takes an inih that reads otherwise than 0.55 to come here.
  if (fault != 0 || !reading.agrees || reading.next != reading.lines.size())
    return fail(std::string(file) + ": inih does not read this file as its lines say; the "
                                    "installed inih is not one that Letterlock knows");
  return std::move(reading.document);
}

} // namespace letterlock::conf
