// ChildProcess<Self, Service>: the part of a process that is the same in all children of the
// parent.
//
// It holds descriptor 3, enters the sandbox, passes on configuration by generations and links to
// peers, and ends the process when the parent says so or is gone. What is particular to a process
// is its Service, which is constructed before the sandbox is entered and has
//
//   Service(ChildContext<Self>&)
//   void on(const M&) or on(const M&, UniqueFd)   for every other message that the parent may send
//   void begin_generation(uint32_t)  what comes until prepare() describes a new configuration,
//   whole void prepare()                   make ready for it, and say context.prepared(…), now or
//   later void switch_generation()         use it from now on; cannot fail void
//   discard_generation()        forget it: somebody refused void connect(const Peer&, UniqueFd)   a
//   link to a peer; takes the old one's place. When it
//                                    closes the service says context.link_lost(peer)
//   void stop(milliseconds grace)    finish what is open, then say context.finished()
#pragma once

#include "common/ipc/link.h"
#include "common/ipc/logger.h"
#include "common/ipc/received_descriptor.h"
#include "common/os/process_name.h"
#include "common/os/sandbox.h"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <stdexcept>
#include <utility>

namespace letterlock::ipc {

// Where every child finds the link to its parent.
inline constexpr int parent_descriptor = 3;

// What a Service has of its process.
template <Role Self> class ChildContext {
public:
  io::Loop loop;
  Logger log;
  std::uint16_t instance = 0; // among the processes of this role; known from Start on

  // The answer to prepare(): whether the generation can be switched to, or why not.
  std::function<void(Expected<void>)> prepared;
  // The answer to stop(): nothing is open any more. The process exits with status 0.
  void finished() { loop.stop(); }
  // Asks for a fresh link in place of the one that came with `peer` and has closed.
  void link_lost(const Peer& peer) {
    parent->send(LinkLost{peer.role, peer.instance, peer.serial});
  }
  // Says something else to the parent.
  template <Message M>
    requires Routed<Self, Role::letterlockd, M>
  void tell_parent(const M& message) {
    parent->send(message);
  }

  Link<Self, Role::letterlockd>* parent = nullptr; // set by ChildProcess
};

template <Role Self, class Service> class ChildProcess {
public:
  // Throws std::runtime_error if descriptor 3 is no link: it was not started by letterlockd.
  ChildProcess()
      : service_(context_), parent_(context_.loop, UniqueFd(parent_descriptor), *this,
                                    [this](const std::string& why) { parent_gone(why); }) {
    if (!is_what_it_should_be(Carries::link, parent_descriptor))
      throw std::runtime_error("this is no program to run by hand; letterlockd(8) starts it");
    context_.parent = &parent_;
    context_.prepared = [this](Expected<void> result) { prepared(std::move(result)); };
  }

  // Runs until the parent says stop or is gone; the exit status of the process.
  int run() {
    context_.loop.run();
    return status_;
  }

  void on(const Start& start) {
    if (start.schema != schema_hash)
      return fail("it is of another version than the parent");
    context_.instance = start.instance;
    os::Confinement confinement{.role = Self,
                                .identity = std::nullopt,
                                .root_directory = std::string(start.root_directory.view()),
                                .parent = static_cast<pid_t>(start.parent_pid),
                                .open_files = start.open_files,
                                .best_effort = start.best_effort};
    if (start.has_identity)
      confinement.identity = os::Identity{start.uid, start.gid};
    const auto report = os::enter_sandbox(confinement);
    if (!report)
      return fail(report.error().text);
    parent_.send(Started{schema_hash, Reason::cut(report->line())});
  }

  void on(const Peer& peer, UniqueFd socket) { service_.connect(peer, std::move(socket)); }
  void on(const LogChannel& channel, UniqueFd socket) {
    context_.log.set_channel(std::move(socket), channel.least);
  }
  void on(const BeginGeneration& begin) {
    generation_ = begin.generation;
    service_.begin_generation(begin.generation);
  }
  void on(const Prepare&) { service_.prepare(); }
  void on(const Switch&) {
    service_.switch_generation();
    parent_.send(Switched{generation_});
  }
  void on(const Discard&) { service_.discard_generation(); }
  void on(const Stop& stop) { service_.stop(std::chrono::milliseconds(stop.grace_ms)); }

  // Everything else is the service's.
  template <Message M>
    requires(Routed<Role::letterlockd, Self, M> && Handles<Service, M>)
  void on(const M& message) {
    service_.on(message);
  }
  template <Message M>
    requires(Routed<Role::letterlockd, Self, M> && Handles<Service, M>)
  void on(const M& message, UniqueFd descriptor) {
    service_.on(message, std::move(descriptor));
  }

private:
  void prepared(Expected<void> result) {
    parent_.send(Prepared{generation_, result ? Reason() : Reason::cut(result.error().text)});
  }

  // A process exits only while it sets up, or when its parent is gone.
  void fail(const std::string& why) {
    parent_.send(Failed{Reason::cut(why)});
    parent_.flush();
    status_ = EXIT_FAILURE;
    context_.loop.stop();
  }

  void parent_gone(const std::string& why) {
    if (!why.empty())
      context_.log.error("parent.breach", {{"why", why}});
    status_ = EXIT_FAILURE;
    context_.loop.stop();
  }

  ChildContext<Self> context_;
  Service service_;
  Link<Self, Role::letterlockd> parent_;
  std::uint32_t generation_ = 0;
  int status_ = EXIT_SUCCESS;
};

// The whole of a child's main(): runs it and returns its exit status. What goes wrong before there
// is a log is said on standard error.
template <Role Self, class Service> int run_child() {
  // A client or a process that goes away while it is sent something is an error of that call.
  std::signal(SIGPIPE, SIG_IGN);
  os::set_process_name(role_name(Self));
  try {
    return ChildProcess<Self, Service>().run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", std::string(role_name(Self)).c_str(), error.what());
    return EXIT_FAILURE;
  }
}

} // namespace letterlock::ipc
