// letterlockd: the parent of all processes. It holds the ports and the files, and talks to nobody
// but its children.
#include "common/conf/configuration_file.h"
#include "common/ipc/routes.h"
#include "common/os/privileges.h"
#include "common/os/sandbox.h"
#include "letterlockd/background.h"
#include "letterlockd/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>

using namespace letterlock;
using namespace letterlock::letterlockd;

namespace {

int complain(const std::string& what) {
  std::fprintf(stderr, "letterlockd: %s\n", what.c_str());
  return EXIT_FAILURE;
}

// One line a route: from, to, and the messages that may go that way.
void print_routes() {
  for_each_type(ipc::Routes{}, [](auto r) {
    using Route = typename decltype(r)::type;
    std::printf("%-12s%-12s", std::string(role_name(Route::from)).c_str(),
                std::string(role_name(Route::to)).c_str());
    for_each_type(typename Route::Messages{},
                  [](auto m) { std::printf(" %s", std::string(decltype(m)::type::name).c_str()); });
    std::printf("\n");
  });
}

// Programs may be given relative to where the command was started, which a daemon leaves.
std::string absolute(const std::string& path) {
  char* const resolved = ::realpath(path.c_str(), nullptr);
  const std::string result = resolved != nullptr ? resolved : path;
  std::free(resolved);
  return result;
}

int serve(Options options, std::unique_ptr<Generation> generation, Programs programs) {
  std::optional<Background> background;
  if (!options.foreground) {
    auto entered = Background::enter();
    if (!entered)
      return complain(entered.error().text);
    background = std::move(*entered);
  }

  io::Loop loop;
  const os::Confinement confinement{.role = Role::letterlockd,
                                    .identity = std::nullopt,
                                    .root_directory = {},
                                    .parent = 0,
                                    .open_files = most_open_files(generation->configuration),
                                    .best_effort = generation->configuration.server.sandbox ==
                                                   conf::SandboxMode::best_effort};
  if (const auto report = os::enter_sandbox(confinement); !report)
    return complain(report.error().text);

  ipc::Logger log;
  int status = EXIT_SUCCESS;
  Supervisor supervisor(loop, log, options, std::move(programs), std::move(generation),
                        {.serving =
                             [&] {
                               if (background)
                                 background->ready();
                             },
                         .failed =
                             [&](const std::string& why) {
                               status = complain(why);
                               loop.stop();
                             },
                         .ended = [&] { loop.stop(); }});
  const io::SignalWatch hangup(loop, SIGHUP, [&] { supervisor.reload(); });
  const io::SignalWatch terminate(loop, SIGTERM, [&] { supervisor.stop(); });
  const io::SignalWatch interrupt(loop, SIGINT, [&] { supervisor.stop(); });
  const io::SignalWatch child(loop, SIGCHLD, [&] { supervisor.reap(); });
  supervisor.start();
  loop.run();
  return status;
}

int run(int argc, char* argv[]) {
  auto options = parse_options(argc, argv);
  if (!options)
    return complain(options.error().text + "\n" + std::string(usage));
  if (options->print_routes) {
    print_routes();
    return EXIT_SUCCESS;
  }
  options->configuration = absolute(options->configuration);
  options->program_directory = absolute(options->program_directory);

  auto configuration = conf::load(options->configuration, options->overrides);
  if (!configuration)
    return complain(configuration.error().text);
  if (options->check_only) {
    std::printf("%s", conf::summary(*configuration).c_str());
    return EXIT_SUCCESS;
  }

  ::signal(SIGPIPE, SIG_IGN);
  ::umask(027);
  // Descriptors that whoever started us left open are no business of our children's.
  ::closefrom(3);
  auto programs = Programs::open(options->program_directory);
  if (!programs)
    return complain(programs.error().text);
  if (auto made = make_directories(configuration->server); !made)
    return complain(made.error().text);
  // What is opened from now on may be more than the system gives of itself.
  if (auto allowed = os::set_open_files(most_open_files(*configuration)); !allowed)
    return complain(allowed.error().text);
  auto generation = open_generation(std::move(*configuration), 1, nullptr);
  if (!generation)
    return complain(generation.error().text);
  return serve(std::move(*options), std::move(*generation), std::move(*programs));
}

} // namespace

int main(int argc, char* argv[]) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    return complain(error.what());
  }
}
