// WorkerLimits: what this worker and the others of its role count about their clients together.
#pragma once

#include "common/base/client_limits.h"
#include "common/base/error.h"
#include "common/ipc/messages/start.h"
#include "common/os/shared_memory.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <vector>

namespace letterlock::ipc {

class WorkerLimits {
public:
  // Until share() this worker counts alone.
  WorkerLimits();
  // From now on all workers count together. To be called before the first admit(); fails if the
  // memory is not what it is said to be.
  Expected<void> share(const ClientTable& table, const UniqueFd& memory);

  // See ClientLimits::admit(). NOW is of the monotonic clock. This outlives what it returns.
  std::expected<ClientLimits::Visit, ClientRefusal>
  admit(const IpAddress& address, const ClientLimitSettings& settings, ClientLimits::Time now) {
    return limits_.admit(address, settings, now);
  }

private:
  std::optional<os::SharedMemory> shared_;
  std::vector<std::uint64_t> own_;
  ClientLimits limits_;
};

// For a log.
std::string_view name_of(ClientRefusal refusal);

} // namespace letterlock::ipc
