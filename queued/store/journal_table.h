// JournalTable: what the journal says of each maildrop, without the content: what its records add
// up to. Memory is bounded by the number of records that a journal can hold.
//
// Source: docs/spool.md, "Recovery".
#pragma once

#include "queued/maildir/maildir_name.h"
#include "queued/store/copy_job.h"

#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace letterlock::queued {

class JournalTable {
public:
  struct Mailbox {
    std::vector<CopyJob> copies; // in the order of the journal; also those that were expunged
    std::unordered_set<Id128, Id128Hash> expunged;
    std::unordered_set<std::string> expunged_bases; // of other programs' files, and of copies
    journal::Sequence first_expunge = 0, last_expunge = 0; // 0: there is none

    bool is_expunged(const CopyJob& copy, const MaildirHost& host) const {
      return expunged.contains(copy.message) ||
             (!expunged_bases.empty() && expunged_bases.contains(copy.name(host)));
    }
  };

  // Reads the journal in DIRECTORY (open), and shows each record to ALSO; waits for the disk.
  SystemResult<journal::Contents> read(int directory, const journal::Visit& also = {});

  std::map<std::uint32_t, Mailbox>& mailboxes() { return mailboxes_; }
  // The last one.
  const std::optional<journal::Materialised>& materialised() const { return materialised_; }

private:
  void drop_older();
  void add(const journal::Accept& accept, journal::Sequence sequence, const journal::Place& place);
  void add(const journal::Expunge& expunge, journal::Sequence sequence);

  std::map<std::uint32_t, Mailbox> mailboxes_;
  bool moved_ = false; // some copy has several records, perhaps
  std::optional<journal::Materialised> materialised_;
};

} // namespace letterlock::queued
