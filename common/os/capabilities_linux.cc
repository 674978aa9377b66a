// Reads and reduces the capability sets of the calling thread.
#if defined(__linux__)

#include "common/os/capabilities_linux.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace letterlock::os {

namespace {

constexpr CapabilitySet bit(unsigned capability) {
  return CapabilitySet{1} << capability;
}

struct CapabilitySets {
  CapabilitySet effective;
  CapabilitySet permitted;
  CapabilitySet inheritable;
};

// Version 3 of the interface splits each set into two 32-bit halves, the low one first.
using Halves = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

constexpr CapabilitySet whole(std::uint32_t low, std::uint32_t high) {
  return CapabilitySet{high} << 32 | low;
}

Expected<CapabilitySets> read_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  Halves halves{};
  if (::syscall(SYS_capget, &header, halves.data()) != 0)
    return fail_errno("read capabilities");
  return CapabilitySets{whole(halves[0].effective, halves[1].effective),
                        whole(halves[0].permitted, halves[1].permitted),
                        whole(halves[0].inheritable, halves[1].inheritable)};
}

Expected<void> write_capabilities(const CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  Halves halves{};
  for (unsigned i = 0; i < halves.size(); ++i) {
    halves[i].effective = static_cast<std::uint32_t>(sets.effective >> (32 * i));
    halves[i].permitted = static_cast<std::uint32_t>(sets.permitted >> (32 * i));
    halves[i].inheritable = static_cast<std::uint32_t>(sets.inheritable >> (32 * i));
  }
  if (::syscall(SYS_capset, &header, halves.data()) != 0)
    return fail_errno("reduce capabilities");
  return {};
}

} // namespace

CapabilitySet parent_capabilities() {
  // CAP_KILL also carries the death signal: it is sent with the rights of the dying parent.
  return bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_SETPCAP) | bit(CAP_SYS_CHROOT) |
         bit(CAP_SYS_RESOURCE) | bit(CAP_KILL) | bit(CAP_NET_BIND_SERVICE) | bit(CAP_DAC_OVERRIDE) |
         bit(CAP_FOWNER) | bit(CAP_CHOWN);
}

Expected<bool> limit_bounding_set(CapabilitySet keep) {
  const auto now = read_capabilities();
  if (!now)
    return std::unexpected(now.error());
  if ((now->effective & bit(CAP_SETPCAP)) == 0)
    return false;
  // The kernel may know more capabilities than our headers: it says where they end.
  for (unsigned capability = 0; capability < 64; ++capability) {
    const int held = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (held < 0)
      break;
    if (held == 0 || (keep & bit(capability)) != 0)
      continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
      return fail_errno("drop capability " + std::to_string(capability) + " from the bounding set");
  }
  return true;
}

Expected<void> limit_capabilities(CapabilitySet keep) {
  const auto before = read_capabilities();
  if (!before)
    return std::unexpected(before.error());
  const CapabilitySets wanted{before->effective & keep, before->permitted & keep, 0};
  if (const auto done = write_capabilities(wanted); !done)
    return done;
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return fail_errno("clear ambient capabilities");

  const auto after = read_capabilities();
  if (!after)
    return std::unexpected(after.error());
  if (((after->effective | after->permitted | after->inheritable) & ~keep) != 0)
    return fail("capabilities were left over");
  return {};
}

} // namespace letterlock::os

#endif
