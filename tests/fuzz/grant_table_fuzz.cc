// Grants and removals that are asked for by their random ids, by whoever and whenever: a grant
// opens its own maildrop once, for the process that it was given to, while it lasts; a removal is
// answered to all who wait for it, and as it ended; who wants a maildrop is answered once, by what
// its holder does.
#include "queued/expunge_ledger.h"
#include "queued/grant_table.h"
#include "queued/maildrop_holders.h"
#include "tests/fuzz/fuzz.h"

#include <map>

using namespace letterlock;
using namespace letterlock::queued;
using fuzz::require;

namespace {

Id128 id_of(std::uint8_t octet) {
  Id128 id;
  id.bytes[3] = octet;
  return id;
}

struct Grant {
  std::uint32_t account;
  std::uint16_t instance;
  GrantTable::Time until;
};

void play_grants(fuzz::Input input) {
  GrantTable table;
  std::map<std::uint8_t, Grant> grants;
  GrantTable::Time now{};
  std::uint8_t next = 0;
  while (!input.at_end()) {
    const std::uint8_t what = input.octet(), which = input.octet();
    const auto instance = static_cast<std::uint16_t>(what / 4 % 2);
    if (what % 4 == 0 && next < 255) {
      // Ids are random: none comes twice.
      table.add(id_of(++next), which, instance, now);
      grants[next] = {which, instance, now + GrantTable::lifetime};
    } else if (what % 4 == 1) {
      now += std::chrono::seconds(which);
    } else {
      const auto taken = table.take(id_of(which), instance, now);
      const auto grant = grants.find(which);
      const bool good =
          grant != grants.end() && grant->second.instance == instance && now < grant->second.until;
      require(taken.has_value() == good);
      if (good) {
        require(*taken == grant->second.account);
        grants.erase(grant);
      }
    }
  }
}

void play_removals(fuzz::Input input) {
  enum class State { unknown, under_way, durable, failed };
  ExpungeLedger ledger;
  std::map<std::uint8_t, State> states;
  std::map<std::uint8_t, std::size_t> waiting;
  std::size_t answers = 0;
  bool last = false;
  const auto answer = [&](bool durable) {
    ++answers;
    last = durable;
  };
  while (!input.at_end()) {
    const std::uint8_t what = input.octet(), which = input.octet() % 32;
    State& state = states[which];
    const std::size_t before = answers;
    if (what % 4 == 0) {
      ledger.begin(id_of(which));
      if (state == State::unknown)
        state = State::under_way;
    } else if (what % 4 == 1) {
      const bool durable = what / 4 % 2 == 1;
      ledger.finish(id_of(which), durable);
      if (state == State::under_way) {
        require(answers - before == std::exchange(waiting[which], 0));
        require(answers == before || last == durable);
        state = durable ? State::durable : State::failed;
      } else {
        require(answers == before);
      }
    } else {
      ledger.ask(id_of(which), answer);
      const bool waits = state == State::under_way && waiting[which] < ExpungeLedger::most_waiting;
      waiting[which] += waits;
      require(answers == before + (waits ? 0 : 1));
      if (!waits)
        require(last == (state == State::durable));
    }
    require(ledger.knows(id_of(which)) == (state != State::unknown));
  }
}

void play_holders(fuzz::Input input) {
  MaildropHolders holders;
  struct Maildrop {
    bool held = false, waited_for = false;
    bool gives_way = false; // its holder releases it as soon as it is asked
    int asks = 0, kept = 0, released = 0;
  };
  std::map<std::uint8_t, Maildrop> maildrops;
  while (!input.at_end()) {
    const std::uint8_t what = input.octet(), which = input.octet() % 4;
    const AccountId account{which};
    Maildrop& maildrop = maildrops[which];
    const Maildrop before = maildrop;
    switch (what % 5) {
    case 0:
      if (maildrop.held)
        break;
      maildrop.held = true;
      maildrop.gives_way = what / 5 % 2 == 1;
      holders.hold(account, [&maildrop, &holders, account] {
        ++maildrop.asks;
        if (!maildrop.gives_way)
          return;
        maildrop.held = false;
        holders.release(account);
      });
      break;
    case 1: {
      const bool asked = holders.want(account, [&maildrop](bool released) {
        ++(released ? maildrop.released : maildrop.kept);
      });
      require(asked == (before.held && !before.waited_for));
      require(maildrop.asks == before.asks + asked);
      maildrop.waited_for = before.waited_for || (asked && !maildrop.gives_way);
      require(maildrop.released == before.released + (asked && maildrop.gives_way));
      break;
    }
    case 2:
      holders.give_up(account);
      maildrop.waited_for = false;
      break;
    case 3:
      holders.keep(account);
      require(maildrop.kept == before.kept + before.waited_for);
      maildrop.waited_for = false;
      break;
    default:
      holders.release(account);
      require(maildrop.released == before.released + before.waited_for);
      maildrop.held = maildrop.waited_for = false;
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  play_grants(fuzz::Input(data, size));
  play_removals(fuzz::Input(data, size));
  play_holders(fuzz::Input(data, size));
  return 0;
}
