// What a recovery showed, and whether that is what was promised.
#pragma once

#include "tests/crash/ledger.h"

#include <functional>
#include <optional>
#include <set>

namespace letterlock::crash {

struct Outcome {
  std::vector<std::string> faults; // wrong whatever was promised: it does not start, damage …
  bool ids_kept = true;            // the accounts have the ids that they were told
  std::vector<Found> found;        // right after recovery
  std::set<std::uint32_t> known;   // messages whose transactions the store knows then
  std::set<Id128> removals_known;
  // After every message was submitted again, and another start. Not always tried.
  std::optional<std::vector<Found>> after_repeats;
  std::map<std::uint32_t, CommitStatus> repeats; // what was answered to them
};

class Verdict {
public:
  // What is wrong with OUTCOME if the crash came after MOMENT changes; empty: nothing.
  static std::vector<std::string> of(const Ledger& ledger, std::size_t moment,
                                     const Outcome& outcome) {
    Verdict verdict(ledger, moment, outcome);
    verdict.wrong_ = outcome.faults;
    if (!outcome.ids_kept && ledger.accounts_were_told(moment))
      verdict.wrong_.push_back("accounts have other ids than they were told");
    const Times times = verdict.count(outcome.found);
    for (std::size_t i = 0; i < times.size(); ++i)
      verdict.check_copy(i, times[i]);
    verdict.check_messages(times);
    for (const Removal& removal : ledger.removals())
      verdict.check_removal(removal, times);
    verdict.check_uidls(outcome.found);
    if (outcome.after_repeats)
      verdict.check_repeats();
    return std::move(verdict.wrong_);
  }

private:
  using Times = std::vector<std::size_t>; // how often each item is there

  Verdict(const Ledger& ledger, std::size_t moment, const Outcome& outcome)
      : ledger_(ledger), moment_(moment), outcome_(outcome) {}

  std::string name_of(std::size_t item) const {
    const Item& copy = ledger_.items()[item];
    std::string text =
        "message " + std::to_string(copy.message) + " in account " + std::to_string(copy.account);
    for (const Item::Event& event : copy.history)
      if (event.moment <= moment_)
        text += std::string(", ") + event.what + " at " + std::to_string(event.moment);
    return text;
  }
  Times count(const std::vector<Found>& found) const {
    Times times(ledger_.items().size());
    for (const Found& one : found)
      ++times[one.item];
    return times;
  }

  void check_copy(std::size_t item, std::size_t times) {
    const Standing standing = ledger_.items()[item].standing(moment_);
    if (times > 1)
      wrong_.push_back(name_of(item) + ": it is there " + std::to_string(times) + " times");
    else if (times == 0 && standing == Standing::present)
      wrong_.push_back(name_of(item) + ": it is lost");
    else if (times == 1 && standing == Standing::absent)
      wrong_.push_back(name_of(item) + ": it is there and must not be");
  }

  // One record tells of all copies, and of the transaction.
  void check_messages(const Times& times) {
    struct Message {
      std::size_t there = 0, copies = 0;
      bool removal = false; // of some copy: then their number tells nothing
    };
    std::map<std::uint32_t, Message> messages;
    for (std::size_t i = 0; i < times.size(); ++i)
      if (const Item& item = ledger_.items()[i]; item.message != 0) {
        Message& message = messages[item.message];
        message.there += times[i];
        ++message.copies;
        message.removal = message.removal || item.at(moment_).removal;
      }
    for (const auto& [number, message] : messages) {
      const std::string name = "message " + std::to_string(number);
      const bool known = outcome_.known.contains(number);
      if (!message.removal && message.there != 0 && message.there != message.copies)
        wrong_.push_back(name + ": " + std::to_string(message.there) + " of " +
                         std::to_string(message.copies) + " copies are there");
      if (message.there != 0 && !known)
        wrong_.push_back(name + ": it is there, and its transaction is not known");
      if (message.there == 0 && known && !message.removal)
        wrong_.push_back(name + ": its transaction is known, and it is not there");
      if (message.removal && !known)
        wrong_.push_back(name + ": its transaction is known no more");
    }
  }

  void check_removal(const Removal& removal, const Times& times) {
    const bool known = outcome_.removals_known.contains(removal.transaction);
    const std::string name = "the removal asked for at " + std::to_string(removal.asked);
    if (removal.asked > moment_) {
      if (known)
        wrong_.push_back(name + ": it is known already");
      return;
    }
    if (removal.done <= moment_ && !known)
      wrong_.push_back(name + ": it was answered, and is not known");
    for (const std::size_t item : removal.items) {
      if (known && times[item] != 0)
        wrong_.push_back(name_of(item) + ": its removal is known, and it is there");
      if (!known && times[item] == 0 && only_this_removes(removal, item))
        wrong_.push_back(name_of(item) + ": its removal is not known, and it is not there");
    }
  }
  bool only_this_removes(const Removal& removal, std::size_t item) const {
    std::size_t others = 0;
    for (const Item::Event& event : ledger_.items()[item].history)
      if (event.moment <= moment_ && event.removal)
        ++others;
    return others == 1 && removal.done > moment_;
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

  void check_repeats() {
    const Times times = count(*outcome_.after_repeats);
    for (std::size_t i = 0; i < times.size(); ++i) {
      const Item& item = ledger_.items()[i];
      const Item::Event last = item.at(moment_);
      const bool must_be_gone = item.spoiled ||
                                (last.removal && last.standing == Standing::absent) ||
                                (item.message == 0 && last.standing == Standing::absent);
      const auto answer = outcome_.repeats.find(item.message);
      const bool committed =
          answer != outcome_.repeats.end() && answer->second == CommitStatus::committed;
      const std::string after = name_of(i) + ", then repeated: ";
      if (item.message != 0 && committed == item.spoiled)
        wrong_.push_back(after + (committed ? "committed" : "not committed"));
      if (times[i] > 1)
        wrong_.push_back(after + "it is there " + std::to_string(times[i]) + " times");
      if (times[i] == 1 && must_be_gone)
        wrong_.push_back(after + "it is there and must not be");
      if (times[i] == 0 && committed && !last.removal)
        wrong_.push_back(after + "it is lost");
    }
    check_uidls(*outcome_.after_repeats);
    // What was there before the repeats is there still, under its UIDL.
    std::map<std::size_t, std::string> after;
    for (const Found& one : *outcome_.after_repeats)
      after[one.item] = one.uidl;
    for (const Found& one : outcome_.found)
      if (!after.contains(one.item))
        wrong_.push_back(name_of(one.item) + ": it was there, and is lost after another start");
      else if (after.at(one.item) != one.uidl)
        wrong_.push_back(name_of(one.item) + ": its UIDL changed with a repeat");
  }

  const Ledger& ledger_;
  const std::size_t moment_;
  const Outcome& outcome_;
  std::vector<std::string> wrong_;
};

} // namespace letterlock::crash
