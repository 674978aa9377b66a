// Ledger: what was asked of a store and what it answered, by moments, and so what has to be there
// after a crash at any of them: each copy of a message must be there, must not, or may.
#pragma once

#include "queued/store/store.h"

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace letterlock::crash {

using queued::CommitStatus;

// What the store of this tree promises beyond docs/spool.md's table of states, or not yet.
struct Promises {
  // A repeat of a message that was expunged is committed, and the message stays away.
  bool remembers_expunged = false;
  // All copies of a message become durable by one record: after a crash all are there, or none.
  bool all_copies_or_none = false;
  // What recovery found is durable before anything is served: it stays, and what it did not find
  // never comes back.
  bool recovery_settles = false;
  // A message that was expunged stays away though a mail reader had moved it without a sync.
  bool expunges_all_names = false;
};

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
    bool removal = false; // somebody asked for its removal
    const char* what = "";
  };
  std::vector<Event> history{};
  std::string uidl{};        // empty: nobody has listed it yet
  std::size_t listed_at = 0; // the moment of that

  const std::string* uidl_at(std::size_t moment) const {
    return uidl.empty() || listed_at > moment ? nullptr : &uidl;
  }
  Standing standing(std::size_t moment) const {
    Standing last = Standing::absent;
    for (const Event& event : history)
      if (event.moment <= moment)
        last = event.standing;
    return last;
  }
  bool removal_asked(std::size_t moment) const {
    bool asked = false;
    for (const Event& event : history)
      asked = asked || (event.removal && event.moment <= moment);
    return asked;
  }
};

// A message as a session saw it.
struct Found {
  std::uint32_t account = 0;
  std::size_t item = 0; // of the ledger
  std::string uidl;
  friend bool operator==(const Found&, const Found&) = default;
};

class Ledger {
public:
  explicit Ledger(const Promises& promises) : promises_(promises) {}

  const Promises& promises() const { return promises_; }
  const std::vector<Item>& items() const { return items_; }
  // All copies of a message.
  std::vector<std::size_t> copies(std::uint32_t message) const {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < items_.size(); ++i)
      if (items_[i].message == message)
        all.push_back(i);
    return all;
  }
  const Item* find(std::uint32_t account, const std::string& content) const {
    const auto known = by_content_.find(key(account, content));
    return known == by_content_.end() ? nullptr : &items_[known->second];
  }
  std::size_t index(const Item& item) const { return static_cast<std::size_t>(&item - &items_[0]); }

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

  void asked(std::size_t item, std::size_t moment) {
    const Standing before = items_[item].standing(moment);
    const bool expunged = was_expunged(item);
    if (before == Standing::absent && !(promises_.remembers_expunged && expunged))
      note(item, {moment, Standing::perhaps, expunged, "submitted"});
  }
  // BEFORE is its standing before this was asked.
  void answered(std::size_t item, std::size_t moment, CommitStatus status, Standing before) {
    const bool expunged = was_expunged(item);
    const bool gone = promises_.remembers_expunged && expunged;
    switch (status) {
    case CommitStatus::committed:
      if (!gone)
        note(item, {moment, expunged ? Standing::perhaps : Standing::present, expunged,
                    "answered committed"});
      return;
    case CommitStatus::busy: // nothing was kept or looked for
      return note(item, {moment, before, false, "answered busy"});
    case CommitStatus::in_doubt:
      if (before != Standing::present && !gone)
        note(item, {moment, Standing::perhaps, false, "answered in doubt"});
      return;
    default:
      if (before != Standing::present)
        note(item, {moment, Standing::absent, false, "answered with a refusal"});
    }
  }
  void put_by_another(std::size_t item, std::size_t moment) {
    note(item, {moment, Standing::present, false, "put there by another program"});
  }
  void removal_asked(std::size_t item, std::size_t moment) {
    if (items_[item].standing(moment) != Standing::absent)
      note(item, {moment, Standing::perhaps, true, "removal asked for"});
  }
  void removed(std::size_t item, std::size_t moment) {
    note(item, {moment, Standing::absent, true, "removal answered"});
  }
  // Nothing was tried.
  void put_back(std::size_t item, std::size_t moment, Standing before) {
    note(item, {moment, before, false, "removal not tried"});
  }
  // It may come back: docs/spool.md, "States of a message".
  void removed_by_another(std::size_t item, std::size_t moment) {
    note(item, {moment, Standing::perhaps, true, "removed by another program"});
  }
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

  // The ledger that goes on after a crash at MOMENT: what was so then is so at moment 0.
  Ledger cut_off(std::size_t moment) const {
    Ledger next(*this);
    next.accounts_told_ = accounts_were_told(moment) ? 0 : never;
    next.earlier_uidls_ = uidls(moment);
    for (std::size_t i = 0; i < items_.size(); ++i) {
      Item& item = next.items_[i];
      item.history = {
          {0, items_[i].standing(moment), items_[i].removal_asked(moment), "before the crash"}};
      item.listed_at = 0;
      if (items_[i].uidl_at(moment) == nullptr)
        item.uidl.clear();
    }
    return next;
  }
  // A recovery has ended by MOMENT, and has shown FOUND.
  void recovered(std::size_t moment, const std::vector<Found>& found) {
    std::vector<bool> there(items_.size());
    for (const Found& one : found) {
      there[one.item] = true;
      listed(one.item, moment, one.uidl);
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const Item& item = items_[i];
      if (!there[i])
        items_[i].uidl.clear();
      if (promises_.recovery_settles && item.standing(moment) == Standing::perhaps)
        note(i, {moment, there[i] ? Standing::present : Standing::absent,
                 item.removal_asked(moment), "after a recovery"});
    }
  }

private:
  static constexpr std::size_t never = ~std::size_t{0};
  static std::string key(std::uint32_t account, const std::string& content) {
    return std::to_string(account) + '/' + content;
  }
  void note(std::size_t item, const Item::Event& event) { items_[item].history.push_back(event); }
  bool was_expunged(std::size_t item) const {
    const auto& history = items_[item].history;
    return !history.empty() && history.back().standing != Standing::present &&
           history.back().removal;
  }

  Promises promises_;
  std::vector<Item> items_;
  std::unordered_map<std::string, std::size_t> by_content_;
  Uidls earlier_uidls_;
  std::size_t accounts_told_ = never;
};

} // namespace letterlock::crash
