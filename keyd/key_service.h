// KeyService: keeps the private keys of the generations in use and signs for the network processes.
#pragma once

#include "common/ipc/child_process.h"
#include "keyd/computing_budget.h"
#include "keyd/key_ring.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace letterlock::keyd {

using Context = ipc::ChildContext<Role::keyd>;

// The end of the link to one network process: each request is answered at once, in order.
template <Role Client> class SigningLink {
public:
  SigningLink(Context& context, const KeyRing& ring, const ipc::Peer& peer, UniqueFd socket)
      : context_(context), ring_(ring),
        link_(context.loop, std::move(socket), *this, [this, peer](const std::string& why) {
          if (!why.empty())
            context_.log.error("link.breach", {{"peer", role_name(Client)}, {"why", why}});
          context_.link_lost(peer);
        }) {}

  void on(const ipc::Sign& request) {
    static_assert(std::to_underlying(ipc::SignatureKind::rsa_raw) ==
                      std::to_underlying(io::KeyOperation::rsa_raw) &&
                  std::to_underlying(ipc::SignatureKind::rsa_pkcs1) ==
                      std::to_underlying(io::KeyOperation::rsa_pkcs1) &&
                  std::to_underlying(ipc::SignatureKind::ecdsa) ==
                      std::to_underlying(io::KeyOperation::ecdsa));
    const auto started = std::chrono::steady_clock::now();
    if (!budget_.may_compute(started)) {
      link_.send(ipc::Signed{request.request, {}});
      return link_.flush();
    }
    const auto signature =
        ring_.sign(request.key, static_cast<io::KeyOperation>(std::to_underlying(request.kind)),
                   request.input.bytes());
    budget_.computed(std::chrono::steady_clock::now() - started);
    ipc::Signed answer;
    answer.request = request.request;
    if (signature)
      answer.signature = *decltype(answer.signature)::of(*signature);
    else
      context_.log.warning("sign.refused",
                           {{"peer", role_name(Client)}, {"why", refusal_name(signature.error())}});
    link_.send(answer);
    // Not at the end of the turn: the asking process stands still meanwhile.
    link_.flush();
  }

private:
  Context& context_;
  const KeyRing& ring_;
  ComputingBudget budget_;
  ipc::Link<Role::keyd, Client> link_;
};

class KeyService {
public:
  explicit KeyService(Context& context);

  void on(const ipc::Certificate& certificate, UniqueFd file);
  void on(const ipc::PrivateKey& key, UniqueFd file);
  void on(const ipc::Retire& retire);

  void begin_generation(std::uint32_t generation);
  // Keys of the new generation sign from now on, those of the old one go on.
  void prepare();
  void switch_generation() { pairs_.clear(); }
  void discard_generation();
  void connect(const ipc::Peer& peer, UniqueFd socket);
  void stop(std::chrono::milliseconds) { context_.finished(); }

private:
  struct Pair {
    std::string certificate_path;
    std::string key_path;
    UniqueFd certificate;
    UniqueFd key;
  };
  Expected<void> add(const Pair& pair);

  Context& context_;
  KeyRing ring_;
  std::uint32_t generation_ = 0;
  std::uint32_t oldest_ = 0; // generations before are retired
  std::map<std::uint16_t, Pair> pairs_;
  std::map<std::uint16_t, std::unique_ptr<SigningLink<Role::smtpd>>> smtpd_;
  std::map<std::uint16_t, std::unique_ptr<SigningLink<Role::pop3d>>> pop3d_;
};

} // namespace letterlock::keyd
