// Keys by generations.
#include "keyd/key_service.h"

#include "common/base/read_file.h"

#include <ctime>
#include <stdexcept>

namespace letterlock::keyd {

namespace {
constexpr std::size_t max_file = 1u << 20;
// As long as smtpd and pop3d wait for a client's handshake.
constexpr std::chrono::seconds handshake_patience{60};
} // namespace

KeyService::KeyService(Context& context)
    : context_(context), retire_timer_(context.loop, [this] { retire_due(); }) {
  if (const auto ready = io::crypto_library_init(); !ready)
    throw std::runtime_error(ready.error().text);
}

void KeyService::begin_generation(std::uint32_t generation) {
  generation_ = generation;
  pairs_.clear();
}

void KeyService::on(const ipc::Certificate& certificate, UniqueFd file) {
  Pair& pair = pairs_[certificate.index];
  pair.certificate_path = certificate.path.view();
  pair.certificate = read_file(file.get(), max_file);
}

void KeyService::on(const ipc::PrivateKey& key, UniqueFd file) {
  Pair& pair = pairs_[key.index];
  pair.key_path = key.path.view();
  pair.key = read_file(file.get(), max_file);
}

Expected<void> KeyService::add(Pair& pair) {
  if (!pair.certificate)
    return fail((pair.certificate_path.empty() ? pair.key_path : pair.certificate_path) + ": " +
                pair.certificate.error().text);
  if (!pair.key)
    return fail((pair.key_path.empty() ? pair.certificate_path : pair.key_path) + ": " +
                pair.key.error().text);
  const auto added = ring_.add(generation_, std::as_writable_bytes(std::span(*pair.key)),
                               as_bytes(*pair.certificate), std::time(nullptr));
  if (!added)
    return fail(pair.key_path + " (for " + pair.certificate_path + "): " + added.error().text);
  if (added->warning)
    context_.log.warning("certificate.validity",
                         {{"file", pair.certificate_path}, {"why", *added->warning}});
  return {};
}

void KeyService::prepare() {
  for (auto& [index, pair] : pairs_) {
    if (auto added = add(pair); !added) {
      discard_generation();
      return context_.prepared(std::move(added));
    }
  }
  pairs_.clear();
  context_.prepared({});
}

void KeyService::discard_generation() {
  ring_.retire(generation_);
  pairs_.clear();
}

// A handshake that began with an old certificate asks for its signature when the client's first
// message has come, and that may be after everybody has switched.
void KeyService::on(const ipc::Retire& retire) {
  retiring_.emplace_back(std::chrono::steady_clock::now() + handshake_patience, retire.before);
  if (!retire_timer_.running())
    retire_timer_.start(handshake_patience);
}

void KeyService::retire_due() {
  const auto now = std::chrono::steady_clock::now();
  for (; !retiring_.empty() && retiring_.front().first <= now; retiring_.pop_front())
    for (; oldest_ < retiring_.front().second; ++oldest_)
      ring_.retire(oldest_);
  if (!retiring_.empty())
    retire_timer_.start(
        std::chrono::ceil<std::chrono::milliseconds>(retiring_.front().first - now));
}

void KeyService::connect(const ipc::Peer& peer, UniqueFd socket) {
  if (peer.role == Role::smtpd)
    smtpd_[peer.instance] =
        std::make_unique<SigningLink<Role::smtpd>>(context_, ring_, peer, std::move(socket));
  else if (peer.role == Role::pop3d)
    pop3d_[peer.instance] =
        std::make_unique<SigningLink<Role::pop3d>>(context_, ring_, peer, std::move(socket));
}

} // namespace letterlock::keyd
