// The commands of the administrator's program, and what each is given.
#pragma once

#include "common/conf/overrides.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::command {

// The exit status is part of the interface: letterlock(8) lists these. The numbers are those of
// sysexits(3) where it has one.
enum class Exit : int {
  done = 0,
  usage = 64,         // EX_USAGE: no such command, wrong arguments
  refused = 65,       // EX_DATAERR: a password or an account that cannot be
  failed = 74,        // EX_IOERR: a file or the terminal
  configuration = 78, // EX_CONFIG: the error line is on standard error
};

struct Invocation {
  std::string configuration_path;
  conf::Overrides overrides;
  std::vector<std::string> arguments; // of the command, its own name not among them
};

struct Command {
  std::string_view name;
  std::string_view arguments; // for the usage: "ACCOUNT"
  std::size_t count;          // of arguments
  std::string_view doc;       // one line
  Exit (*run)(const Invocation& invocation);
};

std::span<const Command> commands();

Exit run_check(const Invocation& invocation);
Exit run_keys(const Invocation& invocation);
Exit run_passwd(const Invocation& invocation);

// Writes "letterlock: TEXT" to standard error and hands the status on.
Exit report(Exit status, const std::string& text);

} // namespace letterlock::command
