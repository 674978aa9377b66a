// Child: one process that the parent keeps running, and the link to it.
#pragma once

#include "common/base/role.h"
#include "letterlockd/settings.h"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

namespace letterlock::letterlockd {

class Child;

// Whoever looks after the children; told from the loop.
class ChildEvents {
public:
  virtual ~ChildEvents() = default;
  virtual void started(Child& child, const ipc::Started& message) = 0;
  virtual void failed(Child& child, const ipc::Failed& message) = 0;
  virtual void link_lost(Child& child, const ipc::LinkLost& message) = 0;
  virtual void prepared(Child& child, const ipc::Prepared& message) = 0;
  virtual void switched(Child& child, const ipc::Switched& message) = 0;
  virtual void account_id(Child& child, const ipc::AccountId& message) = 0;
  // The child ended, or broke the rules of the link.
  virtual void parent_link_closed(Child& child, const std::string& why) = 0;
};

class Child {
public:
  enum class State : std::uint8_t {
    down,      // no process
    starting,  // started; its sandbox is not on yet
    ready,     // has its links
    preparing, // has been given a generation
    serving,   // has switched to the current generation
    stopping,  // has been told to end
  };

  Child(Role its_role, std::uint16_t its_instance, ChildEvents& events)
      : role(its_role), instance(its_instance), events_(events) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  const Role role;
  const std::uint16_t instance;
  State state = State::down;
  pid_t pid = -1;
  std::string failure;                  // what it said before it ended
  std::chrono::milliseconds backoff{0}; // before it is started again
  std::chrono::steady_clock::time_point started_at{};

  bool up() const {
    return state == State::ready || state == State::preparing || state == State::serving;
  }
  std::string name() const; // "smtpd" or "smtpd[1]", for the log

  void attach(io::Loop& loop, UniqueFd socket);
  void detach() { link_ = std::monostate(); }
  // Takes what it said last.
  void drain() {
    with_link([](auto& link) {
      link.drain();
      return true;
    });
  }

  // False if the child is not there or may not be sent this.
  template <class M> bool send(const M& message) {
    return with_link([&message](auto& link) {
      if constexpr (requires { link.send(message); })
        return link.send(message);
      else
        return false;
    });
  }
  template <class M> bool send(const M& message, UniqueFd descriptor) {
    return with_link([&message, &descriptor](auto& link) {
      if constexpr (requires { link.send(message, std::move(descriptor)); })
        return link.send(message, std::move(descriptor));
      else
        return false;
    });
  }
  // An error: it must not prepare.
  Expected<void> send_settings_of(const Generation& generation, unsigned workers) {
    Expected<void> sent = fail("it is gone");
    with_link([&](auto& link) {
      sent = send_settings(link, generation, workers);
      return true;
    });
    return sent;
  }

  void on(const ipc::Started& message) { events_.started(*this, message); }
  void on(const ipc::Failed& message) { events_.failed(*this, message); }
  void on(const ipc::LinkLost& message) { events_.link_lost(*this, message); }
  void on(const ipc::Prepared& message) { events_.prepared(*this, message); }
  void on(const ipc::Switched& message) { events_.switched(*this, message); }
  void on(const ipc::AccountId& message) { events_.account_id(*this, message); }

private:
  template <Role R> using LinkPtr = std::unique_ptr<ChildLink<R>>;
  template <Role R> void attach_as(io::Loop& loop, UniqueFd socket);

  template <class Use> bool with_link(Use&& use) {
    return std::visit(
        [&](auto& link) {
          if constexpr (std::is_same_v<std::remove_reference_t<decltype(link)>, std::monostate>)
            return false;
          else
            return use(*link);
        },
        link_);
  }

  ChildEvents& events_;
  std::variant<std::monostate, LinkPtr<Role::smtpd>, LinkPtr<Role::pop3d>, LinkPtr<Role::queued>,
               LinkPtr<Role::authd>, LinkPtr<Role::keyd>, LinkPtr<Role::resolvd>,
               LinkPtr<Role::logd>>
      link_;
};

} // namespace letterlock::letterlockd
