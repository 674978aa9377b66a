// The scene for trying a sandbox: directories, a process beside it, and entering a role in a
// forked process with and without root.
#pragma once

#include "common/base/unique_fd.h"
#include "common/os/landlock_linux.h"
#include "common/os/sandbox.h"
#include "common/os/sandbox_table.h"
#include "tests/unit/forked.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace sandbox_scene {

using namespace letterlock;
using letterlock::os::Files;

inline constexpr Role confined_roles[] = {Role::smtpd, Role::pop3d,   Role::queued, Role::authd,
                                          Role::keyd,  Role::resolvd, Role::logd};

// How the system was started.
enum class Start { by_root, by_user };

inline bool is_root() {
  return ::geteuid() == 0;
}

// The user that sandboxed processes run as in the tests.
inline uid_t test_user() {
  return is_root() ? 65534 : ::getuid();
}

// A temporary directory with an empty one and a writable one for the roles.
class Scene {
public:
  Scene() {
    std::string name = (std::filesystem::temp_directory_path() / "sandbox_test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      std::abort();
    base_ = name;
    ::chmod(base_.c_str(), 0755);
    ::mkdir(empty().c_str(), 0755);
    ::mkdir(outside().c_str(), 0700);
    ::chmod(outside().c_str(), 0777);
    ::mkdir(writable().c_str(), 0700);
    ::mkdir((writable() + "/tmp").c_str(), 0700);
    ::mkdir((writable() + "/new").c_str(), 0700);
    if (::symlink("/etc/passwd", (writable() + "/link").c_str()) != 0)
      std::abort();
    if (is_root())
      for (const char* below : {"", "/tmp", "/new"})
        if (::chown((writable() + below).c_str(), test_user(), test_user()) != 0)
          std::abort();
    // The same user as the sandboxed process, and open to it in every other way.
    sibling_ = start_forked([] {
      if (is_root())
        become_ordinary_user(test_user());
      ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); // the change of user had cleared it
      ::alarm(0);
      for (;;)
        ::pause();
      return 0;
    });
  }
  ~Scene() {
    ::kill(sibling_, SIGKILL);
    fate_of(sibling_);
    std::filesystem::remove_all(base_);
  }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  std::string empty() const { return base_ + "/empty"; }
  std::string outside() const { return base_ + "/outside"; } // open to everyone
  std::string writable() const { return base_ + "/writable"; }
  pid_t sibling() const { return sibling_; }

private:
  std::string base_;
  pid_t sibling_ = 0;
};

inline os::Confinement confinement_of(Role role, Start start, const Scene& scene) {
  os::Confinement confinement;
  confinement.role = role;
  if (start == Start::by_root)
    confinement.identity = os::Identity{test_user(), test_user()};
  confinement.root_directory =
      os::rights_of(role).files == Files::none ? scene.empty() : scene.writable();
  confinement.open_files = 64;
  // Where the kernel has no Landlock the other layers have to do.
  confinement.best_effort = os::landlock_abi() == 0;
  return confinement;
}

// Not an error number, so that it cannot be taken for a refusal.
inline constexpr int could_not_enter = 250;

// BODY in a process that entered the sandbox of ROLE.
template <class Body> Fate run_confined(Role role, Start start, const Scene& scene, Body body) {
  return run_forked([&] {
    if (start == Start::by_user && is_root())
      become_ordinary_user(test_user());
    const auto report = os::enter_sandbox(confinement_of(role, start, scene));
    if (!report) {
      std::fprintf(stderr, "%s\n", report.error().text.c_str());
      return could_not_enter;
    }
    return body();
  });
}

} // namespace sandbox_scene
