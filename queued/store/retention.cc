// Choosing old messages.
#include "queued/store/retention.h"

#include <optional>

namespace letterlock::queued {

std::vector<std::size_t> too_old(const MaildropIndex& index, std::int64_t now,
                                 std::uint64_t retention) {
  std::vector<std::size_t> numbers;
  if (retention == 0 || now < earliest_delivery ||
      retention > static_cast<std::uint64_t>(now - earliest_delivery))
    return numbers;
  const std::int64_t kept_from = now - static_cast<std::int64_t>(retention);
  // In the order of their times.
  std::size_t end = 0;
  while (end < index.size() && index.received(end) < kept_from)
    ++end;
  if (end == 0)
    return numbers;
  std::optional<Id128> young;
  for (std::size_t number = end; number < index.size() && index.received(number) <= now; ++number)
    if (const auto id = index.message_id(number); id && (!young || *id < *young))
      young = id;
  for (std::size_t number = 0; number < end; ++number) {
    const auto id = index.message_id(number);
    if (index.received(number) < (id ? earliest_own_delivery : earliest_delivery))
      continue;
    if (!id || !young || *id < *young)
      numbers.push_back(number);
  }
  return numbers;
}

} // namespace letterlock::queued
