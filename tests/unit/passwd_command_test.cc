// letterlock passwd: input from pipes and terminals, verifiers, and the file on disk.
#include "common/base/unique_fd.h"
#include "letterlock/bcrypt.h"
#include "letterlock/command.h"
#include "letterlock/password_input.h"
#include "letterlock/password_store.h"
#include "tests/unit/check.h"

#include <crypt.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using namespace letterlock;
using namespace letterlock::command;

namespace {

// A directory of the test's own, gone with it.
struct Scratch {
  std::string path = "/tmp/letterlock-passwd-XXXXXX";
  Scratch() { assert_non_null(::mkdtemp(path.data())); }
  ~Scratch() {
    for (const char* name : {"/passwd", "/passwd.new", "/conf", "/target"})
      ::unlink((path + name).c_str());
    ::rmdir(path.c_str());
  }
};

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  assert_int_equal(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

conf::Verifier verifier_of(char letter) {
  return *conf::parse_verifier("$2b$12$" + std::string(53, letter));
}

// What a pipe with this text gives, and what is left in it.
struct FromPipe {
  Expected<conf::Password> password = {};
  std::string rest;

  explicit FromPipe(const std::string& text) {
    int ends[2];
    assert_int_equal(::pipe(ends), 0);
    const UniqueFd in(ends[0]);
    UniqueFd out(ends[1]);
    assert_int_equal(::write(out.get(), text.data(), text.size()), text.size());
    out.reset();
    password = read_password_line(in.get());
    std::array<char, 64> buffer;
    const ssize_t count = ::read(in.get(), buffer.data(), buffer.size());
    rest.assign(buffer.data(), static_cast<std::size_t>(count));
  }
};

void the_first_line_of_a_pipe_is_the_password(void**) {
  const FromPipe line("pass word\xc3\xbc\nsecond\n");
  assert_text_equal(line.password->reveal(), "pass word\xc3\xbc");
  assert_text_equal(line.rest, "second\n");
  assert_text_equal(FromPipe("no line feed").password->reveal(), "no line feed");
  assert_int_equal(FromPipe(std::string(72, 'x') + "\n").password->reveal().size(), 72);
}

void passwords_that_bcrypt_cannot_hold_are_refused(void**) {
  const std::string control = "there is a control character in the password; choose one without";
  struct {
    std::string text, error;
  } const cases[] = {
      {"", "the password is empty; nothing is changed"},
      {"\nsecond\n", "the password is empty; nothing is changed"},
      {std::string(73, 'x') + "\n", "the password is longer than 72 bytes, and bcrypt would ignore "
                                    "the rest; choose a shorter one"},
      {std::string(5000, 'x'), "the password is longer than 72 bytes, and bcrypt would ignore "
                               "the rest; choose a shorter one"},
      {"word\r\n", control},
      {std::string("a\0b\n", 4), control},
      {"a\tb\n", control},
  };
  for (const auto& c : cases) {
    const FromPipe line(c.text);
    assert_text_equal(line.password ? "accepted" : line.password.error().text, c.error);
  }
}

// A pseudo-terminal: the test is the person at master.
struct Terminal {
  UniqueFd master{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
  UniqueFd slave;

  Terminal() {
    assert_int_equal(::grantpt(master.get()), 0);
    assert_int_equal(::unlockpt(master.get()), 0);
    slave = UniqueFd(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    assert_true(slave.get() >= 0);
  }
  bool echoes() const {
    termios settings{};
    assert_int_equal(::tcgetattr(slave.get(), &settings), 0);
    return (settings.c_lflag & ECHO) != 0;
  }
  // Reads the screen until the text has come.
  std::string screen_until(std::string_view text) const {
    std::string screen;
    while (screen.find(text) == std::string::npos) {
      std::array<char, 256> buffer;
      const ssize_t count = ::read(master.get(), buffer.data(), buffer.size());
      assert_true(count > 0);
      screen.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return screen;
  }
  void type(std::string_view text) const {
    assert_int_equal(::write(master.get(), text.data(), text.size()), text.size());
  }
};

// A child that asks for a new password at the terminal; its exit status is 0 for "word", else 1.
pid_t child_asking(const Terminal& terminal) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30); // the deadline of a test that went wrong
    const auto password = ask_new_password(terminal.slave.get(), "main");
    ::_exit(password && password->reveal() == "word" ? 0 : 1);
  }
  assert_true(child > 0);
  return child;
}

int status_of(pid_t child) {
  int status = 0;
  assert_int_equal(::waitpid(child, &status, 0), child);
  return status;
}

void a_terminal_is_asked_twice_and_shows_nothing(void**) {
  const Terminal terminal;
  const pid_t child = child_asking(terminal);
  assert_text_equal(terminal.screen_until("main: "), "New password of main: ");
  assert_false(terminal.echoes());
  terminal.type("word\n");
  assert_text_equal(terminal.screen_until("again: "), "\r\nThe same again: ");
  terminal.type("word\n");
  assert_int_equal(status_of(child), 0);
  assert_text_equal(terminal.screen_until("\n"), "\r\n");
  assert_true(terminal.echoes());
}

void two_different_passwords_are_refused(void**) {
  const Terminal terminal;
  const pid_t child = child_asking(terminal);
  terminal.screen_until("main: ");
  terminal.type("word\n");
  terminal.screen_until("again: ");
  terminal.type("ward\n");
  assert_int_equal(WEXITSTATUS(status_of(child)), 1);
}

void an_interrupted_question_leaves_the_terminal_as_it_was(void**) {
  const Terminal terminal;
  const pid_t child = child_asking(terminal);
  terminal.screen_until("main: ");
  ::kill(child, SIGINT);
  // The signal that came just before read() does not end it; the next one does.
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    ::usleep(1000);
    ::kill(child, SIGINT);
  }
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
  assert_true(terminal.echoes());
}

void a_verifier_verifies(void**) {
  const auto password = conf::Password::from(std::string(71, 'p') + "q");
  const auto verifier = make_verifier(*password, 4);
  assert_true(verifier.has_value());
  const std::string hash(verifier->reveal());
  assert_true(hash.starts_with("$2b$04$"));
  crypt_data data{};
  assert_text_equal(::crypt_r((std::string(71, 'p') + "q").c_str(), hash.c_str(), &data), hash);
  assert_true(::crypt_r((std::string(71, 'p') + "r").c_str(), hash.c_str(), &data) != hash);
  assert_true(make_verifier(*password, 4)->reveal() != hash); // another salt
  assert_true(make_verifier(*password)->reveal().starts_with("$2b$12$"));
}

void a_missing_file_is_made_and_others_kept(void**) {
  const Scratch scratch;
  const std::string path = scratch.path + "/passwd";
  ::umask(0);
  assert_true(store_password(path, "main", verifier_of('a')).has_value());
  assert_int_equal(mode_of(path), 0600);
  assert_true(store_password(path, "alice", verifier_of('b')).has_value());
  ::chmod(path.c_str(), 0644);
  assert_true(store_password(path, "main", verifier_of('c')).has_value());
  assert_int_equal(mode_of(path), 0600);
  assert_text_equal(content_of(path), "main:" + std::string(verifier_of('c').reveal()) +
                                          "\nalice:" + std::string(verifier_of('b').reveal()) +
                                          "\n");
  assert_int_equal(::access((path + ".new").c_str(), F_OK), -1);
}

void the_owner_of_the_file_stays(void**) {
  if (::geteuid() != 0)
    return; // nobody else can give files away
  const Scratch scratch;
  const std::string path = scratch.path + "/passwd";
  std::ofstream(path).flush();
  ::chmod(path.c_str(), 0600);
  assert_int_equal(::chown(path.c_str(), 0, 65534), 0);
  assert_true(store_password(path, "main", verifier_of('a')).has_value());
  struct stat status {};
  assert_int_equal(::stat(path.c_str(), &status), 0);
  assert_int_equal(status.st_gid, 65534);
}

void what_a_killed_writer_left_is_replaced(void**) {
  const Scratch scratch;
  const std::string path = scratch.path + "/passwd";
  std::ofstream(path + ".new") << "half";
  assert_true(store_password(path, "main", verifier_of('a')).has_value());
  assert_int_equal(::access((path + ".new").c_str(), F_OK), -1);
}

void a_file_that_is_not_ours_stays_as_it_is(void**) {
  const Scratch scratch;
  const std::string path = scratch.path + "/passwd";
  std::ofstream(path) << "root:x:0:0\n";
  ::chmod(path.c_str(), 0600);
  assert_text_equal(store_password(path, "main", verifier_of('a')).error().text,
                    path + ":1: what follows the colon is no bcrypt verifier ($2b$, cost 4 to 16); "
                           "run letterlock passwd root");
  assert_text_equal(content_of(path), "root:x:0:0\n");
  ::chmod(path.c_str(), 0666);
  assert_text_equal(store_password(path, "main", verifier_of('a')).error().text,
                    path + ": group or others may write it; run chmod go-w on it");
  ::rename(path.c_str(), (scratch.path + "/target").c_str());
  assert_int_equal(::symlink("target", path.c_str()), 0);
  assert_text_equal(store_password(path, "main", verifier_of('a')).error().text,
                    path + ": it is a symbolic link; write the path of the file itself");
  assert_text_equal(store_password("/nonexistent/passwd", "main", verifier_of('a')).error().text,
                    "/nonexistent: No such file or directory");
}

void writers_wait_for_each_other(void**) {
  const Scratch scratch;
  const std::string path = scratch.path + "/passwd";
  std::vector<pid_t> children;
  for (int i = 0; i < 16; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto name = conf::parse_account_name("a" + std::to_string(i));
      ::_exit(store_password(path, *name, verifier_of('a')) ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children)
    assert_int_equal(status_of(child), 0);
  assert_int_equal(conf::parse_password_file(content_of(path), path)->size(), 16);
}

void the_command_refuses_an_account_that_is_not_configured(void**) {
  const Scratch scratch;
  const std::string path = scratch.path + "/conf";
  std::ofstream(path) << "[server]\nhostname = mx.example.com\npasswords = " + scratch.path +
                             "/passwd\n[account main]\n[domain example.com]\ncatchall = main\n";
  ::chmod(path.c_str(), 0600);
  assert_int_equal(static_cast<int>(run_passwd({path, {}, {"alice"}})), 65);
  assert_int_equal(::access((scratch.path + "/passwd").c_str(), F_OK), -1);
  assert_int_equal(static_cast<int>(run_passwd({path, {{"server.hostname=-"}, {}}, {"main"}})), 78);
  assert_int_equal(static_cast<int>(run_check({path, {}, {}})), 0);
  assert_int_equal(static_cast<int>(run_check({path + "x", {}, {}})), 78);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_first_line_of_a_pipe_is_the_password),
      cmocka_unit_test(passwords_that_bcrypt_cannot_hold_are_refused),
      cmocka_unit_test(a_terminal_is_asked_twice_and_shows_nothing),
      cmocka_unit_test(two_different_passwords_are_refused),
      cmocka_unit_test(an_interrupted_question_leaves_the_terminal_as_it_was),
      cmocka_unit_test(a_verifier_verifies),
      cmocka_unit_test(a_missing_file_is_made_and_others_kept),
      cmocka_unit_test(the_owner_of_the_file_stays),
      cmocka_unit_test(what_a_killed_writer_left_is_replaced),
      cmocka_unit_test(a_file_that_is_not_ours_stays_as_it_is),
      cmocka_unit_test(writers_wait_for_each_other),
      cmocka_unit_test(the_command_refuses_an_account_that_is_not_configured),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
