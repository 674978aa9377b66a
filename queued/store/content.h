// The content of a delivery on its way into the store: copied out of what its sender can still
// write to, and checked on the copy. Waits for the disk.
#pragma once

#include "queued/disk/file_system.h"
#include "queued/message_store.h"

#include <functional>

namespace letterlock::queued {

using ScratchFile = std::shared_ptr<const UniqueFd>; // none: the content is in the delivery

// Why a delivery is not kept.
struct Refusal {
  CommitStatus status = CommitStatus::failed;
  std::string text; // for the log

  // Full, or failed: as the error says.
  static Refusal system(std::string_view doing, Errno error);
};

// What check_delivery() finds wrong with it in itself; empty if nothing is.
std::string check_delivery(const Delivery& delivery, const StoreLimits& limits);

// Content and heads, in octets: what it costs to keep it waiting, and a little more than what it
// costs to store it.
std::uint64_t delivery_bytes(const Delivery& delivery);

// Gives HEAD and all of the content to TAKE, piece by piece and in order, and then says whether the
// content was what the delivery declared: size, wire size and checksum. What TAKE answers ends it
// early. Pieces out of a scratch file, but the last, are multiples of
// FileSystem::uncached_block at addresses that are.
std::expected<void, Refusal>
copy_content(const Delivery& delivery, const ScratchFile& scratch, Bytes head,
             const std::function<SystemResult<void>(Bytes piece)>& take);

} // namespace letterlock::queued
