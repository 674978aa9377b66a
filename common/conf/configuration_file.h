// Loading of the configuration: file, environment and command line to a Configuration.
//
// Everything that wants the configuration (the start, a reload, `letterlock check`) comes through
// here, so that all judge alike. There is one error, the first: what follows a fault is often only
// its echo. It is one line and begins with the place: "FILE:LINE: [section] key: what is wrong;
// what would be right".
#pragma once

#include "common/conf/configuration.h"
#include "common/conf/overrides.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace letterlock::conf {

inline constexpr std::string_view default_configuration_path = "/etc/letterlock/letterlock.conf";
inline constexpr std::size_t max_configuration_size = 1024 * 1024; // bytes

// The file must be root's or the running user's and writable by nobody else.
Expected<Configuration> load(const std::string& path, const Overrides& overrides);

// The same of text that is at hand; FILE is the name for messages. NUL is refused as a control
// character.
Expected<Configuration> parse(const std::string& text, std::string_view file,
                              const Overrides& overrides);

} // namespace letterlock::conf
