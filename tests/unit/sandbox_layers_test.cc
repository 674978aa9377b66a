// Each layer of the sandbox alone: behind the call filter none of them would ever be seen to work.
#include "common/os/capabilities_linux.h"
#include "common/os/users.h"
#include "tests/unit/check.h"
#include "tests/unit/sandbox_scene.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <thread>

using namespace sandbox_scene;

namespace {

Scene* scene;

void needs_root() {
  if (is_root())
    return;
  print_message("SKIPPED: needs root\n");
  skip();
}

// The error number of a call that answered RESULT.
int outcome(long result) {
  return result == -1 ? errno : 0;
}

int error_of_connecting_to(in_port_t port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = port;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return outcome(
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

// Enters Landlock only, with DIRECTORY as the working directory; then BODY.
template <class Body>
Fate run_behind_landlock(Files files, const std::string& directory, Body body) {
  return run_forked([&]() -> int {
    if (is_root())
      become_ordinary_user(test_user());
    if (::chdir(directory.c_str()) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        !os::restrict_by_landlock(files, false, directory))
      return could_not_enter;
    return body();
  });
}

void landlock_walls_off_files(void**) {
  if (os::landlock_abi() < 2) {
    print_message("SKIPPED: needs Landlock 2\n");
    skip();
  }
  const auto open_outside = [] { return outcome(::open("/etc/passwd", O_RDONLY | O_CLOEXEC)); };
  const auto make_inside = [] {
    return outcome(::open("tmp/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  };
  for (const Files files : {Files::none, Files::log, Files::store})
    assert_text_equal(run_behind_landlock(files, scene->writable(), open_outside).text(),
                      Fate{0, EACCES}.text());
  assert_text_equal(run_behind_landlock(Files::none, scene->writable(), make_inside).text(),
                    Fate{0, EACCES}.text());
  for (const Files files : {Files::log, Files::store})
    assert_text_equal(run_behind_landlock(files, scene->writable(), make_inside).text(), "exit 0");

  const auto move = [] { return outcome(::rename("tmp/file", "new/file")); };
  assert_text_equal(run_behind_landlock(Files::log, scene->writable(), move).text(),
                    Fate{0, EXDEV}.text());
  assert_text_equal(run_behind_landlock(Files::store, scene->writable(), move).text(), "exit 0");
  std::filesystem::remove(scene->writable() + "/new/file");
}

void landlock_names_the_directory_that_it_cannot_enter(void**) {
  if (os::landlock_abi() < 2) {
    print_message("SKIPPED: needs Landlock 2\n");
    skip();
  }
  const std::string& directory = scene->writable();
  const Fate fate = run_forked([&]() -> int {
    if (::chdir(directory.c_str()) != 0 || ::chmod(".", 0) != 0)
      return could_not_enter;
    if (is_root())
      become_ordinary_user(test_user());
    const auto done = os::restrict_by_landlock(Files::store, false, directory);
    return done ? 0 : done.error().text.find("enter " + directory) == std::string::npos ? 1 : 2;
  });
  assert_int_equal(::chmod(directory.c_str(), 0700), 0);
  assert_text_equal(fate.text(), "exit 2");
}

// The store sets aside whatever somebody has put in the place of a file or directory of its own.
void landlock_lets_the_store_move_what_it_never_makes(void**) {
  if (os::landlock_abi() < 2) {
    print_message("SKIPPED: needs Landlock 2\n");
    skip();
  }
  const std::string tmp = scene->writable() + "/tmp/";
  std::filesystem::create_symlink("/etc/passwd", tmp + "link");
  std::filesystem::create_directory(tmp + "directory");
  assert_int_equal(::mkfifo((tmp + "pipe").c_str(), 0600), 0);
  if (is_root())
    for (const char* name : {"link", "directory", "pipe"})
      assert_int_equal(::lchown((tmp + name).c_str(), test_user(), test_user()), 0);
  const auto move = [] {
    for (const std::string name : {"link", "directory", "pipe"})
      if (::rename(("tmp/" + name).c_str(), ("new/" + name).c_str()) != 0)
        return errno;
    return 0;
  };
  assert_text_equal(run_behind_landlock(Files::store, scene->writable(), move).text(), "exit 0");
  for (const char* name : {"link", "directory", "pipe"})
    std::filesystem::remove(scene->writable() + "/new/" + name);
}

void landlock_walls_off_tcp(void**) {
  if (os::landlock_abi() < 4) {
    print_message("SKIPPED: needs Landlock 4\n");
    skip();
  }
  const Fate fate = run_behind_landlock(Files::none, scene->empty(),
                                        [] { return error_of_connecting_to(htons(9)); });
  assert_text_equal(fate.text(), Fate{0, EACCES}.text());
}

void landlock_walls_off_signals(void**) {
  if (os::landlock_abi() < 6) {
    print_message("SKIPPED: needs Landlock 6\n");
    skip();
  }
  const Fate fate = run_behind_landlock(Files::none, scene->empty(),
                                        [] { return outcome(::kill(scene->sibling(), 0)); });
  assert_text_equal(fate.text(), Fate{0, EPERM}.text());
}

void another_user_is_for_good(void**) {
  needs_root();
  const Fate fate = run_forked([]() -> int {
    if (!os::become({test_user(), test_user()}))
      return could_not_enter;
    if (::getgroups(0, nullptr) != 1 || ::setgid(0) == 0)
      return 1;
    return outcome(::setuid(0));
  });
  assert_text_equal(fate.text(), Fate{0, EPERM}.text());
}

void root_is_nobody_to_become(void**) {
  assert_false(os::become({0, 1}).has_value());
  assert_false(os::become({1, 0}).has_value());
}

void capabilities_stay_away(void**) {
  const Fate fate = run_forked([]() -> int {
    const auto bounded = os::limit_bounding_set(os::no_capabilities);
    if (!bounded || *bounded != is_root() || !os::limit_capabilities(os::no_capabilities))
      return could_not_enter;
    // Still user 0 when the test is.
    if (::chroot("/") == 0 || ::mount("none", "/tmp", "tmpfs", 0, nullptr) == 0)
      return 1;
    return is_root() && ::prctl(PR_CAPBSET_READ, 0, 0, 0, 0) != 0 ? 2 : 0;
  });
  assert_text_equal(fate.text(), "exit 0");
}

void memory_is_closed_to_the_same_user(void**) {
  int ready[2];
  assert_int_equal(::pipe(ready), 0);
  const pid_t confined = start_forked([&]() -> int {
    if (is_root())
      become_ordinary_user(test_user());
    if (!os::enter_sandbox(confinement_of(Role::keyd, Start::by_user, *scene)))
      return could_not_enter;
    char byte = 'r';
    if (::write(ready[1], &byte, 1) != 1)
      return 1;
    ::poll(nullptr, 0, -1);
    return 0;
  });
  char byte = 0;
  assert_int_equal(::read(ready[0], &byte, 1), 1);
  const Fate fate = run_forked([&] {
    if (is_root())
      become_ordinary_user(test_user());
    const std::string memory = "/proc/" + std::to_string(confined) + "/mem";
    if (::open(memory.c_str(), O_RDONLY | O_CLOEXEC) >= 0)
      return 0;
    return outcome(::ptrace(PTRACE_ATTACH, confined, nullptr, nullptr));
  });
  ::kill(confined, SIGKILL);
  fate_of(confined);
  ::close(ready[0]);
  ::close(ready[1]);
  assert_text_equal(fate.text(), Fate{0, EPERM}.text());
}

// The pipe's end of file is seen when the last process that holds its other end is gone.
void children_die_with_their_parent(void**) {
  for (const Start start : {Start::by_user, Start::by_root}) {
    if (start == Start::by_root && !is_root())
      continue;
    int alive[2];
    assert_int_equal(::pipe(alive), 0);
    const Fate parent = run_forked([&]() -> int {
      if (start == Start::by_user && is_root())
        become_ordinary_user(test_user());
      os::Confinement confinement = confinement_of(Role::logd, start, *scene);
      confinement.parent = ::getpid();
      start_forked([&]() -> int {
        ::alarm(0);
        const bool entered = os::enter_sandbox(confinement).has_value();
        if (::write(alive[1], entered ? "y" : "n", 1) == 1 && entered)
          ::poll(nullptr, 0, -1);
        return 0;
      });
      char answer = 0;
      return ::read(alive[0], &answer, 1) == 1 && answer == 'y' ? 0 : could_not_enter;
    });
    ::close(alive[1]);
    assert_text_equal(parent.text(), "exit 0");
    pollfd end{alive[0], POLLIN, 0};
    assert_int_equal(::poll(&end, 1, 10'000), 1);
    char byte = 0;
    assert_int_equal(::read(alive[0], &byte, 1), 0);
    ::close(alive[0]);
  }
}

// The report or the error of entering CONFINEMENT in a process of its own.
std::string line_of_entering(const os::Confinement& confinement, bool as_user,
                             void (*before)() = nullptr) {
  int text[2];
  assert_int_equal(::pipe(text), 0);
  run_forked([&] {
    if (as_user && is_root())
      become_ordinary_user(test_user());
    if (before != nullptr)
      before();
    const auto report = os::enter_sandbox(confinement);
    const std::string line = report ? report->line() : report.error().text;
    return ::write(text[1], line.data(), line.size()) > 0 ? 0 : 1;
  });
  ::close(text[1]);
  char line[1024];
  const auto length = ::read(text[0], line, sizeof line);
  ::close(text[0]);
  return {line, length > 0 ? static_cast<std::size_t>(length) : 0};
}

void a_dead_parent_is_an_error(void**) {
  os::Confinement confinement = confinement_of(Role::smtpd, Start::by_user, *scene);
  confinement.parent = scene->sibling();
  assert_text_equal(line_of_entering(confinement, true),
                    "sandbox: death with parent: the parent is gone");
}

void threads_before_are_an_error(void**) {
  const auto start_thread = [] { std::thread([] { ::pause(); }).detach(); };
  assert_text_equal(
      line_of_entering(confinement_of(Role::smtpd, Start::by_user, *scene), true, start_thread),
      "sandbox: single thread: threads exist already");
}

void root_needs_a_user_to_become(void**) {
  needs_root();
  os::Confinement confinement = confinement_of(Role::smtpd, Start::by_user, *scene);
  confinement.best_effort = true;
  assert_text_equal(line_of_entering(confinement, false),
                    "sandbox: user: started by root, but without a user to become");
}

void the_empty_directory_must_be_roots(void**) {
  needs_root();
  os::Confinement confinement = confinement_of(Role::smtpd, Start::by_root, *scene);
  confinement.root_directory = scene->writable();
  assert_text_equal(line_of_entering(confinement, false),
                    "sandbox: root directory: " + scene->writable() +
                        ": must belong to root and be writable by root only");
}

void a_missing_layer_is_an_error_or_a_remark(void**) {
  os::Confinement confinement = confinement_of(Role::smtpd, Start::by_user, *scene);
  confinement.root_directory = "/nonexistent";
  confinement.best_effort = false;
  assert_text_equal(line_of_entering(confinement, true),
                    "sandbox: root directory: change to /nonexistent: No such file or directory");
  confinement.best_effort = true;
  const std::string line = line_of_entering(confinement, true);
  assert_true(line.find("root directory (change to /nonexistent: ") != line.npos);
  assert_true(line.find("seccomp\"") != line.npos);
}

void too_many_descriptors_is_an_error(void**) {
  os::Confinement confinement = confinement_of(Role::smtpd, Start::by_user, *scene);
  confinement.open_files = 4'000'000'000;
  const std::string line = line_of_entering(confinement, true);
  assert_true(line.find("sandbox: limits: allow 4000000000 open files: the hard limit is ") == 0);
}

os::Confinement of_parent() {
  os::Confinement confinement;
  confinement.role = Role::letterlockd;
  confinement.open_files = 256;
  return confinement;
}

void the_parent_keeps_what_it_needs(void**) {
  needs_root();
  const Fate fate = run_forked([]() -> int {
    if (!os::enter_sandbox(of_parent()))
      return could_not_enter;
    if (::unshare(CLONE_NEWNS) == 0 || ::mount("none", "/tmp", "tmpfs", 0, nullptr) == 0 ||
        ::ptrace(PTRACE_ATTACH, scene->sibling(), nullptr, nullptr) == 0)
      return 1;
    if (::chown(scene->outside().c_str(), 0, 0) != 0 || ::kill(scene->sibling(), 0) != 0)
      return 2;
    // Its child can still enter a sandbox of its own, with more descriptors.
    os::Confinement child = confinement_of(Role::smtpd, Start::by_root, *scene);
    child.open_files = 512;
    return line_of_entering(child, false).starts_with("on=") ? 0 : 3;
  });
  assert_text_equal(fate.text(), "exit 0");
}

void the_parent_says_that_it_is_not_root(void**) {
  const std::string line = line_of_entering(of_parent(), true);
  assert_true(line.find("off=\"separate users (not root: the processes keep this user and see the "
                        "whole file system)") != line.npos);
}

void every_role_has_a_user_of_its_own(void**) {
  for (const Role role : confined_roles)
    for (const Role other : confined_roles)
      assert_true(role == other || os::role_user_name(role) != os::role_user_name(other));
  const auto root = os::role_identity(Role::letterlockd);
  assert_true(root.has_value() && root->uid == 0);
}

int make_scene(void**) {
  scene = new Scene;
  return 0;
}
int strike_scene(void**) {
  delete scene;
  return 0;
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(landlock_walls_off_files),
      cmocka_unit_test(landlock_names_the_directory_that_it_cannot_enter),
      cmocka_unit_test(landlock_lets_the_store_move_what_it_never_makes),
      cmocka_unit_test(landlock_walls_off_tcp),
      cmocka_unit_test(landlock_walls_off_signals),
      cmocka_unit_test(another_user_is_for_good),
      cmocka_unit_test(root_is_nobody_to_become),
      cmocka_unit_test(capabilities_stay_away),
      cmocka_unit_test(memory_is_closed_to_the_same_user),
      cmocka_unit_test(children_die_with_their_parent),
      cmocka_unit_test(a_dead_parent_is_an_error),
      cmocka_unit_test(threads_before_are_an_error),
      cmocka_unit_test(root_needs_a_user_to_become),
      cmocka_unit_test(the_empty_directory_must_be_roots),
      cmocka_unit_test(a_missing_layer_is_an_error_or_a_remark),
      cmocka_unit_test(too_many_descriptors_is_an_error),
      cmocka_unit_test(the_parent_keeps_what_it_needs),
      cmocka_unit_test(the_parent_says_that_it_is_not_root),
      cmocka_unit_test(every_role_has_a_user_of_its_own),
  };
  return cmocka_run_group_tests(tests, make_scene, strike_scene);
}
