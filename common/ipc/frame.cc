// What the numbers of message types stand for.
#include "common/ipc/frame.h"

namespace letterlock::ipc {

Carries carries_of_type(std::uint16_t type) {
  Carries carries = Carries::nothing;
  for_each_type(Messages{}, [&](auto m) {
    using M = typename decltype(m)::type;
    if (type_number<M> == type)
      carries = M::carries;
  });
  return carries;
}

std::string_view name_of_type(std::uint16_t type) {
  std::string_view name = "?";
  for_each_type(Messages{}, [&](auto m) {
    using M = typename decltype(m)::type;
    if (type_number<M> == type)
      name = M::name;
  });
  return name;
}

} // namespace letterlock::ipc
