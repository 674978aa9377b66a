// The name of a copy's file, and which copies a removal is about.
#include "queued/store/copy_job.h"

#include <algorithm>

namespace letterlock::queued {

std::string CopyJob::name(const MaildirHost& host) const {
  return format_maildir_name(received, message, host, stored_size, wire_size);
}

RemovedCopies::RemovedCopies(const RemovalJob& by, const MaildirHost& host)
    : mailbox_(by.mailbox), host_(host), messages_(by.messages.begin(), by.messages.end()) {
  for (const SeenFile& file : by.files)
    if (const auto message = message_id_in(file.base))
      bases_.emplace(*message, file.base);
}

bool RemovedCopies::contain(const CopyJob& copy) const {
  if (copy.mailbox != mailbox_)
    return false;
  if (messages_.contains(copy.message))
    return true;
  const auto [first, last] = bases_.equal_range(copy.message);
  return std::any_of(first, last, [&](const auto& one) { return one.second == copy.name(host_); });
}

} // namespace letterlock::queued
