// Sends messages over many SMTP connections at a time and prints what that took.
//
//   smtp_load PORT RECIPIENT CONNECTIONS MESSAGES SIZE PID...
//
// Prints "MESSAGES-A-SECOND CPU-MICROSECONDS-A-MESSAGE", the latter of the processes PID. Speaks to
// 127.0.0.1 only.
#include "tests/bench/cpu_time.h"
#include "tests/bench/load_client.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>

using namespace letterlock::bench;

namespace {

unsigned number(std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end || value == 0 || value > most)
    throw std::runtime_error(std::string(text) + " is not a number from 1 to " +
                             std::to_string(most));
  return value;
}

// A message of SIZE octets in lines of 78, and the end of data.
std::string content_of(std::size_t size) {
  std::string content = "From: load@bench.example\r\nSubject: load\r\n\r\n";
  const std::string line = std::string(76, 'x') + "\r\n";
  while (content.size() + line.size() <= size)
    content += line;
  if (const std::size_t rest = size - std::min(size, content.size()); rest > 2)
    content += std::string(rest - 2, 'x') + "\r\n";
  return content + ".\r\n";
}

void send_all(Work& work, unsigned connections) {
  std::vector<std::unique_ptr<LoadClient>> clients;
  for (unsigned i = 0; i < connections; ++i)
    clients.push_back(std::make_unique<LoadClient>(work));
  std::vector<pollfd> polled;
  while (!clients.empty()) {
    polled.clear();
    for (const auto& client : clients)
      polled.push_back(client->interest());
    constexpr int patience_ms = 30'000;
    if (::poll(polled.data(), polled.size(), patience_ms) <= 0)
      throw std::runtime_error("the server says nothing");
    for (std::size_t i = 0; i < clients.size(); ++i)
      if (polled[i].revents != 0)
        clients[i]->ready();
    std::erase_if(clients, [](const auto& client) { return client->done(); });
  }
}

void run(int argc, char** argv) {
  if (argc < 7)
    throw std::runtime_error("usage: smtp_load PORT RECIPIENT CONNECTIONS MESSAGES SIZE PID...");
  const unsigned connections = number(argv[3], 1000);
  const unsigned messages = number(argv[4], 1'000'000);
  Work work{static_cast<std::uint16_t>(number(argv[1], 65535)),
            "MAIL FROM:<load@bench.example>\r\nRCPT TO:<" + std::string(argv[2]) + ">\r\nDATA\r\n",
            content_of(number(argv[5], 50'000'000)), messages};
  std::vector<pid_t> processes;
  for (int i = 6; i < argc; ++i)
    processes.push_back(static_cast<pid_t>(number(argv[i], 1u << 22)));

  const auto used = cpu_time(processes);
  const auto begun = std::chrono::steady_clock::now();
  send_all(work, connections);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  const std::chrono::duration<double, std::micro> cpu = cpu_time(processes) - used;
  if (work.accepted != messages)
    throw std::runtime_error("only " + std::to_string(work.accepted) + " were accepted");
  std::printf("%.0f %.0f\n", messages / took.count(), cpu.count() / messages);
}

} // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "smtp_load: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
