// DeliveryAssembler: makes one Delivery of the messages Begin, Recipient…, Content… and Commit.
//
// Pure. The sender is a process that may have been taken over, so every step is checked; an
// Error says which rule was broken, and costs the link.
#pragma once

#include "common/base/error.h"
#include "common/ipc/messages/delivery.h"
#include "queued/message_store.h"

#include <optional>
#include <string>
#include <vector>

namespace letterlock::queued {

class DeliveryAssembler {
public:
  // Content that comes as frames is kept here until it is whole.
  static constexpr std::size_t most_inline = 256 * 1024;
  static constexpr std::size_t most_recipients = 10'000;

  Expected<void> on(const ipc::Begin& begin);
  Expected<void> on(const ipc::Recipient& recipient);
  Expected<void> on(const ipc::Content& content);
  // Ends the transaction. BORROWER is who holds the scratch file that the content may be in.
  Expected<Delivery> on(const ipc::Commit& commit, Borrower borrower);

private:
  struct Transaction {
    ipc::Begin begin;
    std::vector<ipc::Recipient> recipients;
    std::string content;
  };
  std::optional<Transaction> transaction_;
};

} // namespace letterlock::queued
