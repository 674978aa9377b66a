// letterlock passwd ACCOUNT.
#include "common/base/unique_fd.h"
#include "common/conf/configuration_file.h"
#include "letterlock/bcrypt.h"
#include "letterlock/command.h"
#include "letterlock/password_input.h"
#include "letterlock/password_store.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

namespace letterlock::command {

namespace {

Expected<conf::Password> new_password(std::string_view account) {
  if (::isatty(STDIN_FILENO) == 0)
    return read_password_line(STDIN_FILENO);
  // The prompt belongs on the terminal even if standard output goes elsewhere.
  const UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal)
    return fail_errno("/dev/tty");
  return ask_new_password(terminal.get(), account);
}

} // namespace

Exit run_passwd(const Invocation& invocation) {
  const rlimit no_core{0, 0}; // which would hold the password
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0)
    return report(Exit::failed, Error::system("the limit of core files").text);

  const auto configuration = conf::load(invocation.configuration_path, invocation.overrides);
  if (!configuration)
    return report(Exit::configuration, configuration.error().text);
  const std::string& name = invocation.arguments.front();
  const conf::Account* account = configuration->account(name);
  if (!account)
    return report(Exit::refused, "there is no account " + conf::quoted(name) + " in " +
                                     invocation.configuration_path + "; write a section " +
                                     "[account NAME] there first");

  const auto password = new_password(name);
  if (!password)
    return report(Exit::refused, password.error().text);
  const auto verifier = make_verifier(*password);
  if (!verifier)
    return report(Exit::failed, verifier.error().text);
  const std::string path(configuration->server.passwords.view());
  if (const auto stored = store_password(path, account->name, *verifier); !stored)
    return report(Exit::failed, stored.error().text);
  std::fprintf(stderr,
               "letterlock: the password of %s is set; a running letterlockd takes it at "
               "its next reload\n",
               name.c_str());
  return Exit::done;
}

} // namespace letterlock::command
