// The queue, kept.
#include "queued/store/queue_keeper.h"

#include "queued/store/large_files.h"

#include <limits>

namespace letterlock::queued {

// ---- At start

SystemResult<void> QueueKeeper::load(const SetAside& set_aside) {
  auto found = files_.find(set_aside);
  if (!found)
    return std::unexpected(found.error());
  for (const Id128& message : found->messages)
    load_one(message, found->states.contains(message), found->contents.contains(message),
             set_aside);
  for (const Id128& message : found->states)
    if (!found->messages.contains(message))
      stray_states_.insert(message);
  for (const Id128& message : found->contents)
    if (!found->messages.contains(message))
      stray_contents_.insert(message);
  return {};
}

void QueueKeeper::load_one(const Id128& message, bool has_state, bool has_content,
                           const SetAside& set_aside) {
  std::string buffer;
  const auto give_up = [&](const std::string& why) {
    set_aside(message.hex(), why);
    if (has_state)
      set_aside(QueueFiles::state_name(message), "it belongs to " + message.hex());
    if (has_content)
      set_aside(QueueFiles::content_name(message), "it belongs to " + message.hex());
  };
  const auto accept = files_.read_message(message, buffer);
  if (!accept)
    return give_up(accept.error().text);
  if (accept->large && !files_.has_content(message, accept->stored_size, true))
    return give_up("its content is not there");
  {
    const std::lock_guard guard(mutex_);
    table_.add_kept(*accept);
  }
  if (!has_state)
    return;
  const auto state = files_.read_state(message, buffer);
  const std::lock_guard guard(mutex_);
  if (!state)
    set_aside(QueueFiles::state_name(message), state.error().text);
  else if (!table_.apply_kept(*state))
    set_aside(QueueFiles::state_name(message), "it is of other recipients");
}

void QueueKeeper::note(const journal::Record& record, journal::Sequence sequence,
                       const journal::Place& place) {
  const std::lock_guard guard(mutex_);
  journal::with_accept(record,
                       [&](const journal::Accept& accept) { table_.add(accept, sequence, place); });
  if (const auto* outcome = std::get_if<journal::Outcome>(&record))
    table_.apply(*outcome, sequence);
}

SystemResult<QueueKeeper::Settled> QueueKeeper::settle() {
  Settled settled;
  // What is there, and what is not, may be so in the page cache alone.
  if (const auto synced = files_.sync_names(); !synced)
    return std::unexpected(synced.error());
  {
    const std::lock_guard guard(mutex_);
    std::vector<Id128> lost;
    for (const auto& [message, entry] : table_.entries()) {
      if (entry.large && entry.kept != RelayQueue::Kept::yes &&
          !files_.has_content(message, entry.message.stored_size, false))
        lost.push_back(message);
      else
        stray_contents_.erase(message);
    }
    for (const Id128& message : lost) {
      table_.forget(message);
      settled.lost.push_back(message.hex());
    }
  }
  // Left over from a removal.
  for (const Id128& message : stray_states_)
    files_.remove(QueueFiles::state_name(message));
  for (const Id128& message : stray_contents_)
    files_.remove(QueueFiles::content_name(message));
  stray_states_.clear();
  stray_contents_.clear();
  const Kept kept = keep(std::numeric_limits<journal::Sequence>::max());
  settled.lost.insert(settled.lost.end(), kept.lost.begin(), kept.lost.end());
  if (!kept.why.empty()) {
    settled.why = kept.why;
    const std::lock_guard guard(mutex_);
    settled.first_needed = table_.first_needed();
  }
  return settled;
}

std::vector<std::string> QueueKeeper::large_names() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> names;
  for (const auto& [message, entry] : table_.entries())
    if (entry.large && entry.kept != RelayQueue::Kept::yes)
      names.push_back(LargeFiles::name_of(message, LargeFiles::of_queue));
  return names;
}

// ---- Room and outcomes under way

