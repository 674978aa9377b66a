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

// A name of ours that begins with less than this (2026, when there was no Letterlock yet) was given
// while the clock was wrong, and tells no age.
inline constexpr std::int64_t earliest_own_delivery = 1'767'225'600;

// The numbers, ascending, of the messages that were received more than RETENTION seconds before NOW
// (seconds since 1970); none if RETENTION is 0, which is for ever.
//
// Our ids ascend as messages arrive. So one that has a higher id than some message that is not too
// old is not too old either, whatever its name says: the clock was wrong when it came.
std::vector<std::size_t> too_old(const MaildropIndex& index, std::int64_t now,
                                 std::uint64_t retention);

} // namespace letterlock::queued
