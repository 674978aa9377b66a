// Adding up the queue.
#include "queued/store/relay_queue.h"

#include "queued/store/relay_envelope.h"

#include <algorithm>

namespace letterlock::queued {

namespace {

using journal::RecipientState;

// They are numbered alike.
static_assert(static_cast<int>(QueuedState::waiting) == static_cast<int>(RecipientState::waiting));
static_assert(static_cast<int>(QueuedState::deferred) ==
              static_cast<int>(RecipientState::deferred));
static_assert(static_cast<int>(QueuedState::done) == static_cast<int>(RecipientState::done));
static_assert(static_cast<int>(QueuedState::failed) == static_cast<int>(RecipientState::failed));

bool is_final(QueuedState state) {
  return state == QueuedState::done || state == QueuedState::failed;
}

} // namespace

// None: it is known.
RelayQueue::Entry* RelayQueue::insert(QueuedMessage message, bool large) {
  const auto [at, is_new] = entries_.try_emplace(message.message);
  if (!is_new)
    return nullptr;
  Entry& entry = at->second;
  entry.message = std::move(message);
  entry.message.recipients.assign(entry.message.envelope->recipients.size(), {});
  entry.large = large;
  entry.open = entry.message.recipients.size();
  ++unfinished_;
  recipients_ += entry.open;
  return &entry;
}

RelayQueue::Entry* RelayQueue::insert(const journal::Accept& accept) {
  if (!accept.relay || accept.relay->recipients.empty())
    return nullptr;
  return insert({accept.message,
                 accept.received,
                 accept.stored_size,
                 accept.wire_size,
                 accept.header_size,
                 std::make_shared<const RelayEnvelope>(from_record(*accept.relay)),
                 {}},
                accept.large);
}

void RelayQueue::add(QueuedMessage message, bool large, journal::Sequence sequence,
                     const journal::Place& place, std::shared_ptr<const void> room) {
  Entry* entry = insert(std::move(message), large);
  if (entry == nullptr)
    return;
  entry->accepted = sequence;
  entry->place = place;
  entry->room = std::move(room);
  changed_.insert(entry->message.message);
}

void RelayQueue::add(const journal::Accept& accept, journal::Sequence sequence,
                     const journal::Place& place) {
  Entry* entry = insert(accept);
  if (entry == nullptr)
    return;
  entry->accepted = sequence;
  entry->place = place;
  changed_.insert(accept.message);
}

void RelayQueue::add_kept(const journal::Accept& accept) {
  if (Entry* entry = insert(accept))
    entry->kept = Kept::yes;
}

// True if anything is new.
bool RelayQueue::set_states(Entry& entry, const journal::Outcome& outcome) {
  bool changed = false;
  for (const journal::RecipientOutcome& one : outcome.recipients) {
    if (one.recipient >= entry.message.recipients.size())
      continue;
    QueuedRecipient& recipient = entry.message.recipients[one.recipient];
    const QueuedRecipient now{static_cast<QueuedState>(one.state), one.next_attempt,
                              printable_status(one.status)};
    if (is_final(recipient.state) ||
        (now.state == recipient.state && now.next_attempt == recipient.next_attempt &&
         now.status == recipient.status))
      continue;
    if (is_final(now.state))
      --entry.open;
    recipient = now;
    changed = true;
  }
  return changed;
}

// It is finished.
void RelayQueue::leave(Entry& entry) {
  --unfinished_;
  recipients_ -= entry.message.recipients.size();
  entry.room.reset();
  changed_.insert(entry.message.message); // its files go
}

void RelayQueue::erase(Entries::iterator entry) {
  changed_.erase(entry->first);
  entries_.erase(entry);
}

void RelayQueue::apply(const journal::Outcome& outcome, journal::Sequence sequence) {
  const auto at = entries_.find(outcome.message);
  if (at == entries_.end() || at->second.finished() || !set_states(at->second, outcome))
    return;
  Entry& entry = at->second;
  ++entry.version;
  if (entry.unkept == 0)
    entry.unkept = sequence;
  changed_.insert(at->first);
  if (!entry.finished())
    return;
  leave(entry);
  if (entry.kept == Kept::no)
    erase(at);
}

bool RelayQueue::apply_kept(const journal::Outcome& outcome) {
  const auto at = entries_.find(outcome.message);
  if (at == entries_.end() || at->second.kept != Kept::yes || at->second.version != 0 ||
      !outcome.dsn.empty() || outcome.recipients.size() != at->second.message.recipients.size())
    return false;
  for (std::size_t i = 0; i < outcome.recipients.size(); ++i)
    if (outcome.recipients[i].recipient != i)
      return false;
  Entry& entry = at->second;
  static_cast<void>(set_states(entry, outcome));
  entry.version = entry.kept_version = 1;
  if (entry.finished())
    leave(entry);
  return true;
}

void RelayQueue::forget(const Id128& message) {
  const auto at = entries_.find(message);
  if (at == entries_.end())
    return;
  if (!at->second.finished())
    leave(at->second);
  erase(at);
}

const RelayQueue::Entry* RelayQueue::find(const Id128& message) const {
  const auto at = entries_.find(message);
  return at == entries_.end() ? nullptr : &at->second;
}

std::vector<QueuedMessage> RelayQueue::messages() const {
  std::vector<QueuedMessage> messages;
  messages.reserve(unfinished_);
  for (const auto& [id, entry] : entries_)
    if (!entry.finished())
      messages.push_back(entry.message);
  return messages;
}

// ---- Outcomes on their way

std::string RelayQueue::claim(const QueueOutcome& outcome) {
  const auto at = entries_.find(outcome.message);
  if (at == entries_.end() || at->second.finished())
    return "its message is not in the queue";
  if (outcome.recipients.empty())
    return "it tells of no recipient";
  Entry& entry = at->second;
  std::vector<bool> claimed = entry.claimed;
  claimed.resize(entry.message.recipients.size());
  for (const QueueOutcome::Part& part : outcome.recipients) {
    if (part.recipient >= claimed.size())
      return "it tells of a recipient that there is not";
    if (claimed[part.recipient])
      return "an outcome of the same recipient is being recorded";
    if (is_final(entry.message.recipients[part.recipient].state))
      return "it tells of a recipient that is done or failed";
    if (part.now.state == QueuedState::waiting || part.now.next_attempt < 0)
      return "it tells of a state that no attempt leads to";
    claimed[part.recipient] = true;
  }
  entry.claimed = std::move(claimed);
  return {};
}

void RelayQueue::release(const Id128& message, const std::vector<std::uint16_t>& recipients) {
  const auto at = entries_.find(message);
  if (at == entries_.end())
    return;
  std::vector<bool>& claimed = at->second.claimed;
  for (const std::uint16_t recipient : recipients)
    if (recipient < claimed.size())
      claimed[recipient] = false;
  if (std::none_of(claimed.begin(), claimed.end(), [](bool one) { return one; }))
    claimed.clear();
}

// ---- Keeping

std::vector<RelayQueue::Due> RelayQueue::due(journal::Sequence up_to) {
  std::vector<Due> all;
  for (const Id128& message : changed_) {
    Entry& entry = entries_.at(message);
    Due due;
    due.message = message;
    due.large = entry.large;
    if (!entry.finished()) {
      due.write_message = entry.kept != Kept::yes;
      due.write_state = entry.version != entry.kept_version;
      if (due.write_message && entry.accepted > up_to)
        continue;
      due.place = entry.place;
      due.version = entry.version;
      if (due.write_state)
        due.recipients = entry.message.recipients;
      if (due.write_message)
        entry.kept = Kept::perhaps;
    }
    all.push_back(std::move(due));
  }
  return all;
}

void RelayQueue::was_done(const Due& due) {
  const auto at = entries_.find(due.message);
  if (at == entries_.end())
    return;
  Entry& entry = at->second;
  if (!due.write_message && !due.write_state)
    return erase(at);
  entry.kept = Kept::yes;
  entry.room.reset();
  if (due.write_state)
    entry.kept_version = due.version;
  if (entry.version == entry.kept_version && !entry.finished()) {
    entry.unkept = 0;
    changed_.erase(due.message);
  }
}

journal::Sequence RelayQueue::first_needed() const {
  journal::Sequence first = 0;
  for (const Id128& message : changed_) {
    const Entry& entry = entries_.at(message);
    // Its Accept comes before its Outcomes.
    const journal::Sequence needed = entry.kept != Kept::yes ? entry.accepted : entry.unkept;
    if (needed != 0 && (first == 0 || needed < first))
      first = needed;
  }
  return first;
}

journal::Outcome to_record(const Id128& message, const std::vector<QueuedRecipient>& recipients) {
  journal::Outcome outcome;
  outcome.message = message;
  outcome.recipients.reserve(recipients.size());
  for (std::size_t i = 0; i < recipients.size(); ++i)
    outcome.recipients.push_back({static_cast<std::uint16_t>(i),
                                  static_cast<RecipientState>(recipients[i].state),
                                  recipients[i].next_attempt, recipients[i].status});
  return outcome;
}

} // namespace letterlock::queued
