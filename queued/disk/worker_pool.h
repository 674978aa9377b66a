// WorkerPool: threads that wait for the disk in the loop's place; start_thread makes any thread of
// queued.
//
// Threads inherit the sandbox of the thread that makes them, so they are made after it is entered.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace letterlock::queued {

// With every signal blocked: signals are the loop's. Throws std::system_error if the system has no
// room for another one.
std::thread start_thread(std::function<void()> body);
// The same for who can do without: none then.
std::optional<std::thread> try_to_start_thread(std::function<void()> body);

class WorkerPool {
public:
  WorkerPool(std::size_t threads, std::size_t backlog);
  ~WorkerPool() { stop(); }
  // Jobs that run are waited for; those that wait are dropped, and no more are taken. Twice is no
  // more than once; not from a job.
  void stop();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False if too many jobs wait, or it was stopped.
  [[nodiscard]] bool post(std::function<void()> job);

private:
  void run();

  std::size_t backlog_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace letterlock::queued
