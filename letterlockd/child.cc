// The parent's side of the link to each kind of child.
#include "letterlockd/child.h"

#include "letterlockd/programs.h"

namespace letterlock::letterlockd {

std::string Child::name() const {
  const std::string name(role_name(role));
  return has_workers(role) ? name + "[" + std::to_string(instance) + "]" : name;
}

template <Role R> void Child::attach_as(io::Loop& loop, UniqueFd socket) {
  link_ = std::make_unique<ChildLink<R>>(
      loop, std::move(socket), *this,
      [this](const std::string& why) { events_.parent_link_closed(*this, why); });
}

void Child::attach(io::Loop& loop, UniqueFd socket) {
  switch (role) {
  case Role::letterlockd:
    return;
  case Role::smtpd:
    return attach_as<Role::smtpd>(loop, std::move(socket));
  case Role::pop3d:
    return attach_as<Role::pop3d>(loop, std::move(socket));
  case Role::queued:
    return attach_as<Role::queued>(loop, std::move(socket));
  case Role::authd:
    return attach_as<Role::authd>(loop, std::move(socket));
  case Role::keyd:
    return attach_as<Role::keyd>(loop, std::move(socket));
  case Role::resolvd:
    return attach_as<Role::resolvd>(loop, std::move(socket));
  case Role::logd:
    return attach_as<Role::logd>(loop, std::move(socket));
  }
}

} // namespace letterlock::letterlockd
