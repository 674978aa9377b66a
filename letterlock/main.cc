// letterlock: the administrator's command. Options, then one command of the table.
#include "common/conf/configuration_file.h"
#include "letterlock/command.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

using namespace letterlock;
using command::Command;
using command::Exit;

namespace {

Exit usage() {
  std::fputs("usage: letterlock [-c file] [-o section.key=value] command\n", stderr);
  for (const Command& c : command::commands()) {
    const std::string call = std::string(c.name) + ' ' + std::string(c.arguments);
    std::fprintf(stderr, "  %-16s %.*s\n", call.c_str(), static_cast<int>(c.doc.size()),
                 c.doc.data());
  }
  return Exit::usage;
}

Exit run(int argc, char** argv) {
  command::Invocation invocation;
  invocation.configuration_path = conf::default_configuration_path;
  invocation.overrides.environment = conf::letterlock_environment();
  // "+" ends the options at the command, with glibc too.
  for (int option; (option = ::getopt(argc, argv, "+c:o:")) != -1;) {
    if (option == 'c')
      invocation.configuration_path = optarg;
    else if (option == 'o')
      invocation.overrides.options.emplace_back(optarg);
    else
      return usage();
  }
  if (optind == argc)
    return usage();

  const std::string_view name = argv[optind];
  invocation.arguments.assign(argv + optind + 1, argv + argc);
  const auto found = std::find_if(command::commands().begin(), command::commands().end(),
                                  [&](const Command& c) { return c.name == name; });
  if (found == command::commands().end() || invocation.arguments.size() != found->count)
    return usage();
  return found->run(invocation);
}

} // namespace

int main(int argc, char** argv) {
  return static_cast<int>(run(argc, argv));
}
