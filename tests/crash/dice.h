// Dice: random numbers that a seed repeats, the same with every library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace letterlock::crash {

class Dice {
public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  // splitmix64, by Sebastiano Vigna, in the public domain.
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  // 0 to BELOW - 1.
  std::size_t under(std::size_t below) { return static_cast<std::size_t>(next() % below); }
  bool one_in(std::size_t times) { return under(times) == 0; }

private:
  std::uint64_t state_;
};

// LETTERLOCK_SEED, or OTHERWISE.
inline std::uint64_t seed_from_environment(std::uint64_t otherwise) {
  const char* text = std::getenv("LETTERLOCK_SEED");
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

} // namespace letterlock::crash
