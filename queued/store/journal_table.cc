// Adding up the records of a journal.
#include "queued/store/journal_table.h"

#include "common/mail/wire_size.h"

#include <algorithm>
#include <unordered_map>

namespace letterlock::queued {

SystemResult<journal::Contents> JournalTable::read(int directory, const journal::Visit& also) {
  auto contents = journal::read_journal(
      directory,
      [&](const journal::Record& record, journal::Sequence sequence, const journal::Place& place) {
        if (also)
          also(record, sequence, place);
        journal::with_accept(record,
                             [&](const journal::Accept& accept) { add(accept, sequence, place); });
        if (const auto* expunge = std::get_if<journal::Expunge>(&record))
          add(*expunge, sequence);
        else if (const auto* materialised = std::get_if<journal::Materialised>(&record))
          materialised_ = *materialised;
      });
  if (moved_)
    drop_older();
  return contents;
}

// Of a copy that was stuck the newest record alone says whether it is in its place.
void JournalTable::drop_older() {
  for (auto& [mailbox, of] : mailboxes_) {
    std::unordered_map<Id128, journal::Sequence, Id128Hash> newest;
    for (const CopyJob& copy : of.copies) {
      journal::Sequence& sequence = newest[copy.message];
      sequence = std::max(sequence, copy.sequence);
    }
    std::erase_if(of.copies,
                  [&](const CopyJob& copy) { return copy.sequence != newest.at(copy.message); });
  }
}

void JournalTable::add(const journal::Accept& accept, journal::Sequence sequence,
                       const journal::Place& place) {
  // One that was written again for a copy that was stuck: the first has told of the transaction.
  moved_ = moved_ || accept.transaction == Id128{};
  for (const journal::Copy& copy : accept.copies) {
    CopyJob& job = mailboxes_[copy.mailbox].copies.emplace_back();
    job.sequence = sequence;
    job.place = place;
    job.mailbox = copy.mailbox;
    job.message = accept.message;
    job.received = accept.received;
    job.stored_size = copy.head.size() + accept.stored_size;
    job.wire_size = mail::wire_size(copy.head) + accept.wire_size;
    job.large = accept.large;
    // Of a large one whose record was written again it may be said as well: its file is the same.
    job.set_down =
        accept.large && accept.transaction == Id128{} && job.stored_size <= largest_set_down;
  }
}

void JournalTable::add(const journal::Expunge& expunge, journal::Sequence sequence) {
  Mailbox& mailbox = mailboxes_[expunge.mailbox];
  if (mailbox.first_expunge == 0)
    mailbox.first_expunge = sequence;
  mailbox.last_expunge = sequence;
  for (const journal::ExpungedName& name : expunge.names) {
    if (const auto* id = std::get_if<Id128>(&name.name))
      mailbox.expunged.insert(*id);
    else
      mailbox.expunged_bases.emplace(std::get<std::string_view>(name.name));
  }
}

} // namespace letterlock::queued
