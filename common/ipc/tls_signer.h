// TlsSigner<Self>: lets TLS handshakes in process Self have their signatures made by keyd.
//
// Made once, as a member of the Service: it installs the operator of common/io/tls_key_hook.h and
// removes it when it goes. When keyd is away, refuses, or does not answer in time, that handshake
// fails and nothing else. The end or a breach of the link is noticed at the next signature; then
// the parent is asked for a fresh one.
#pragma once

#include "common/io/tls_key_hook.h"
#include "common/ipc/caller.h"
#include "common/ipc/child_process.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace letterlock::ipc {

// The whole process waits for a signature: what keyd cannot do in this time is not worth it.
inline constexpr std::chrono::milliseconds signature_deadline{250};

template <Role Self> class TlsSigner {
public:
  // CONTEXT must outlive this.
  explicit TlsSigner(ChildContext<Self>& context) : context_(context) {
    io::set_private_key_operator(
        [this](const io::PrivateKeyOperation& operation) { return sign(operation); });
  }
  ~TlsSigner() { io::set_private_key_operator({}); }
  TlsSigner(const TlsSigner&) = delete;
  TlsSigner& operator=(const TlsSigner&) = delete;

  // The link to keyd; it takes the old one's place.
  void connect(const Peer& peer, UniqueFd socket) {
    peer_ = peer;
    keyd_.emplace(std::move(socket));
  }

private:
  static SignatureKind kind_of(io::KeyOperation operation) {
    switch (operation) {
    case io::KeyOperation::rsa_raw:
      return SignatureKind::rsa_raw;
    case io::KeyOperation::rsa_pkcs1:
      return SignatureKind::rsa_pkcs1;
    case io::KeyOperation::ecdsa:
      return SignatureKind::ecdsa;
    }
    std::unreachable();
  }

  std::optional<std::vector<std::byte>> sign(const io::PrivateKeyOperation& operation) {
    Sign request{.request = ++last_request_,
                 .key = operation.key_id,
                 .kind = kind_of(operation.kind),
                 .input = {}};
    const auto input = decltype(request.input)::of(operation.input);
    if (!keyd_ || !input)
      return std::nullopt;
    request.input = *input;
    std::vector<std::byte> signature;
    const bool answered =
        keyd_->template call<Signed>(request, signature_deadline, [&](const Signed& answer) {
          if (answer.request != request.request)
            return false; // a late answer to one that was given up
          const Bytes bytes = answer.signature.bytes();
          signature.assign(bytes.begin(), bytes.end());
          return true;
        });
    if (keyd_->failed())
      lose_link();
    else if (!answered)
      context_.log.warning("sign.timeout", {{"peer", role_name(Role::keyd)}});
    if (!answered || signature.empty())
      return std::nullopt;
    return signature;
  }

  void lose_link() {
    if (!keyd_->why().empty())
      context_.log.error("link.breach", {{"peer", role_name(Role::keyd)}, {"why", keyd_->why()}});
    keyd_.reset();
    context_.link_lost(peer_);
  }

  ChildContext<Self>& context_;
  Peer peer_;
  std::optional<Caller<Self, Role::keyd>> keyd_;
  std::uint64_t last_request_ = 0;
};

} // namespace letterlock::ipc
