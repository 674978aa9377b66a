// Password checks on threads.
#include "authd/check_pool.h"

#include "authd/password_check.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace letterlock::authd {

namespace {

UniqueFd make_pipe(UniqueFd& write_end) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
    throw std::system_error(errno, std::system_category(), "pipe");
  write_end = UniqueFd(fds[1]);
  return UniqueFd(fds[0]);
}

} // namespace

CheckPool::CheckPool(io::Loop& loop)
    : answered_read_(make_pipe(answered_write_)),
      watch_(loop, answered_read_.get(), [this] { deliver(); }) {
  watch_.want_read(true);
  for (unsigned i = 0; i < threads; ++i)
    threads_.emplace_back([this] { work(); });
}

CheckPool::~CheckPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  more_.notify_all();
  for (std::thread& thread : threads_)
    thread.join();
}

void CheckPool::submit(const Origin& origin, const Asker& asker,
                       const ipc::PasswordSecret& password, const conf::Verifier& verifier,
                       std::function<void(Verdict)> done) {
  std::optional<Check> left_out;
  {
    const std::lock_guard lock(mutex_);
    left_out = waiting_.push(origin, {asker, password, verifier, std::move(done)});
  }
  more_.notify_one();
  if (left_out)
    left_out->done(Verdict::no_place);
}

void CheckPool::forget(const std::function<bool(const Asker&)>& gone) {
  const std::lock_guard lock(mutex_);
  waiting_.remove_if([&](const Check& check) { return gone(check.asker); });
}

void CheckPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    more_.wait(lock, [this] { return ending_ || waiting_.size() > 0; });
    if (ending_)
      return;
    std::optional<Check> check = waiting_.pop();
    lock.unlock();
    const bool matches = password_matches(check->password.reveal(), check->verifier);
    lock.lock();
    answers_.push_back({std::move(check->done), matches});
    const char byte = 0;
    // A full pipe wakes the loop as well.
    [[maybe_unused]] const ssize_t written = ::write(answered_write_.get(), &byte, 1);
  }
}

void CheckPool::deliver() {
  char bytes[256];
  while (::read(answered_read_.get(), bytes, sizeof bytes) > 0) {
  }
  std::deque<Answer> answers;
  {
    const std::lock_guard lock(mutex_);
    answers.swap(answers_);
  }
  for (const Answer& answer : answers)
    answer.done(answer.matches ? Verdict::matches : Verdict::differs);
}

} // namespace letterlock::authd
