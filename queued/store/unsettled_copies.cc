// Reading messages out of the journal.
#include "queued/store/unsettled_copies.h"

#include "common/os/memory_file.h"
#include "queued/maildir/list_maildrop.h"
#include "queued/store/large_files.h"
#include "queued/store/restorer.h"

#include <sys/stat.h>

#include <cerrno>

namespace letterlock::queued {

namespace {

std::unexpected<ReadError> failed(std::string_view what, int number) {
  return std::unexpected(ReadError{number == ENOENT ? ReadFault::gone : ReadFault::failed,
                                   Error::system(what, number).text});
}

} // namespace

std::vector<PendingMessage> UnsettledCopies::set(AccountId account, Unsettled unsettled) {
  std::vector<PendingMessage> pending;
  std::unordered_map<Id128, CopyJob, Id128Hash> by_message;
  pending.reserve(unsettled.copies.size() + unsettled.hidden.size());
  by_message.reserve(pending.capacity());
  for (auto* const part : {&unsettled.copies, &unsettled.hidden})
    for (CopyJob& copy : *part) {
      pending.push_back({copy.message, copy.received, copy.stored_size, copy.wire_size,
                         part == &unsettled.hidden});
      by_message.emplace(copy.message, std::move(copy));
    }
  const std::lock_guard guard(mutex_);
  if (by_message.empty())
    copies_.erase(account);
  else
    copies_[account] = std::move(by_message);
  return pending;
}

ReadResult<OpenedMessage> UnsettledCopies::open(AccountId account, const Id128& message) {
  CopyJob copy;
  {
    const std::lock_guard guard(mutex_);
    const auto of_account = copies_.find(account);
    if (of_account == copies_.end() || !of_account->second.contains(message))
      return failed("journal", ENOENT);
    copy = of_account->second.at(message);
  }
  const auto from_large = [&]() -> ReadResult<OpenedMessage> {
    const std::string name = LargeFiles::name_of(message, copy.mailbox);
    struct stat about = {};
    auto file = open_message_file(large_, name, about);
    if (!file)
      return failed("large", file.error().number);
    return OpenedMessage{std::move(*file), static_cast<std::uint64_t>(about.st_size)};
  };
  if (copy.large)
    return from_large();
  std::string buffer;
  const auto bytes = read_copy(journal_, copy, buffer);
  if (!bytes) {
    // It is there since its record was needed for others.
    if (auto moved = from_large())
      return moved;
    return failed("journal", bytes.error().number);
  }
  std::string whole(as_text(bytes->head));
  whole += as_text(bytes->content);
  auto file = os::read_only_memory_file(as_bytes(whole));
  if (!file)
    return std::unexpected(ReadError{ReadFault::failed, file.error().text});
  return OpenedMessage{std::move(*file), whole.size()};
}

} // namespace letterlock::queued
