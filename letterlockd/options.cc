// The command line of letterlockd.
#include "letterlockd/options.h"

#include "common/conf/configuration_file.h"

#include <getopt.h>

#ifndef LETTERLOCK_LIBEXECDIR
#define LETTERLOCK_LIBEXECDIR "/usr/local/libexec/letterlock"
#endif

namespace letterlock::letterlockd {

Expected<Options> parse_options(int argc, char* argv[]) {
  Options options;
  options.configuration = conf::default_configuration_path;
  options.program_directory = LETTERLOCK_LIBEXECDIR;
  options.overrides.environment = conf::letterlock_environment();

  constexpr int routes = 1000;
  static const option long_options[] = {{"routes", no_argument, nullptr, routes}, {}};
  opterr = 0;
  for (;;) {
    const int option = ::getopt_long(argc, argv, ":c:dL:no:v", long_options, nullptr);
    switch (option) {
    case -1:
      if (optind < argc)
        return fail("unexpected argument " + std::string(argv[optind]));
      return options;
    case 'c':
      options.configuration = optarg;
      break;
    case 'd':
      options.foreground = true;
      break;
    case 'L':
      options.program_directory = optarg;
      break;
    case 'n':
      options.check_only = true;
      break;
    case 'o':
      options.overrides.options.emplace_back(optarg);
      break;
    case 'v':
      options.verbose = true;
      break;
    case routes:
      options.print_routes = true;
      break;
    case ':':
      return fail(std::string("option -") + static_cast<char>(optopt) + " needs an argument");
    default:
      return fail("unknown option " + std::string(argv[optind - 1]));
    }
  }
}

} // namespace letterlock::letterlockd
