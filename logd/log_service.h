// LogService: takes the lines of all processes and writes them to file and syslog, or to standard
// error.
#pragma once

#include "common/ipc/child_process.h"
#include "logd/log_file.h"

#include <map>
#include <memory>
#include <utility>

namespace letterlock::logd {

class LogService {
public:
  using Context = ipc::ChildContext<Role::logd>;
  explicit LogService(Context& context) : context_(context) {}

  void on(const ipc::LogSource& source, UniqueFd channel);
  void on(const ipc::LogSettings& settings) { settings_ = settings; }
  void on(const ipc::SyslogChannel&, UniqueFd channel) { syslog_ = std::move(channel); }

  // The log has no generations of its own.
  void begin_generation(std::uint32_t) {}
  void prepare() { context_.prepared({}); }
  void switch_generation() {}
  void discard_generation() {}
  void connect(const ipc::Peer&, UniqueFd) {}
  // Writes what has arrived until now: the other processes have ended before.
  void stop(std::chrono::milliseconds grace);

private:
  // One process's channel. The parent replaces it when the process is started again.
  struct Source {
    Role role;
    std::uint16_t instance;
    UniqueFd channel;
    std::unique_ptr<io::FdWatch> watch;
  };

  // Reads lines, at most `most`, so that a chatty process does not hold up the others.
  void read(Source& source, int most);
  void write(const Source& source, const ipc::LogLine& line);

  Context& context_;
  ipc::LogSettings settings_;
  LogFile file_;
  UniqueFd syslog_;
  std::map<std::pair<Role, std::uint16_t>, Source> sources_;
};

} // namespace letterlock::logd
