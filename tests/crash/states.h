// What a crash may leave of a disk: the states that are tried, from the killed process, where
// everything stays, to any mixture of what was not settled.
#pragma once

#include "tests/crash/dice.h"
#include "tests/crash/disk.h"

#include <set>

namespace letterlock::crash {

// How many states of one moment are tried besides those that always are: the killed process, all
// kept, nothing kept, and the ordered ones (Disk::ordered).
struct Breadth {
  std::size_t exhaustive = 64; // up to so many, all of them
  std::size_t singles = 8;     // single choices kept, or dropped, alone
  std::size_t mixtures = 2;    // at random
  std::size_t ordered = 16;    // steps of the ordered states
};

struct CrashState {
  Image image;
  bool killed = false; // the page cache is still there: the same life goes on
  std::string how;     // for the report
};

// Every state but the killed one is a power cut, after which the machine starts anew.
template <class Visit>
void for_each_state(const Disk& disk, const Breadth& breadth, std::uint64_t seed, Visit&& visit) {
  const auto choices = disk.choices();
  const Decision all = Disk::last_ways(choices), none(choices.size(), 0);
  visit(CrashState{disk.image(choices, all), true, "killed"});

  std::set<Decision> tried;
  const auto power_cut = [&](const Decision& decision, const std::string& how, bool stale = false) {
    if (stale || tried.insert(decision).second)
      visit(CrashState{disk.image(choices, decision, stale), false, how});
  };
  power_cut(all, "all kept");
  power_cut(none, "nothing kept");

  double states = 1;
  for (const Choice& choice : choices)
    states *= static_cast<double>(choice.ways);
  if (states <= static_cast<double>(breadth.exhaustive)) {
    Decision decision = none;
    for (std::size_t number = 0; number < static_cast<std::size_t>(states); ++number) {
      power_cut(decision, "combination " + std::to_string(number));
      for (std::size_t i = 0; i < choices.size() && ++decision[i] == choices[i].ways; ++i)
        decision[i] = 0;
    }
    return;
  }

  Dice dice(seed);
  const std::size_t first = disk.first_ordered_step();
  const std::size_t steps = disk.last_ordered_step() - first + 1;
  for (std::size_t i = 0; i < std::min(steps, breadth.ordered); ++i) {
    const std::size_t step = first + (steps <= breadth.ordered ? i : dice.under(steps));
    for (const bool contents : {false, true}) {
      Decision decision = contents ? all : none;
      disk.ordered(step, choices, decision);
      power_cut(decision, "names in order up to " + std::to_string(step) +
                              (contents ? ", contents kept" : ", contents dropped"));
      // Delayed allocation, and the other way round: sizes without contents.
      for (std::size_t c = 0; c < choices.size(); ++c)
        if (choices[c].about == Choice::About::size)
          decision[c] = contents ? 0 : choices[c].ways - 1;
      power_cut(decision, "names in order up to " + std::to_string(step) +
                              (contents ? ", contents but no sizes" : ", sizes but no contents"));
    }
  }
  for (std::size_t i = 0; i < std::min(choices.size(), breadth.singles); ++i) {
    const std::size_t which = choices.size() <= breadth.singles ? i : dice.under(choices.size());
    Decision decision = none;
    decision[which] = all[which];
    power_cut(decision, "only choice " + std::to_string(which) + " kept");
    decision = all;
    decision[which] = dice.under(all[which]);
    power_cut(decision, "all kept but choice " + std::to_string(which));
  }
  for (std::size_t i = 0; i < breadth.mixtures; ++i) {
    // From mostly dropped to mostly kept.
    const std::size_t kept = 1 + dice.under(7);
    Decision decision = none;
    for (std::size_t c = 0; c < choices.size(); ++c)
      if (dice.under(8) < kept)
        decision[c] = 1 + dice.under(choices[c].ways - 1);
    power_cut(decision, "mixture " + std::to_string(i), dice.one_in(4));
  }
}

} // namespace letterlock::crash
