// Links: the socketpairs between children, made as the table of routes says.
//
// A pair of children has one link at a time, with a serial that grows. It is made when both are
// up, again when one of them was started again, and, after a short while, when one of them
// reports that it was lost.
#pragma once

#include "common/ipc/logger.h"
#include "letterlockd/child.h"

#include <chrono>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace letterlock::letterlockd {

class Links {
public:
  using Children = std::vector<std::unique_ptr<Child>>;

  // `children` must outlive this. Log lines below `least_severity` are not wanted.
  Links(io::Loop& loop, const Children& children, ipc::Logger& log, ipc::Severity least_severity)
      : loop_(loop), children_(children), log_(log), least_severity_(least_severity) {}

  // Ties a child that has just come up to all that are up, and to the log. With logd, everybody's
  // lines, the parent's too, find their way from then on.
  void tie(Child& child);
  // A child says that a link is lost. An older one than the present: a fresh one is there already.
  void lost(Child& child, const ipc::LinkLost& message);

private:
  struct Pair {
    std::uint32_t serial = 0;
    std::unique_ptr<io::Timer> again;
  };

  void connect(Child& a, Child& b);
  void connect_later(Child& a, Child& b);
  void give_log(Child& child);

  io::Loop& loop_;
  const Children& children_;
  ipc::Logger& log_;
  const ipc::Severity least_severity_;
  std::map<std::pair<const Child*, const Child*>, Pair> pairs_;
};

} // namespace letterlock::letterlockd
