// Threads that wait for the disk.
#include "queued/disk/worker_pool.h"

#include <pthread.h>
#include <signal.h>

#include <system_error>

namespace letterlock::queued {

namespace {

class SignalsBlocked {
public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
  sigset_t before_;
};

} // namespace

std::thread start_thread(std::function<void()> body) {
  const SignalsBlocked inherited;
  return std::thread(std::move(body));
}

std::optional<std::thread> try_to_start_thread(std::function<void()> body) {
  try {
    return start_thread(std::move(body));
  } catch (const std::system_error&) {
    return std::nullopt;
  }
}

WorkerPool::WorkerPool(std::size_t threads, std::size_t backlog) : backlog_(backlog) {
  for (std::size_t i = 0; i < threads; ++i)
    threads_.push_back(start_thread([this] { run(); }));
}

void WorkerPool::stop() {
  std::deque<std::function<void()>> dropped; // outside of the lock: jobs own things
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    dropped.swap(jobs_);
  }
  changed_.notify_all();
  for (auto& thread : threads_)
    thread.join();
  threads_.clear();
}

bool WorkerPool::post(std::function<void()> job) {
  {
    const std::lock_guard guard(mutex_);
    if (stopping_ || jobs_.size() >= backlog_)
      return false;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::run() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_)
        return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

} // namespace letterlock::queued
