// The queue's part of the store's interface, to what the journal's records hold and back; and what
// of it can be wrong in itself. Pure.
#pragma once

#include "queued/journal/record.h"
#include "queued/message_store.h"

namespace letterlock::queued {

// What is wrong with it in itself; empty if nothing is.
std::string check_envelope(const RelayEnvelope& envelope, const StoreLimits& limits);
// What it adds to a record, in octets, about.
std::uint64_t envelope_bytes(const RelayEnvelope& envelope);

// The views point into ENVELOPE.
journal::RelayEnvelope to_record(const RelayEnvelope& envelope);
RelayEnvelope from_record(const journal::RelayEnvelope& envelope);

// Without its DSN.
journal::Outcome to_record(const QueueOutcome& outcome);

// Cut at longest_status, and printable ASCII: what was not is '?'.
std::string printable_status(std::string_view text);

} // namespace letterlock::queued
