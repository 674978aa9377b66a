// What a recovery showed, and whether that is what was promised.
#pragma once

#include "tests/crash/ledger.h"

#include <optional>

namespace letterlock::crash {

struct Outcome {
  std::vector<std::string> faults; // wrong whatever was promised: it does not start, damage …
  bool ids_kept = true;            // the accounts have the ids that they were told
  std::vector<Found> found;        // right after recovery
  // After every message was submitted again, and another start. Not always tried.
  std::optional<std::vector<Found>> after_repeats;
  std::map<std::uint32_t, CommitStatus> repeats; // what was answered to them
};

class Verdict {
public:
  // What is wrong with OUTCOME if the crash came after MOMENT changes; empty: nothing.
  static std::vector<std::string> of(const Ledger& ledger, std::size_t moment,
                                     const Outcome& outcome) {
    Verdict verdict(ledger, moment);
    verdict.wrong_ = outcome.faults;
    if (!outcome.ids_kept && ledger.accounts_were_told(moment))
      verdict.wrong_.push_back("accounts have other ids than they were told");
    verdict.check_found(outcome.found);
    if (ledger.promises().all_copies_or_none)
      verdict.check_copies(outcome.found);
    if (outcome.after_repeats)
      verdict.check_repeats(outcome);
    return std::move(verdict.wrong_);
  }

private:
  Verdict(const Ledger& ledger, std::size_t moment) : ledger_(ledger), moment_(moment) {}

  std::string name_of(std::size_t item) const {
    const Item& copy = ledger_.items()[item];
    std::string text =
        "message " + std::to_string(copy.message) + " in account " + std::to_string(copy.account);
    for (const Item::Event& event : copy.history)
      if (event.moment <= moment_)
        text += std::string(", ") + event.what + " at " + std::to_string(event.moment);
    return text;
  }
  static std::vector<std::size_t> count(const Ledger& ledger, const std::vector<Found>& found) {
    std::vector<std::size_t> times(ledger.items().size());
    for (const Found& one : found)
      ++times[one.item];
    return times;
  }

  void check_found(const std::vector<Found>& found) {
    const auto times = count(ledger_, found);
    for (std::size_t i = 0; i < times.size(); ++i) {
      const Standing standing = ledger_.items()[i].standing(moment_);
      if (times[i] > 1)
        wrong_.push_back(name_of(i) + ": it is there " + std::to_string(times[i]) + " times");
      else if (times[i] == 0 && standing == Standing::present)
        wrong_.push_back(name_of(i) + ": it is lost");
      else if (times[i] == 1 && standing == Standing::absent)
        wrong_.push_back(name_of(i) + ": it is there and must not be");
    }
    check_uidls(found);
  }

  // RFC 1939 §7: a message keeps its UIDL, and no two have the same.
  void check_uidls(const std::vector<Found>& found) {
    Ledger::Uidls seen = ledger_.uidls(moment_);
    for (const Found& one : found) {
      const std::string* before = ledger_.items()[one.item].uidl_at(moment_);
      if (before != nullptr && *before != one.uidl)
        wrong_.push_back(name_of(one.item) + ": its UIDL was " + *before + ", now " + one.uidl);
      if (seen.emplace(std::pair(one.account, one.uidl), one.item).first->second != one.item)
        wrong_.push_back(name_of(one.item) + ": another message has its UIDL " + one.uidl);
    }
  }

  void check_copies(const std::vector<Found>& found) {
    const auto times = count(ledger_, found);
    struct Copies {
      std::size_t there = 0, of = 0;
      bool removal = false; // then they tell nothing
    };
    std::map<std::uint32_t, Copies> messages;
    for (std::size_t i = 0; i < times.size(); ++i)
      if (const Item& item = ledger_.items()[i]; item.message != 0) {
        Copies& copies = messages[item.message];
        copies.there += times[i];
        ++copies.of;
        copies.removal = copies.removal || item.removal_asked(moment_);
      }
    for (const auto& [message, copies] : messages)
      if (!copies.removal && copies.there != 0 && copies.there != copies.of)
        wrong_.push_back("message " + std::to_string(message) + ": " +
                         std::to_string(copies.there) + " of " + std::to_string(copies.of) +
                         " copies are there");
  }

  void check_repeats(const Outcome& outcome) {
    const auto times = count(ledger_, *outcome.after_repeats);
    for (std::size_t i = 0; i < times.size(); ++i) {
      const Item& item = ledger_.items()[i];
      const bool may_be_gone = item.removal_asked(moment_);
      const bool must_be_gone =
          item.spoiled || (may_be_gone && item.standing(moment_) == Standing::absent &&
                           (item.message == 0 || ledger_.promises().remembers_expunged));
      const auto answer = outcome.repeats.find(item.message);
      const bool committed =
          answer != outcome.repeats.end() && answer->second == CommitStatus::committed;
      const std::string after = name_of(i) + ", then repeated: ";
      if (item.message != 0 && committed == item.spoiled)
        wrong_.push_back(after + (committed ? "committed" : "not committed"));
      if (times[i] > 1)
        wrong_.push_back(after + "it is there " + std::to_string(times[i]) + " times");
      if (times[i] == 1 && must_be_gone)
        wrong_.push_back(after + "it is there and must not be");
      if (times[i] == 0 && committed && !may_be_gone)
        wrong_.push_back(after + "it is lost");
    }
    check_uidls(*outcome.after_repeats);
    // What was there before the repeats has its UIDL still.
    std::map<std::size_t, std::string> before;
    for (const Found& one : outcome.found)
      before[one.item] = one.uidl;
    for (const Found& one : *outcome.after_repeats)
      if (before.contains(one.item) && before.at(one.item) != one.uidl)
        wrong_.push_back(name_of(one.item) + ": its UIDL changed with a repeat");
  }

  const Ledger& ledger_;
  const std::size_t moment_;
  std::vector<std::string> wrong_;
};

} // namespace letterlock::crash
