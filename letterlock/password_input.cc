// Passwords from terminals and pipes.
#include "letterlock/password_input.h"

#include "common/base/text.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>

namespace letterlock::command {

namespace {

using conf::Password;

// One byte more than a password may have shows that there was more.
struct Line {
  std::array<char, conf::max_password_length + 1> bytes{};
  std::size_t size = 0;

  Line() = default;
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() { wipe_memory(bytes.data(), bytes.size()); }
};

// False, and errno says why: a fault, or EINTR.
bool read_line(int fd, Line& line) {
  char c = 0;
  for (;;) {
    const ssize_t count = ::read(fd, &c, 1);
    if (count < 0)
      return false;
    if (count == 0 || c == '\n')
      return true;
    // The rest of a line that is too long is read, so that a terminal's is not taken for the next.
    if (line.size < line.bytes.size())
      line.bytes[line.size++] = c;
  }
}

Expected<Password> password_of(const Line& line) {
  const std::string_view text(line.bytes.data(), line.size);
  if (text.empty())
    return fail("the password is empty; nothing is changed");
  if (text.size() > conf::max_password_length)
    return fail("the password is longer than " + std::to_string(conf::max_password_length) +
                " bytes, and bcrypt would ignore the rest; choose a shorter one");
  if (std::any_of(text.begin(), text.end(), is_control))
    return fail("there is a control character in the password; choose one without");
  return *Password::from(text);
}

constexpr std::array caught_signals = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
volatile sig_atomic_t caught_signal = 0;

void on_signal(int number) {
  caught_signal = number;
}

// While it lives the terminal does not echo, and the signals that would leave it so interrupt the
// read instead.
class QuietTerminal {
public:
  explicit QuietTerminal(int terminal) : terminal_(terminal) {
    caught_signal = 0;
    struct sigaction action {};
    action.sa_handler = on_signal; // without SA_RESTART: read() must return
    ::sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < caught_signals.size(); ++i)
      ::sigaction(caught_signals[i], &action, &actions_[i]);
    if (::tcgetattr(terminal_, &settings_) != 0)
      return;
    termios quiet = settings_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    // TCSAFLUSH: what was typed, and shown, before the prompt is no password.
    is_quiet_ = ::tcsetattr(terminal_, TCSAFLUSH, &quiet) == 0;
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;
  ~QuietTerminal() {
    if (is_quiet_)
      ::tcsetattr(terminal_, TCSAFLUSH, &settings_);
    for (std::size_t i = 0; i < caught_signals.size(); ++i)
      ::sigaction(caught_signals[i], &actions_[i], nullptr);
  }

  bool is_quiet() const { return is_quiet_; }

private:
  int terminal_;
  bool is_quiet_ = false;
  termios settings_{};
  std::array<struct sigaction, caught_signals.size()> actions_{};
};

void show(int terminal, std::string_view text) {
  // A terminal that takes no prompt may still give a line.
  [[maybe_unused]] const auto written = ::write(terminal, text.data(), text.size());
}

// None if a signal came between: the terminal is itself again, and the signal is to be raised.
std::optional<Expected<Password>> ask_once(int terminal, std::string_view prompt) {
  QuietTerminal quiet(terminal);
  if (!quiet.is_quiet() && caught_signal == 0)
    return fail_errno("the terminal's echo cannot be switched off");
  Line line;
  bool complete = false;
  int error = EINTR;
  if (caught_signal == 0) {
    show(terminal, prompt);
    complete = read_line(terminal, line);
    error = errno;
    show(terminal, "\n");
  }
  if (complete)
    return password_of(line);
  if (error == EINTR && caught_signal != 0)
    return std::nullopt;
  return std::unexpected(Error::system("the terminal", error));
}

} // namespace

Expected<Password> read_password_line(int fd) {
  Line line;
  while (!read_line(fd, line))
    if (errno != EINTR)
      return fail_errno("standard input");
  return password_of(line);
}

Expected<Password> ask_password(int terminal, std::string_view prompt) {
  for (;;) {
    if (auto answer = ask_once(terminal, prompt))
      return std::move(*answer);
    ::raise(caught_signal); // comes back after a stop, or if the signal was ignored before
  }
}

Expected<Password> ask_new_password(int terminal, std::string_view account) {
  const auto first = ask_password(terminal, "New password of " + std::string(account) + ": ");
  if (!first)
    return first;
  const auto second = ask_password(terminal, "The same again: ");
  if (!second)
    return second;
  if (first->reveal() != second->reveal())
    return fail("the two passwords differ; nothing is changed");
  return first;
}

} // namespace letterlock::command
