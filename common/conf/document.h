// Document: the configuration as it was written, section by section, with the place of each part.
#pragma once

#include "common/base/error.h"

#include <string>
#include <string_view>
#include <vector>

namespace letterlock::conf {

struct Setting {
  std::string key;
  std::string value;
  std::string origin; // "FILE:LINE", "-o server.hostname" or "environment LETTERLOCK_..."
};

struct Section {
  std::string name;     // "domain" of [domain example.com]
  std::string argument; // "example.com", or empty
  std::string origin;
  std::vector<Setting> settings;

  std::string heading() const {
    return '[' + name + (argument.empty() ? "" : " ") + argument + ']';
  }
  // Null if the key is not set here.
  const Setting* find(std::string_view key) const {
    for (const Setting& setting : settings)
      if (setting.key == key)
        return &setting;
    return nullptr;
  }
};

struct Document {
  std::string file; // the name that messages give it
  std::vector<Section> sections;
};

// The one form of an error line: "ORIGIN: [section] key: REASON". The origin is the key's if it is
// set, else its section's; without a key the line is about the section.
inline Error error_in(const Section& section, std::string_view key, std::string_view reason) {
  const Setting* setting = section.find(key);
  std::string line = (setting ? setting->origin : section.origin) + ": " + section.heading();
  if (!key.empty())
    line += ' ' + std::string(key);
  return Error{line + ": " + std::string(reason)};
}

} // namespace letterlock::conf
