// Supervisor: starts the children, keeps them running, brings them to new generations and ends
// them.
//
// Everything happens in the loop. Start is a barrier: all are serving, or the start has failed. A
// child that dies later is started again after 0.1 s, doubling to 30 s, forgotten after a quiet
// minute; it gets fresh links and the generation in use.
#pragma once

#include "letterlockd/child.h"
#include "letterlockd/client_tables.h"
#include "letterlockd/links.h"
#include "letterlockd/options.h"
#include "letterlockd/programs.h"
#include "letterlockd/rollout.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace letterlock::letterlockd {

class Supervisor final : public ChildEvents {
public:
  struct Outcome {
    std::function<void()> serving;                  // the start barrier is passed; once
    std::function<void(const std::string&)> failed; // the start has failed; everything has ended
    std::function<void()> ended;                    // after stop(): everything has ended
  };

  Supervisor(io::Loop& loop, ipc::Logger& log, const Options& options, Programs programs,
             std::unique_ptr<Generation> first, Outcome outcome);

  void start();
  // SIGHUP: reads the configuration again and brings all children to it, when they are all
  // serving. Whatever is wrong with it is logged, and nothing changes.
  void reload();
  // SIGTERM: no new sessions, a bounded time for the open ones, then the end of all children.
  void stop();
  // SIGCHLD.
  void reap();

  void started(Child& child, const ipc::Started& message) override;
  void failed(Child& child, const ipc::Failed& message) override;
  void link_lost(Child& child, const ipc::LinkLost& message) override;
  void prepared(Child& child, const ipc::Prepared& message) override;
  void switched(Child& child, const ipc::Switched& message) override;
  void account_id(Child& child, const ipc::AccountId& message) override;
  void parent_link_closed(Child& child, const std::string& why) override;

private:
  void spawn(Child& child);
  void ended(Child& child, int status);
  void start_again_later(Child& child);
  // After that time a child that is down is started, and one that still runs is killed.
  void attend(Child& child, std::chrono::milliseconds after);
  void start_failed(const std::string& why);
  void begin_first_rollout();
  void catch_up(Child& child);
  void try_reload();
  void rolled_out(std::unique_ptr<Generation> generation, const Expected<void>& result);
  void stop_next();
  void kill(Child& child, int signal);
  bool all(Child::State state) const;

  io::Loop& loop_;
  ipc::Logger& log_;
  const Options& options_;
  Programs programs_;
  std::unique_ptr<Generation> current_;
  std::unique_ptr<Generation> next_; // while it is rolled out
  std::uint32_t last_generation_ = 1;
  Outcome outcome_;
  const unsigned workers_;
  std::vector<std::unique_ptr<Child>> children_;
  ClientTables client_tables_;
  Links links_;
  Rollout rollout_;
  std::map<const Child*, std::unique_ptr<io::Timer>> attention_;
  io::Timer barrier_;
  bool passed_barrier_ = false;
  bool reload_wanted_ = false;
  std::string failure_;  // of the start
  std::string logd_end_; // why it ended, until there is a log again to say it in
  bool stopping_ = false;
  std::size_t stop_stage_ = 0;
  io::Timer grace_;
};

} // namespace letterlock::letterlockd
