// The command line of letterlockd.
#pragma once

#include "common/base/error.h"
#include "common/conf/overrides.h"

#include <string>

namespace letterlock::letterlockd {

struct Options {
  bool foreground = false; // -d: stay, and log to standard error
  bool check_only = false; // -n
  bool verbose = false;    // -v: log lines for debugging as well
  bool print_routes = false;
  std::string configuration;     // -c
  std::string program_directory; // -L: where the other processes' programs are
  conf::Overrides overrides;     // -o, and the environment
};

inline constexpr std::string_view usage =
    "usage: letterlockd [-dnv] [-c file] [-o section.key=value] [-L directory] [--routes]";

// Fails with what is wrong; the caller shows `usage` with it.
Expected<Options> parse_options(int argc, char* argv[]);

} // namespace letterlock::letterlockd