QueueKeeper::Hold QueueKeeper::book(std::size_t recipients, bool report) {
  const std::size_t times = report ? 2 : 1;
  const std::lock_guard table_guard(mutex_);
  const std::lock_guard guard(booked_->mutex);
  if (table_.unfinished() + booked_->messages >= times * limits_.queue_messages ||
      table_.recipients() + booked_->recipients + recipients > times * limits_.queue_recipients)
    return nullptr;
  ++booked_->messages;
  booked_->recipients += recipients;
  return Hold(booked_.get(), [booked = booked_, recipients](const void*) {
    const std::lock_guard in_deleter(booked->mutex);
    --booked->messages;
    booked->recipients -= recipients;
  });
}

Expected<QueueKeeper::Hold> QueueKeeper::claim(const QueueOutcome& outcome) {
  std::vector<std::uint16_t> recipients;
  for (const QueueOutcome::Part& part : outcome.recipients)
    recipients.push_back(part.recipient);
  const std::lock_guard guard(mutex_);
  if (auto wrong = table_.claim(outcome); !wrong.empty())
    return fail(std::move(wrong));
  return Hold(this, [this, message = outcome.message, recipients](const void*) {
    const std::lock_guard in_deleter(mutex_);
    table_.release(message, recipients);
  });
}

// ---- Committed

void QueueKeeper::add(const Delivery& delivery, const Id128& message, bool large,
                      journal::Sequence sequence, const journal::Place& place, Hold room) {
  const std::lock_guard guard(mutex_);
  table_.add({message,
              delivery.received,
              delivery.stored_size,
              delivery.wire_size,
              delivery.header_size,
              delivery.relay,
              {}},
             large, sequence, place, std::move(room));
}

void QueueKeeper::apply(const journal::Outcome& outcome, journal::Sequence sequence) {
  const std::lock_guard guard(mutex_);
  table_.apply(outcome, sequence);
}

QueueKeeper::Kept QueueKeeper::keep(journal::Sequence up_to) {
  std::vector<RelayQueue::Due> due;
  {
    const std::lock_guard guard(mutex_);
    due = table_.due(up_to);
  }
  if (due.empty())
    return {};
  const auto carried = files_.carry_out(due);
  Kept kept;
  kept.why = carried.why;
  const std::lock_guard guard(mutex_);
  for (std::size_t i = 0; i < due.size(); ++i) {
    if (carried.lost[i]) {
      table_.forget(due[i].message);
      kept.lost.push_back(due[i].message.hex());
    } else if (carried.done[i]) {
      table_.was_done(due[i]);
    }
  }
  return kept;
}

// ---- For readers

std::vector<QueuedMessage> QueueKeeper::messages() const {
  const std::lock_guard guard(mutex_);
  return table_.messages();
}

std::optional<QueuedMessage> QueueKeeper::find(const Id128& message) const {
  const std::lock_guard guard(mutex_);
  const auto* entry = table_.find(message);
  if (entry == nullptr || entry->finished())
    return std::nullopt;
  return entry->message;
}

ReadResult<OpenedMessage> QueueKeeper::open(const Id128& message) const {
  const auto look_up = [&]() -> std::optional<RelayQueue::Entry> {
    const std::lock_guard guard(mutex_);
    const auto* entry = table_.find(message);
    if (entry == nullptr || entry->finished())
      return std::nullopt;
    return *entry;
  };
  const auto entry = look_up();
  if (!entry)
    return std::unexpected(ReadError{ReadFault::gone, message.hex() + " is not in the queue"});
  auto opened = files_.open(*entry);
  if (opened || entry->kept == RelayQueue::Kept::yes)
    return opened;
  // A checkpoint may have moved it into its file meanwhile; it does so once.
  const auto later = look_up();
  return later && later->kept == RelayQueue::Kept::yes ? files_.open(*later) : std::move(opened);
}

} // namespace letterlock::queued
