// The queue through its life: a queue that is made anew, of the files that checkpoints have left
// and the records that are not retired, is the one that was lost; and to read a record twice
// changes nothing.
//
// Each step is an octet: a message, an outcome of some of its recipients, or a checkpoint that gets
// as far as the input lets it.
#include "queued/store/relay_queue.h"
#include "tests/fuzz/fuzz.h"

#include <variant>

using namespace letterlock;
using namespace letterlock::queued;
using fuzz::require;

namespace {

Id128 id_of(unsigned number) {
  Id128 id;
  id.bytes[15] = static_cast<std::uint8_t>(number);
  return id;
}

struct Message {
  Id128 id;
  std::size_t recipients;
};
struct Outcome {
  Id128 id;
  std::vector<journal::RecipientOutcome> recipients; // without a status
};

// A record of the journal.
struct Entry {
  journal::Sequence sequence;
  std::variant<Message, Outcome> record;
};

journal::Accept accept_of(const Message& message) {
  journal::Accept accept;
  accept.message = message.id;
  accept.relay.emplace();
  accept.relay->recipients.assign(message.recipients, {"a@b.example", "", ""});
  return accept;
}

journal::Outcome outcome_of(const Outcome& outcome) {
  return {outcome.id, outcome.recipients, {}};
}

void apply(RelayQueue& queue, const Entry& entry) {
  if (const auto* message = std::get_if<Message>(&entry.record))
    queue.add(accept_of(*message), entry.sequence, {});
  else
    queue.apply(outcome_of(std::get<Outcome>(entry.record)), entry.sequence);
}

std::string told(const RelayQueue& queue) {
  std::string text;
  std::size_t recipients = 0;
  for (const QueuedMessage& message : queue.messages()) {
    text += message.message.hex();
    recipients += message.recipients.size();
    for (const QueuedRecipient& one : message.recipients)
      text += ' ' + std::to_string(static_cast<int>(one.state)) + '@' +
              std::to_string(one.state == QueuedState::deferred ? one.next_attempt : 0);
    text += '\n';
  }
  require(queue.messages().size() == queue.unfinished() && queue.recipients() == recipients);
  return text;
}

// Of a message that was accepted, and may be gone; of one recipient or of more; some that there are
// not, some that are final.
Outcome read_outcome(unsigned what, fuzz::Input& input, unsigned accepted) {
  Outcome outcome{id_of(1 + static_cast<unsigned>(input.under(accepted))), {}};
  for (unsigned i = 0; i <= what / 4 % 3; ++i) {
    const std::uint8_t one = input.octet();
    journal::RecipientOutcome recipient;
    recipient.recipient = one % 4;
    recipient.state = static_cast<journal::RecipientState>(1 + one / 4 % 3);
    recipient.next_attempt = one / 16;
    outcome.recipients.push_back(recipient);
  }
  return outcome;
}

struct World {
  RelayQueue queue;
  unsigned accepted = 0;      // messages, with the numbers up to this
  std::vector<Entry> journal; // what is not retired
  journal::Sequence last = 0;
  std::map<Id128, Message> files;
  std::map<Id128, std::vector<QueuedRecipient>> states;

  void append(std::variant<Message, Outcome> record) {
    journal.push_back({++last, std::move(record)});
    apply(queue, journal.back());
  }

  // WHOLE: nothing fails. Else each step may, and then nothing is retired.
  void checkpoint(fuzz::Input& input, bool whole) {
    const journal::Sequence up_to = last;
    bool all_done = true;
    const auto all = queue.due(up_to);
    if (const std::uint8_t meanwhile = input.octet(); meanwhile % 2 == 1 && accepted > 0)
      append(read_outcome(meanwhile, input, accepted));
    for (const RelayQueue::Due& due : all) {
      const unsigned steps = whole ? 2 : static_cast<unsigned>(input.under(3));
      all_done = all_done && steps == 2;
      if (!due.write_message && !due.write_state) {
        if (steps > 0)
          files.erase(due.message);
        if (steps > 1)
          states.erase(due.message);
      }
      if (steps > 0 && due.write_message)
        files.insert_or_assign(
            due.message, Message{due.message, queue.find(due.message)->message.recipients.size()});
      if (steps > 1 && due.write_state)
        states.insert_or_assign(due.message, due.recipients);
      if (steps == 2)
        queue.was_done(due);
    }
    if (!all_done)
      return;
    const journal::Sequence needed = queue.first_needed();
    require(needed == 0 || needed <= last);
    std::erase_if(journal, [&](const Entry& entry) {
      return entry.sequence <= up_to && (needed == 0 || entry.sequence < needed);
    });
  }

  // TIMES: how often each record is read.
  std::string recovered(int times) const {
    RelayQueue fresh;
    for (const auto& [id, message] : files)
      fresh.add_kept(accept_of(message));
    for (const auto& [id, state] : states)
      if (files.contains(id)) // else what is left of a removal
        require(fresh.apply_kept(to_record(id, state)));
    for (const Entry& entry : journal)
      for (int i = 0; i < times; ++i)
        apply(fresh, entry);
    return told(fresh);
  }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  World world;
  for (int steps = 0; steps < 100 && !input.at_end(); ++steps) {
    const unsigned what = input.octet();
    switch (what % 4) {
    case 0:
      if (world.accepted < 200)
        world.append(Message{id_of(++world.accepted), 1 + what / 4 % 3});
      break;
    case 1:
    case 2:
      if (world.accepted > 0)
        world.append(read_outcome(what, input, world.accepted));
      break;
    default:
      world.checkpoint(input, what / 4 % 2 == 0);
    }
    const std::string now = told(world.queue);
    require(world.recovered(1) == now && world.recovered(2) == now);
  }
  return 0;
}
