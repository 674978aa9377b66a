// Choosing old messages.
#include "queued/store/retention.h"

namespace letterlock::queued {

std::vector<std::size_t> too_old(const MaildropIndex& index, std::int64_t now,
                                 std::uint64_t retention) {
  std::vector<std::size_t> numbers;
  if (retention == 0 || now < earliest_delivery ||
      retention > static_cast<std::uint64_t>(now - earliest_delivery))
    return numbers;
  const std::int64_t kept_from = now - static_cast<std::int64_t>(retention);
  // In the order of their times.
  for (std::size_t number = 0; number < index.size() && index.received(number) < kept_from;
       ++number)
    if (index.received(number) >= earliest_delivery)
      numbers.push_back(number);
  return numbers;
}

} // namespace letterlock::queued
