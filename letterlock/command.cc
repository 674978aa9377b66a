// The table of commands, and the short ones.
#include "letterlock/command.h"

#include "common/conf/configuration_file.h"
#include "common/conf/schema.h"

#include <array>
#include <cstdio>

namespace letterlock::command {

namespace {

constexpr std::array table = {
    Command{"check", "", 0, "check the configuration and say what it means", run_check},
    Command{"keys", "", 0, "list every section and key of the configuration", run_keys},
    Command{"passwd", "ACCOUNT", 1, "set the password of an account", run_passwd},
};

// A full disk or a closed pipe must not pass for success.
Exit print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
    return report(Exit::failed, Error::system("standard output").text);
  return Exit::done;
}

} // namespace

std::span<const Command> commands() {
  return table;
}

Exit report(Exit status, const std::string& text) {
  std::fprintf(stderr, "letterlock: %s\n", text.c_str());
  return status;
}

Exit run_check(const Invocation& invocation) {
  const auto configuration = conf::load(invocation.configuration_path, invocation.overrides);
  if (!configuration)
    return report(Exit::configuration, configuration.error().text);
  return print(invocation.configuration_path + ": configuration OK\n" +
               conf::summary(*configuration));
}

Exit run_keys(const Invocation&) {
  return print(conf::key_listing());
}

} // namespace letterlock::command
