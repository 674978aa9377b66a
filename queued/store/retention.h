// Retention: which messages of a maildrop are too old to be kept. Pure.
//
// Source: docs/spool.md, "Retention".
#pragma once

#include "queued/maildir/maildrop_index.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace letterlock::queued {

// A file whose name begins with less than this (1995, when there was no Maildir yet) was numbered
// by somebody, not dated, and has no age.
inline constexpr std::int64_t earliest_delivery = 788'918'400;

// The numbers, ascending, of the messages that were received more than RETENTION seconds before NOW
// (seconds since 1970); none if RETENTION is 0, which is for ever.
std::vector<std::size_t> too_old(const MaildropIndex& index, std::int64_t now,
                                 std::uint64_t retention);

} // namespace letterlock::queued
