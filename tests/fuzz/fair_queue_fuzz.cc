// Logins that wait, by where they come from: each origin's come out in their order, none waits for
// more than one of each other origin, and neither the queue nor an origin's part of it grows over
// its bound.
//
// An octet is a login from one of eight origins, or one that is taken out.
#include "authd/fair_queue.h"
#include "tests/fuzz/fuzz.h"

#include <array>
#include <deque>

using namespace letterlock;
using fuzz::require;

namespace {

constexpr std::size_t most = 20, most_of_origin = 5, origins = 8;

struct Work {
  std::size_t origin;
  int number;
};

struct Origin {
  std::deque<int> waiting;
  std::size_t passed_over = 0; // since its oldest is the next of its own
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  authd::FairQueue<Work> queue(most, most_of_origin);
  std::array<Origin, origins> expected;
  std::size_t total = 0;
  for (int number = 0; !input.at_end(); ++number) {
    const std::uint8_t what = input.octet();
    if (what % 2 == 0) {
      const std::size_t from = what / 2 % origins;
      Origin& origin = expected[from];
      const bool fits = total < most && origin.waiting.size() < most_of_origin;
      require(queue.push("192.0.2." + std::to_string(from), {from, number}) == fits);
      if (!fits)
        continue;
      origin.waiting.push_back(number);
      ++total;
    } else {
      const auto work = queue.pop();
      require(work.has_value() == (total > 0));
      if (!work)
        continue;
      --total;
      Origin& served = expected[work->origin];
      require(!served.waiting.empty() && served.waiting.front() == work->number);
      served.waiting.pop_front();
      for (Origin& origin : expected) {
        origin.passed_over += !origin.waiting.empty();
        require(origin.passed_over < origins || &origin == &served);
      }
      served.passed_over = 0;
    }
    require(queue.size() == total);
  }
  return 0;
}
