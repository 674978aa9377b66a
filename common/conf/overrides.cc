// Merging of the command line and the environment.
#include "common/conf/overrides.h"

#include "common/base/text.h"
#include "common/conf/schema.h"
#include "common/conf/values.h"

#include <unistd.h>

#include <algorithm>
#include <optional>

namespace letterlock::conf {

namespace {

struct Override {
  std::string section;
  std::string argument;
  Setting setting;
};

Section& section_for(Document& document, const Override& override) {
  for (Section& section : document.sections)
    if (section.name == override.section && folded(section.argument) == folded(override.argument))
      return section;
  document.sections.push_back({override.section, override.argument, override.setting.origin, {}});
  return document.sections.back();
}

Expected<void> apply_one(Document& document, const Override& override) {
  const Setting& setting = override.setting;
  if (std::any_of(setting.value.begin(), setting.value.end(), is_control))
    return fail(setting.origin + ": there is a control character in the value; remove it");
  Section& section = section_for(document, override);
  for (Setting& old : section.settings)
    if (old.key == setting.key) {
      if (old.origin == setting.origin)
        return fail(setting.origin + ": the key is given twice; give it once");
      old = setting;
      return {};
    }
  section.settings.push_back(setting);
  return {};
}

// "SECTION.KEY=VALUE". The last dot divides: keys have none, domains do.
std::optional<Override> from_option(std::string_view option) {
  const auto equals = option.find('=');
  const std::string_view name = trimmed(option.substr(0, equals));
  const auto dot = name.rfind('.');
  if (equals == std::string_view::npos || dot == std::string_view::npos || dot == 0 ||
      dot + 1 == name.size() || std::any_of(name.begin(), name.end(), is_control))
    return std::nullopt;
  const std::string_view heading = name.substr(0, dot);
  const auto space = heading.find(' ');
  return Override{std::string(heading.substr(0, space)),
                  std::string(space == std::string_view::npos ? "" : heading.substr(space + 1)),
                  {std::string(name.substr(dot + 1)),
                   std::string(trimmed(option.substr(equals + 1))), "-o " + std::string(name)}};
}

constexpr bool is_capital(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::optional<Override> from_variable(std::string_view variable) {
  const std::string_view name = variable.substr(0, variable.find('='));
  for (const SectionRow& row : section_rows()) {
    std::string prefix = "letterlock_" + std::string(row.name) + '_';
    const std::string key = folded(name);
    if (row.takes_argument() || !key.starts_with(prefix) || key == prefix ||
        name.size() == variable.size() || !std::all_of(name.begin(), name.end(), is_capital))
      continue;
    return Override{std::string(row.name),
                    "",
                    {key.substr(prefix.size()),
                     std::string(trimmed(variable.substr(name.size() + 1))),
                     "environment " + std::string(name)}};
  }
  return std::nullopt;
}

} // namespace

std::vector<std::string> letterlock_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; variable && *variable; ++variable)
    if (std::string_view(*variable).starts_with("LETTERLOCK_"))
      variables.emplace_back(*variable);
  return variables;
}

Expected<void> apply(const Overrides& overrides, Document& document) {
  for (const std::string& variable : overrides.environment)
    if (const auto override = from_variable(variable))
      if (auto applied = apply_one(document, *override); !applied)
        return applied;
  for (const std::string& option : overrides.options) {
    const auto override = from_option(option);
    if (!override)
      return fail("-o " + quoted(option) +
                  ": the option has no section, key or value; write "
                  "section.key=value, such as server.workers=2");
    if (auto applied = apply_one(document, *override); !applied)
      return applied;
  }
  return {};
}

} // namespace letterlock::conf
