// The CPU time that processes have used, from /proc (Linux).
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace letterlock::bench {

// User and system time of all threads of PROCESSES; the kernel counts it in ticks of some 10 ms.
// Throws std::runtime_error if one of them is gone: what it had used would be missing.
inline std::chrono::microseconds cpu_time(const std::vector<pid_t>& processes) {
  const long ticks_a_second = ::sysconf(_SC_CLK_TCK);
  long ticks = 0;
  for (const pid_t process : processes) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string line;
    if (!std::getline(file, line))
      throw std::runtime_error("process " + std::to_string(process) + " is gone");
    // proc_pid_stat(5): utime and stime are fields 14 and 15, the 12th and 13th behind the name.
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i < 11; ++i)
      fields >> skipped;
    long user = 0, system = 0;
    fields >> user >> system;
    ticks += user + system;
  }
  return std::chrono::microseconds(ticks * 1'000'000 / ticks_a_second);
}

} // namespace letterlock::bench
