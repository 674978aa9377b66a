// Logins that wait, by where they come from: each address's come out in their order, no network
// waits for more than one of each other, nor an address for more than one of each other in its
// network; nothing grows over its bound, and what goes is the newest of who has most.
//
// An octet is a login from one of eight addresses in four networks, one that is taken out, or the
// end of all that wait of one address.
#include "authd/fair_queue.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <array>
#include <deque>

using namespace letterlock;
using fuzz::require;

namespace {

constexpr std::size_t most = 20, most_of_network = 8, most_of_address = 5;
constexpr std::size_t addresses = 8, networks = 4;

struct Work {
  std::size_t address;
  int number;
};

struct Place {
  std::deque<int> waiting = {};
  std::size_t passed_over = 0; // turns of its network, since it was served last
};

struct Model {
  std::array<Place, addresses> places = {};
  std::array<std::size_t, networks> passed_over = {};

  std::size_t in(std::size_t network) const {
    return places[network].waiting.size() + places[network + networks].waiting.size();
  }
  std::size_t in_all() const {
    std::size_t all = 0;
    for (std::size_t network = 0; network < networks; ++network)
      all += in(network);
    return all;
  }
};

// The work that was pushed last is counted already.
void check_left_out(const Model& model, std::size_t newcomer, std::size_t victim) {
  const auto of = [&](std::size_t address) { return model.places[address].waiting.size(); };
  const std::size_t network = newcomer % networks;
  if (of(newcomer) > most_of_address)
    return require(victim == newcomer);
  const bool within = model.in(network) > most_of_network;
  if (within)
    require(victim % networks == network);
  else
    require(model.in_all() > most);
  for (std::size_t other = 0; other < networks && !within; ++other)
    require(model.in(victim % networks) >= model.in(other));
  require(of(victim) >= of((victim + networks) % addresses));
  // Nobody else loses a place to one who has as much.
  if (victim % networks == network)
    require(victim == newcomer || of(victim) > of(newcomer));
  else
    require(model.in(victim % networks) > model.in(network));
}

void served(Model& model, std::size_t address) {
  const std::size_t network = address % networks;
  for (std::size_t other = 0; other < networks; ++other)
    require(model.in(other) == 0 || other == network || ++model.passed_over[other] < networks);
  model.passed_over[network] = 0;
  const std::size_t neighbour = (address + networks) % addresses;
  Place& passed = model.places[neighbour];
  require(passed.waiting.empty() || ++passed.passed_over < addresses / networks);
  model.places[address].passed_over = 0;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  authd::FairQueue<Work> queue({most, most_of_network, most_of_address});
  Model model;
  for (int number = 0; !input.at_end(); ++number) {
    const std::uint8_t what = input.octet();
    const std::size_t from = what / 2 % addresses;
    if (what % 2 == 0) {
      const std::string network = std::to_string(from % networks);
      if (model.in(from % networks) == 0)
        model.passed_over[from % networks] = 0;
      if (model.places[from].waiting.empty())
        model.places[from].passed_over = 0;
      model.places[from].waiting.push_back(number);
      const auto left_out =
          queue.push({.network = network, .address = std::to_string(from)}, {from, number});
      const bool fits = model.places[from].waiting.size() <= most_of_address &&
                        model.in(from % networks) <= most_of_network && model.in_all() <= most;
      require(left_out.has_value() != fits);
      if (left_out) {
        check_left_out(model, from, left_out->address);
        auto& waiting = model.places[left_out->address].waiting;
        require(waiting.back() == left_out->number);
        waiting.pop_back();
      }
    } else if (what < 0xf0) {
      const auto work = queue.pop();
      require(work.has_value() == (model.in_all() > 0));
      if (!work)
        continue;
      auto& waiting = model.places[work->address].waiting;
      require(!waiting.empty() && waiting.front() == work->number);
      waiting.pop_front();
      served(model, work->address);
    } else {
      queue.remove_if([&](const Work& work) { return work.address == from; });
      model.places[from].waiting.clear();
    }
    require(queue.size() == model.in_all());
  }
  return 0;
}
