// Envelopes, checked and converted.
#include "queued/store/relay_envelope.h"

#include <algorithm>

namespace letterlock::queued {

namespace {

bool is_plain(std::string_view text, std::size_t longest) {
  return text.size() <= longest && std::none_of(text.begin(), text.end(), is_control);
}

} // namespace

std::string check_envelope(const RelayEnvelope& envelope, const StoreLimits& limits) {
  if (envelope.recipients.empty() ||
      envelope.recipients.size() > std::min<std::size_t>(limits.relay_recipients, 65535))
    return "its envelope has no recipients, or too many";
  if (!is_plain(envelope.reverse_path, longest_relay_address))
    return "its reverse-path is no address";
  if (!is_plain(envelope.envelope_id, longest_envelope_id))
    return "its ENVID is too long or not printable";
  if (!envelope.ret.empty() && envelope.ret != "FULL" && envelope.ret != "HDRS")
    return "its RET is not known";
  if (envelope.not_before < 0)
    return "its first attempt is at a negative time";
  for (const RelayRecipient& recipient : envelope.recipients)
    if (recipient.address.empty() || !is_plain(recipient.address, longest_relay_address) ||
        !is_plain(recipient.notify, longest_notify) ||
        !is_plain(recipient.original, longest_original_recipient))
      return "a recipient, its NOTIFY or its ORCPT is too long or not printable";
  return {};
}

std::uint64_t envelope_bytes(const RelayEnvelope& envelope) {
  constexpr std::uint64_t of_a_recipient = 16; // the field and its lengths
  std::uint64_t bytes = envelope.reverse_path.size() + envelope.envelope_id.size() + 64;
  for (const RelayRecipient& recipient : envelope.recipients)
    bytes += of_a_recipient + recipient.address.size() + recipient.notify.size() +
             recipient.original.size();
  return bytes;
}

journal::RelayEnvelope to_record(const RelayEnvelope& envelope) {
  journal::RelayEnvelope record;
  record.reverse_path = envelope.reverse_path;
  record.envelope_id = envelope.envelope_id;
  record.ret = envelope.ret;
  record.not_before = envelope.not_before;
  record.recipients.reserve(envelope.recipients.size());
  for (const RelayRecipient& recipient : envelope.recipients)
    record.recipients.push_back({recipient.address, recipient.notify, recipient.original});
  return record;
}

RelayEnvelope from_record(const journal::RelayEnvelope& record) {
  RelayEnvelope envelope;
  envelope.reverse_path = record.reverse_path;
  envelope.envelope_id = record.envelope_id;
  envelope.ret = record.ret;
  envelope.not_before = record.not_before;
  envelope.recipients.reserve(record.recipients.size());
  for (const journal::RelayRecipient& recipient : record.recipients)
    envelope.recipients.push_back({std::string(recipient.address), std::string(recipient.notify),
                                   std::string(recipient.original)});
  return envelope;
}

journal::Outcome to_record(const QueueOutcome& outcome) {
  journal::Outcome record;
  record.message = outcome.message;
  record.recipients.reserve(outcome.recipients.size());
  for (const QueueOutcome::Part& part : outcome.recipients)
    record.recipients.push_back({part.recipient,
                                 static_cast<journal::RecipientState>(part.now.state),
                                 part.now.next_attempt, part.now.status});
  return record;
}

std::string printable_status(std::string_view text) {
  std::string status(text.substr(0, longest_status));
  std::replace_if(
      status.begin(), status.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return status;
}

} // namespace letterlock::queued
