// KeyService: keeps the private keys of the generations in use and signs for the network processes.
#pragma once

#include "common/base/secret.h"
#include "common/ipc/child_process.h"
#include "keyd/key_ring.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace letterlock::keyd {

using Context = ipc::ChildContext<Role::keyd>;

// The end of the link to one network process.
//
// One signature a turn of the loop for each link, so that a process that has been taken over and
// asks without end takes at most its share, and the others are answered well within their 250 ms.
// An honest one has a single request under way and is answered at once.
template <Role Client> class SigningLink {
public:
  static constexpr std::size_t most_waiting = 16; // more are refused

  SigningLink(Context& context, const KeyRing& ring, const ipc::Peer& peer, UniqueFd socket)
      : context_(context), ring_(ring), next_turn_(context.loop, [this] { take_turn(); }),
        link_(context.loop, std::move(socket), *this, [this, peer](const std::string& why) {
          waiting_.clear();
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
    const Bytes input = request.input.bytes();
    Request copy{request.request,
                 request.key,
                 static_cast<io::KeyOperation>(std::to_underlying(request.kind)),
                 {input.begin(), input.end()}};
    if (turn_taken_ != context_.loop.turns() && waiting_.empty())
      return sign(copy);
    if (waiting_.size() == most_waiting)
      return answer(request.request, {});
    waiting_.push_back(std::move(copy));
    wait_for_turn();
  }

private:
  struct Request {
    std::uint64_t number;
    ipc::KeyId key;
    io::KeyOperation kind;
    std::vector<std::byte> input;
  };

  void take_turn() {
    if (waiting_.empty())
      return;
    const Request request = std::move(waiting_.front());
    waiting_.pop_front();
    sign(request);
    if (!waiting_.empty())
      wait_for_turn();
  }

  void wait_for_turn() {
    if (!next_turn_.running())
      next_turn_.start(std::chrono::milliseconds(0));
  }

  void sign(const Request& request) {
    turn_taken_ = context_.loop.turns();
    const auto signature = ring_.sign(request.key, request.kind, request.input);
    if (!signature)
      context_.log.warning("sign.refused",
                           {{"peer", role_name(Client)}, {"why", refusal_name(signature.error())}});
    answer(request.number, signature ? Bytes(*signature) : Bytes());
  }

  // An empty signature is a refusal.
  void answer(std::uint64_t number, Bytes signature) {
    link_.send(ipc::Signed{number, *decltype(ipc::Signed::signature)::of(signature)});
    // Not at the end of the turn: the asking process stands still meanwhile.
    link_.flush();
  }

  Context& context_;
  const KeyRing& ring_;
  std::deque<Request> waiting_;
  std::uint64_t turn_taken_ = 0; // of the loop, by the last signature
  io::Timer next_turn_;
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
  void switch_generation() {}
  void discard_generation();
  void connect(const ipc::Peer& peer, UniqueFd socket);
  void stop(std::chrono::milliseconds) { context_.finished(); }

private:
  // As the files were when they came: who has a thousand domains has no descriptors for as many.
  struct Pair {
    Pair() = default;
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    ~Pair() {
      if (key)
        wipe_memory(key->data(), key->size());
    }

    std::string certificate_path, key_path;
    Expected<std::string> certificate = fail("a key without its certificate");
    Expected<std::string> key = fail("a certificate without its key");
  };
  Expected<void> add(Pair& pair);
  void retire_due();

  Context& context_;
  KeyRing ring_;
  std::uint32_t generation_ = 0;
  std::uint32_t oldest_ = 0; // generations before are retired
  // Generations before which keys can go, and when.
  std::deque<std::pair<std::chrono::steady_clock::time_point, std::uint32_t>> retiring_;
  io::Timer retire_timer_;
  std::map<std::uint16_t, Pair> pairs_; // until they are prepared
  std::map<std::uint16_t, std::unique_ptr<SigningLink<Role::smtpd>>> smtpd_;
  std::map<std::uint16_t, std::unique_ptr<SigningLink<Role::pop3d>>> pop3d_;
};

} // namespace letterlock::keyd
