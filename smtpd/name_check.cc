// Names, then their addresses, then the comparison.
#include "smtpd/name_check.h"

#include <algorithm>

namespace letterlock::smtpd {

using ipc::LookupOutcome;

std::vector<ipc::HostName> NameCheck::on_names(const ipc::NamesFound& answer,
                                               std::span<const HostPattern> allowed) {
  if (verdict_ != Verdict::open || !waiting_.empty())
    return {};
  if (answer.outcome == LookupOutcome::failed) {
    verdict_ = Verdict::in_doubt;
    return {};
  }
  const auto counts = [&](const ipc::HostName& name) {
    return std::find(waiting_.begin(), waiting_.end(), name) == waiting_.end() &&
           std::any_of(allowed.begin(), allowed.end(),
                       [&](const HostPattern& pattern) { return pattern.matches(name); });
  };
  if (answer.outcome == LookupOutcome::found) {
    in_part_ = answer.names.full();
    for (const ipc::HostName& name : answer.names.values())
      if (counts(name)) {
        if (waiting_.size() < most_names)
          waiting_.push_back(name);
        else
          in_part_ = true;
      }
  }
  if (waiting_.empty())
    verdict_ = in_part_ ? Verdict::in_doubt : Verdict::unknown;
  return waiting_;
}

void NameCheck::on_addresses(const ipc::HostName& name, const ipc::AddressesFound& answer) {
  const auto waits = std::find(waiting_.begin(), waiting_.end(), name);
  if (verdict_ != Verdict::open || waits == waiting_.end())
    return;
  waiting_.erase(waits);
  const auto& addresses = answer.addresses.values();
  const bool confirmed =
      answer.outcome == LookupOutcome::found &&
      std::any_of(addresses.begin(), addresses.end(), [&](const ipc::PeerText& text) {
        return IpAddress::parse(text.view()) == client_;
      });
  if (confirmed) {
    verdict_ = Verdict::confirmed;
    name_ = name;
    return;
  }
  in_part_ = in_part_ || answer.outcome == LookupOutcome::failed || answer.addresses.full();
  if (waiting_.empty())
    verdict_ = in_part_ ? Verdict::in_doubt : Verdict::unknown;
}

} // namespace letterlock::smtpd
