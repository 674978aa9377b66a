// Ledger: what was asked of a store and what it answered, by moments, and so what has to be there
// after a crash at any of them: each copy of a message must be there, must not, or may.
#pragma once

#include "common/base/id128.h"
#include "queued/message_store.h"

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace letterlock::crash {

using queued::CommitStatus;

inline constexpr std::size_t never = ~std::size_t{0}; // as a moment

enum class Standing : std::uint8_t { absent, perhaps, present };

// One copy of one message in one account. Its content is nobody else's, so it is known by it.
struct Item {
  std::uint32_t account = 0;
  std::uint32_t message = 0; // 0: another program's
  std::string content;
  bool spoiled = false; // contradicts itself: never to be committed

  struct Event {
    std::size_t moment = 0;
    Standing standing{};
    bool removal = false; // somebody has asked for its removal
    const char* what = "";
  };
  std::vector<Event> history{};
  std::string uidl{};            // empty: nobody has listed it yet
  std::size_t listed_at = never; // the moment of that

  Event at(std::size_t moment) const {
    Event last;
    for (const Event& event : history)
      if (event.moment <= moment)
        last = event;
    return last;
  }
  Standing standing(std::size_t moment) const { return at(moment).standing; }
  const std::string* uidl_at(std::size_t moment) const {
    return uidl.empty() || listed_at > moment ? nullptr : &uidl;
  }
};

// One request to remove messages, of which one record tells.
struct Removal {
  Id128 transaction;
  std::vector<std::size_t> items;      // those that could be there when it was asked for
  std::size_t asked = 0, done = never; // moments
};

// A message as a session saw it.
struct Found {
  std::uint32_t account = 0;
  std::size_t item = 0; // of the ledger
  std::string uidl;
};

class Ledger {
public:
  const std::vector<Item>& items() const { return items_; }
  const std::vector<Removal>& removals() const { return removals_; }
  const Item* find(std::uint32_t account, const std::string& content) const {
    const auto known = by_content_.find(key(account, content));
    return known == by_content_.end() ? nullptr : &items_[known->second];
  }
  std::size_t index(const Item& item) const { return static_cast<std::size_t>(&item - &items_[0]); }
  // Answers that contradict each other, whatever is there later.
  const std::vector<std::string>& contradictions() const { return contradictions_; }

  // The copy's number; the same for a repeat.
  std::size_t add(std::uint32_t account, std::uint32_t message, std::string content,
                  bool spoiled = false) {
    const auto [known, is_new] = by_content_.emplace(key(account, content), items_.size());
    if (is_new)
      items_.push_back({account, message, std::move(content), spoiled});
    return known->second;
  }

  void accounts_told(std::size_t moment) { accounts_told_ = std::min(accounts_told_, moment); }
  bool accounts_were_told(std::size_t moment) const { return accounts_told_ <= moment; }

  // ---- Deliveries

  void asked(std::size_t item, std::size_t moment) {
    const Item::Event before = items_[item].at(moment);
    // What was removed stays away, for its transaction is known.
    if (before.standing == Standing::absent && !before.removal)
      note(item, moment, Standing::perhaps, "submitted");
  }
  // BEFORE is how it was before this was asked.
  void answered(std::size_t item, std::size_t moment, CommitStatus status,
                const Item::Event& before) {
    const bool committed_before =
        before.standing == Standing::present || (before.removal && !items_[item].spoiled);
    if (status != CommitStatus::committed && committed_before) {
      contradictions_.push_back("message " + std::to_string(items_[item].message) +
                                " was committed, and a repeat of it was not");
      return;
    }
    if (before.removal)
      return;
    switch (status) {
    case CommitStatus::committed:
      return note(item, moment, Standing::present, "answered committed");
    case CommitStatus::busy: // nothing was kept or looked for
      return note(item, moment, before.standing, "answered busy");
    case CommitStatus::in_doubt:
      return note(item, moment, Standing::perhaps, "answered in doubt");
    default:
      return note(item, moment, Standing::absent, "answered with a refusal");
    }
  }
  void put_by_another(std::size_t item, std::size_t moment) {
    note(item, moment, Standing::present, "put there by another program");
  }

  // ---- Removals

  // The number of a request to remove ITEMS.
  std::size_t removal_asked(const Id128& transaction, const std::vector<std::size_t>& items,
                            std::size_t moment) {
    Removal removal{transaction, {}, moment};
    for (const std::size_t item : items)
      if (items_[item].standing(moment) != Standing::absent) {
        note(item, moment, Standing::perhaps, "removal asked for", true);
        removal.items.push_back(item);
      }
    removals_.push_back(std::move(removal));
    return removals_.size() - 1;
  }
  void removed(std::size_t removal, std::size_t moment) {
    removals_[removal].done = moment;
    for (const std::size_t item : removals_[removal].items)
      note(item, moment, Standing::absent, "removal answered", true);
  }
  // It may come back: docs/spool.md, "States of a message".
  void removed_by_another(std::size_t item, std::size_t moment) {
    note(item, moment, Standing::perhaps, "removed by another program", true);
  }

  // ---- Listings

  void listed(std::size_t item, std::size_t moment, const std::string& uidl) {
    if (items_[item].uidl != uidl) {
      items_[item].uidl = uidl;
      items_[item].listed_at = moment;
    }
  }
  // All that sessions had seen by then, with those of messages that are gone.
  using Uidls = std::map<std::pair<std::uint32_t, std::string>, std::size_t>;
  Uidls uidls(std::size_t moment) const {
    Uidls all = earlier_uidls_;
    for (const Item& item : items_)
      if (const std::string* uidl = item.uidl_at(moment); uidl != nullptr)
        all.emplace(std::pair(item.account, *uidl), index(item));
    return all;
  }

  // ---- Lives

  // The ledger that goes on after a crash at MOMENT: what was so then is so at moment 0.
  Ledger cut_off(std::size_t moment) const {
    Ledger next(*this);
    next.accounts_told_ = accounts_were_told(moment) ? 0 : never;
    next.earlier_uidls_ = uidls(moment);
    next.removals_.clear();
    for (const Removal& removal : removals_)
      if (removal.asked <= moment)
        next.removals_.push_back(
            {removal.transaction, removal.items, 0, removal.done <= moment ? 0 : never});
    for (std::size_t i = 0; i < items_.size(); ++i) {
      Item& item = next.items_[i];
      const Item::Event last = items_[i].at(moment);
      item.history = {{0, last.standing, last.removal, "before the crash"}};
      item.listed_at = 0;
      if (items_[i].uidl_at(moment) == nullptr)
        item.uidl.clear();
    }
    return next;
  }
  // A recovery has ended by MOMENT, and has shown FOUND: it has settled what could be either way,
  // for it makes all of it durable before anything is served.
  void recovered(std::size_t moment, const std::vector<Found>& found) {
    std::vector<bool> there(items_.size());
    for (const Found& one : found) {
      there[one.item] = true;
      listed(one.item, moment, one.uidl);
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const Item::Event last = items_[i].at(moment);
      if (!there[i])
        items_[i].uidl.clear();
      if (last.standing == Standing::perhaps)
        note(i, moment, there[i] ? Standing::present : Standing::absent, "after a recovery",
             last.removal && !there[i]);
    }
    // Requests that were not answered have said by this whether they count.
    std::erase_if(removals_, [](const Removal& removal) { return removal.done == never; });
  }

private:
  static std::string key(std::uint32_t account, const std::string& content) {
    return std::to_string(account) + '/' + content;
  }
  // What was once to be removed is marked for good, until a recovery has found it there.
  void note(std::size_t item, std::size_t moment, Standing standing, const char* what,
            bool removal = false) {
    items_[item].history.push_back({moment, standing, removal, what});
  }

  std::vector<Item> items_;
  std::vector<Removal> removals_;
  std::unordered_map<std::string, std::size_t> by_content_;
  std::vector<std::string> contradictions_;
  Uidls earlier_uidls_;
  std::size_t accounts_told_ = never;
};

} // namespace letterlock::crash
