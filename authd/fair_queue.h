// FairQueue<T>: waiting work by origin, served in turns, bounded.
//
// Networks take turns, and within each its addresses: who floods us with logins waits behind his
// own, and everybody else behind at most one of each network. When there is no place left the
// newest work of who has most goes, so that those who have little always find one. Not for several
// threads at once.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace letterlock::authd {

// Where work comes from, by names that only have to differ.
struct Origin {
  std::string network;
  std::string address; // within it
};

template <class T> class FairQueue {
public:
  struct Bounds {
    std::size_t all;
    std::size_t of_network;
    std::size_t of_address;
  };

  explicit FairQueue(const Bounds& bounds) : bounds_(bounds) {}

  // What has no place any more: nothing, the newest work of somebody who has most, or WORK itself,
  // if it comes from there or nobody has more.
  [[nodiscard]] std::optional<T> push(const Origin& origin, T work) {
    const auto network = place_of(networks_, turns_, origin.network);
    Network& around = network->second;
    const auto address = place_of(around.addresses, around.turns, origin.address);
    address->second.push_back(std::move(work));
    ++around.size;
    ++size_;
    if (address->second.size() > bounds_.of_address)
      return take_newest(network, address);
    if (around.size > bounds_.of_network)
      return take_newest(network, fullest(around.addresses, address));
    if (size_ <= bounds_.all)
      return std::nullopt;
    const auto from = fullest(networks_, network);
    auto& addresses = from->second.addresses;
    return take_newest(from, from == network ? fullest(addresses, address)
                                             : fullest(addresses, addresses.begin()));
  }

  // The oldest work of the address whose turn it is, in the network whose turn it is.
  std::optional<T> pop() {
    if (turns_.empty())
      return std::nullopt;
    const auto network = networks_.find(turns_.front());
    Network& around = network->second;
    const auto address = around.addresses.find(around.turns.front());
    T work = std::move(address->second.front());
    address->second.pop_front();
    --around.size;
    --size_;
    turns_.splice(turns_.end(), turns_, turns_.begin());
    around.turns.splice(around.turns.end(), around.turns, around.turns.begin());
    forget_if_empty(network, address);
    return work;
  }

  // Work that nobody wants any more. The turns of the rest stay.
  template <class Condition> void remove_if(Condition unwanted) {
    const auto is_empty = [](const auto& entry) { return size_of(entry.second) == 0; };
    for (auto& [network, around] : networks_) {
      for (auto& [address, work] : around.addresses) {
        const std::size_t removed = std::erase_if(work, unwanted);
        around.size -= removed;
        size_ -= removed;
        if (work.empty())
          around.turns.remove(address);
      }
      std::erase_if(around.addresses, is_empty);
      if (around.size == 0)
        turns_.remove(network);
    }
    std::erase_if(networks_, is_empty);
  }

  std::size_t size() const { return size_; }

private:
  using Turns = std::list<std::string>; // the keys of a map, whose turn is next first
  using Addresses = std::map<std::string, std::deque<T>>; // none is empty
  struct Network {
    Addresses addresses;
    Turns turns;
    std::size_t size = 0; // work of all of them
  };
  using Networks = std::map<std::string, Network>; // none is empty

  static std::size_t size_of(const std::deque<T>& address) { return address.size(); }
  static std::size_t size_of(const Network& network) { return network.size; }

  template <class Map>
  static typename Map::iterator place_of(Map& map, Turns& turns, const std::string& name) {
    const auto [place, is_new] = map.try_emplace(name);
    if (is_new)
      turns.push_back(name);
    return place;
  }

  // CANDIDATE, unless another has more.
  template <class Map>
  static typename Map::iterator fullest(Map& map, typename Map::iterator candidate) {
    for (auto each = map.begin(); each != map.end(); ++each)
      if (size_of(each->second) > size_of(candidate->second))
        candidate = each;
    return candidate;
  }

  T take_newest(typename Networks::iterator network, typename Addresses::iterator address) {
    T work = std::move(address->second.back());
    address->second.pop_back();
    --network->second.size;
    --size_;
    forget_if_empty(network, address);
    return work;
  }

  void forget_if_empty(typename Networks::iterator network, typename Addresses::iterator address) {
    if (!address->second.empty())
      return;
    network->second.turns.remove(address->first);
    network->second.addresses.erase(address);
    if (network->second.size > 0)
      return;
    turns_.remove(network->first);
    networks_.erase(network);
  }

  const Bounds bounds_;
  std::size_t size_ = 0;
  Networks networks_;
  Turns turns_;
};

} // namespace letterlock::authd
