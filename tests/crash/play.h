// Play: random steps of a run, by dice: what clients, mail readers and failing disks do to a store.
#pragma once

#include "tests/crash/explorer.h"
#include "tests/crash/run.h"

namespace letterlock::crash {

struct Temper {
  bool faults = false;         // the disk fails now and then
  std::size_t largest = 9000;  // octets of a message
  std::size_t messages = 1000; // no more are sent
};

class Play {
public:
  Play(Run& run, std::uint64_t seed, const Temper& temper)
      : run_(run), dice_(seed), temper_(temper) {
    for (const Mail& mail : run_.story().mails)
      last_ = std::max(last_, mail.number);
  }

  void steps(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      step();
    run_.disk().heal();
  }

private:
  void step() {
    if (temper_.faults && dice_.one_in(4))
      break_something();
    switch (dice_.under(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return commit();
    case 4:
      return repeat();
    case 5:
    case 6:
      return expunge();
    case 7:
      static_cast<void>(run_.open(account())); // and keep it for a later expunge
      return;
    case 8:
      static_cast<void>(run_.mark_seen(account(), dice_.one_in(3) ? ",U=7:2,S" : ":2,S"));
      return;
    case 9:
      static_cast<void>(run_.remove_by_another(account(), dice_.one_in(2) ? "new" : "cur"));
      return;
    case 10:
      return run_.deliver_by_another(account(), ++others_ + 1000 * last_);
    default:
      return restart();
    }
  }

  std::uint32_t account() {
    return static_cast<std::uint32_t>(1 + dice_.under(run_.story().accounts.size()));
  }

  Mail mail() {
    Mail made;
    made.number = ++last_;
    made.accounts = {account()};
    if (const std::uint32_t other = account(); other != made.accounts[0])
      made.accounts.push_back(other);
    // Mostly small: a state is the sooner explored.
    made.size = dice_.one_in(5) ? dice_.under(temper_.largest) : dice_.under(200);
    made.in_file = dice_.one_in(6);
    made.spoiled = dice_.one_in(12);
    return made;
  }

  void commit() {
    std::vector<Mail> mails;
    for (std::size_t count = 1 + dice_.under(3); count > 0 && last_ < temper_.messages; --count)
      mails.push_back(mail());
    run_.commit(mails);
  }
  void repeat() {
    const auto& mails = run_.story().mails;
    if (!mails.empty())
      run_.commit(Mail(mails[dice_.under(mails.size())]), true);
  }

  void expunge() {
    const std::uint32_t from = account();
    if (!run_.is_open(from) && !run_.open(from))
      return;
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < run_.messages(from); ++i)
      if (dice_.one_in(3))
        indices.push_back(i);
    run_.expunge(from, indices);
  }

  void restart() {
    run_.stop();
    if (temper_.faults && dice_.one_in(2))
      break_something();
    if (run_.start())
      return;
    run_.disk().heal();
    if (!run_.start())
      throw std::runtime_error("the store does not start on a disk that works again");
  }

  void break_something() {
    const auto call = static_cast<Call>(dice_.under(static_cast<std::size_t>(Call::unlink) + 1));
    constexpr int errors[] = {EIO, ENOSPC, EIO, EDQUOT};
    Fault fault;
    fault.after = dice_.under(8);
    fault.times = dice_.one_in(5) ? 1 + dice_.under(20) : 1;
    fault.error = errors[dice_.under(4)];
    fault.part = dice_.one_in(2) ? dice_.under(2000) : 0;
    run_.disk().fail(call, fault);
  }

  Run& run_;
  Dice dice_;
  const Temper temper_;
  std::uint32_t last_ = 0, others_ = 0;
};

// A story of several lives: in each, the run plays, and goes on from one of the states that a crash
// at one of its moments may leave. VISIT gets the story of each life. What is wrong right after a
// start ends it; empty: nothing.
template <class Visit>
std::string play_lives(const std::string& name, std::uint64_t seed, std::size_t lives,
                       std::size_t steps, const Temper& temper, Visit&& visit) {
  Dice dice(seed);
  auto run = std::make_unique<Run>(name, seed);
  // Checkpoints come all the time, or not at all; some systems have no way to sync everything.
  run->story().checkpoint_interval = std::chrono::milliseconds(dice.one_in(2) ? 5 : 30'000);
  run->story().syncs_everything = !dice.one_in(4);
  run->story().segments = 2 + dice.under(3);
  for (std::size_t life = 0; life < lives; ++life) {
    if (!run->start())
      return "the store does not start";
    std::string wrong;
    for (const std::string& line : run->take_stock())
      wrong += line + "\n";
    if (!wrong.empty())
      return name + ", LETTERLOCK_SEED=" + std::to_string(seed) + ", life " + std::to_string(life) +
             "\n" + wrong;
    Play(*run, dice.next(), temper).steps(steps);
    Story story = run->finish();
    visit(story);

    const std::size_t moment = dice.under(story.record.size() + 1);
    Disk disk = story.start;
    for (std::size_t i = 0; i < moment; ++i)
      disk.apply(story.record[i]);
    std::vector<CrashState> states;
    Breadth few;
    few.exhaustive = 4;
    few.ordered = few.singles = 2;
    for_each_state(disk, few, dice.next(),
                   [&](CrashState state) { states.push_back(std::move(state)); });
    const CrashState& state = states[dice.under(states.size())];
    Story next = story;
    next.ledger = story.ledger.cut_off(moment);
    next.life += state.killed ? 0 : 1;
    run = std::make_unique<Run>(std::move(next), state.image,
                                state.killed ? disk : Disk(state.image));
  }
  return {};
}

} // namespace letterlock::crash
