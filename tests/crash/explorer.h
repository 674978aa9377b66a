// Explorer: cuts a story off at each of its moments, lays out what the disk may hold there, has a
// store recover from it, and holds what that shows against the ledger.
#pragma once

#include "tests/crash/recovery.h"
#include "tests/crash/states.h"

#include <deque>
#include <iterator>

namespace letterlock::crash {

struct Effort {
  Breadth breadth;
  std::size_t moments = ~std::size_t{0}; // of a longer story so many are taken, by the seed
  std::size_t first_moment = 0;          // those before are left out
  // Of so many states, one has its repeats tried, and one its recovery cut off at each of its own
  // changes; 0: none.
  std::size_t repeats_every = 1, nested_every = 0;
  Breadth nested{};
};

struct Finding {
  std::size_t moment = 0;
  std::string state; // what the crash left
  std::string then;  // and what befell the recovery
  std::vector<std::string> wrong;
};

struct Report {
  std::size_t moments = 0, states = 0, recoveries = 0;
  std::vector<Finding> findings; // the first of each kind
};

class Explorer {
public:
  Explorer(const Story& story, const Effort& effort) : story_(story), effort_(effort) {}

  Report run() {
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < std::max(2U, std::thread::hardware_concurrency()); ++i)
      workers.emplace_back([this] { work(); });
    walk([this](std::size_t moment, CrashState& state, const Disk& disk) {
      take(moment, state, disk);
    });
    {
      const std::lock_guard guard(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    for (std::thread& worker : workers)
      worker.join();
    judge();
    return std::move(report_);
  }

private:
  using Key = std::uint64_t;
  struct Nested {
    std::string how;
    Outcome outcome;
  };
  struct Result {
    Outcome outcome;
    std::vector<Nested> nested;
  };
  struct Job {
    Key key = 0;
    CrashState state;
    Disk before;
    bool repeats = false, nested = false;
  };
  struct Visited {
    std::size_t moment = 0;
    Key key = 0;
    std::string how;
  };

  // All states of all moments, the same ones each time.
  template <class Visit> void walk(Visit&& visit) const {
    Disk disk = story_.start;
    Dice dice(story_.seed);
    const std::size_t moments = story_.record.size() + 1;
    for (std::size_t moment = 0; moment < moments; ++moment) {
      if (moment > 0)
        disk.apply(story_.record[moment - 1]);
      const std::uint64_t seed = dice.next();
      if (seed % moments < effort_.moments && moment >= effort_.first_moment)
        for_each_state(disk, effort_.breadth, seed,
                       [&](CrashState state) { visit(moment, state, disk); });
    }
  }

  void take(std::size_t moment, CrashState& state, const Disk& disk) {
    report_.moments += state.killed; // there is one such for each
    ++report_.states;
    // What comes of a killed process depends on what is in the page cache alone, too.
    const Key key = key_of(state, disk);
    visited_.push_back({moment, key, state.how});
    std::unique_lock lock(mutex_);
    if (!results_.try_emplace(key).second)
      return;
    const std::size_t number = results_.size();
    Disk before = state.killed ? disk : Disk(state.image);
    changed_.wait(lock, [this] { return jobs_.size() < most_waiting; });
    jobs_.push_back({key, std::move(state), std::move(before),
                     one_of(number, effort_.repeats_every), one_of(number, effort_.nested_every)});
    lock.unlock();
    changed_.notify_all();
  }
  static Key key_of(const CrashState& state, const Disk& disk) {
    return state.killed ? mix(disk.hash(), 1) : state.image.hash();
  }
  static bool one_of(std::size_t number, std::size_t every) {
    return every != 0 && number % every == 0;
  }

  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return done_ || !jobs_.empty(); });
      if (jobs_.empty())
        return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      changed_.notify_all();
      Result result = recover(job);
      lock.lock();
      report_.recoveries += 1 + result.nested.size();
      results_[job.key] = std::move(result);
    }
  }

  Result recover(Job& job) const {
    const std::uint64_t life = story_.life + (job.state.killed ? 0 : 1);
    Recovery recovery(story_, job.state.image, std::move(job.before), life);
    Result result{recovery.run(job.repeats), {}};
    if (!job.nested)
      return result;
    Disk disk = recovery.start();
    std::set<Key> tried;
    for (std::size_t moment = 0; moment <= recovery.record().size(); ++moment) {
      if (moment > 0)
        disk.apply(recovery.record()[moment - 1]);
      for_each_state(disk, effort_.nested, mix(job.key, moment), [&](const CrashState& state) {
        if (!tried.insert(key_of(state, disk)).second)
          return;
        Recovery again(story_, state.image, state.killed ? disk : Disk(state.image),
                       life + (state.killed ? 0 : 1));
        result.nested.push_back({"; then the recovery, after " + std::to_string(moment) + " of " +
                                     std::to_string(recovery.record().size()) +
                                     " changes: " + state.how,
                                 again.run(false)});
      });
    }
    return result;
  }

  void judge() {
    for (const Visited& visit : visited_) {
      const Result& result = results_.at(visit.key);
      judge(visit, "", result.outcome);
      for (const Nested& nested : result.nested)
        judge(visit, nested.how, nested.outcome);
    }
    if (!report_.findings.empty())
      keep_state(report_.findings.front());
  }
  void judge(const Visited& visit, const std::string& then, const Outcome& outcome) {
    if (report_.findings.size() >= most_findings)
      return;
    auto wrong = Verdict::of(story_.ledger, visit.moment, outcome);
    // Many moments have the same trouble: one of each is enough.
    if (!wrong.empty() && kinds_.insert(kind_of(wrong.front())).second)
      report_.findings.push_back({visit.moment, visit.how, then, std::move(wrong)});
  }

  static std::string kind_of(std::string text) {
    for (char& c : text)
      if (c >= '0' && c <= '9')
        c = '0';
    return text;
  }

  // For whoever looks for the cause: the state as a directory below LETTERLOCK_KEEP.
  void keep_state(const Finding& finding) const {
    const char* below = std::getenv("LETTERLOCK_KEEP");
    if (below == nullptr)
      return;
    const auto place = std::filesystem::path(below) /
                       (story_.name + ", seed " + std::to_string(story_.seed) + ", moment " +
                        std::to_string(finding.moment) + ", " + finding.state);
    walk([&](std::size_t moment, const CrashState& state, const Disk&) {
      if (moment == finding.moment && state.how == finding.state &&
          std::filesystem::create_directories(place))
        ImageWriter::write(state.image, UniqueFd(::open(place.c_str(), O_RDONLY)).get());
    });
  }

  static constexpr std::size_t most_waiting = 8, most_findings = 20;

  const Story& story_;
  const Effort effort_;
  std::vector<Visited> visited_;
  std::set<std::string> kinds_; // of findings
  std::mutex mutex_;            // guards what follows while there are workers
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool done_ = false;
  std::map<Key, Result> results_;
  Report report_;
};

// What a person needs to find the cause.
inline std::string describe(const Story& story, const Report& report) {
  std::string text = story.name + ", LETTERLOCK_SEED=" + std::to_string(story.seed) + "\n";
  for (const Finding& finding : report.findings) {
    text += "a crash after " + std::to_string(finding.moment) + " of " +
            std::to_string(story.record.size()) + " changes: " + finding.state + finding.then +
            "\n";
    for (const std::string& wrong : finding.wrong)
      text += "  " + wrong + "\n";
  }
  if (!report.findings.empty()) {
    const std::size_t moment = report.findings.front().moment;
    text += "the changes before the first of them:\n";
    auto remark = story.remarks.begin();
    for (std::size_t i = 0; i <= moment; ++i) {
      const bool near = moment - i <= 60;
      for (; remark != story.remarks.end() && remark->first <= i; ++remark)
        text += "  -- " + remark->second + "\n";
      if (near && i < moment)
        text += "  " + std::to_string(i + 1) + ' ' + describe(story.record[i]) + "\n";
    }
  }
  return text;
}

} // namespace letterlock::crash
