// Generations, connections and the end.
#include "smtpd/smtp_service.h"

#include "common/io/tls_server.h"
#include "smtpd/replies.h"

#include <ctime>
#include <stdexcept>
#include <string>

namespace letterlock::smtpd {

// The time zone is read here, because its files are out of reach in the sandbox.
SmtpService::SmtpService(Context& context, const Timeouts& timeouts)
    : context_(context), timeouts_(timeouts), signer_(context),
      deliveries_(context, timeouts.relink), names_(context, timeouts.name_lookup),
      grace_(context.loop, [this] { grace_is_over(); }),
      farewell_(context.loop, [this] { context_.finished(); }) {
  if (const auto ready = io::tls_library_init(); !ready)
    throw std::runtime_error(ready.error().text);
  ::tzset();
  deliveries_.on_idle([this] { finish_if_idle(); });
}

// In doubt it counts alone: limits are no reason to take no mail.
void SmtpService::on(const ipc::ClientTable& table, UniqueFd memory) {
  if (const auto shared = door_.share(table, memory); !shared)
    context_.log.error("limits.not_shared", {{"why", shared.error().text}});
}

// ---- Generations

void SmtpService::begin_generation(std::uint32_t) {
  discard_generation();
}

void SmtpService::prepare() {
  auto built = next_.build();
  if (!built) {
    discard_generation();
    return context_.prepared(std::unexpected(built.error()));
  }
  prepared_ = *std::move(built);
  context_.prepared({});
}

void SmtpService::switch_generation() {
  generation_ = std::exchange(prepared_, nullptr);
  auto listeners = next_.take_listeners();
  discard_generation();
  for (const auto& [number, session] : sessions_)
    session->reload(generation_);
  acceptors_.clear();
  if (stopping_)
    return;
  judge_waiting_again();
  for (OpenListener& open : listeners)
    acceptors_.push_back(std::make_unique<io::Acceptor>(
        context_.loop, std::move(open.socket),
        [this, tls_first = open.tls_first()](io::Accepted accepted) {
          accept(std::move(accepted), tls_first);
        },
        [this](const std::string& why) {
          context_.log.error("accept.paused", {{"why", why}});
        }));
  open_acceptors();
}

void SmtpService::discard_generation() {
  next_ = GenerationBuilder();
  prepared_.reset();
}

// ---- Sessions

// At the limit, connections wait in the kernel, where another worker may take them.
void SmtpService::open_acceptors() {
  const bool full = is_full();
  if (full_notice_.due(full))
    context_.log.warning("connections.full", {{"limit", generation_->connections}});
  for (const auto& acceptor : acceptors_)
    acceptor->set_open(!full);
}

void SmtpService::refuse(io::Accepted accepted, bool tls_first, const Reply& reply,
                         std::string_view why) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  if (const auto left_out = refusal_notice_.due(now))
    context_.log.info("connection.refused",
                      {{"peer", accepted.peer_text}, {"why", why}, {"left_out", *left_out}});
  if (!tls_first)
    turn_away(std::move(accepted.socket), reply, generation_->settings.hostname);
}

void SmtpService::accept(io::Accepted accepted, bool tls_first) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  auto visit = door_.admit(*generation_, accepted.address, now);
  if (!visit)
    return refuse(std::move(accepted), tls_first, *visit.error().reply, visit.error().why);
  if (generation_->access_of(accepted.address) == Generation::Access::granted) {
    begin_session(std::move(accepted), tls_first, std::move(*visit), std::nullopt);
  } else {
    const auto number = ++last_session_;
    waiting_.emplace(number, Waiting{std::move(accepted), tls_first, std::move(*visit)});
    look_up_name(number);
  }
  if (is_full())
    open_acceptors();
}

void SmtpService::begin_session(io::Accepted accepted, bool tls_first, ClientLimits::Visit visit,
                                std::optional<ipc::HostName> name) {
  const auto number = ++last_session_;
  sessions_.emplace(number, std::make_unique<SessionAdapter>(
                                SessionSurroundings{context_, deliveries_, memory_, timeouts_, ids_,
                                                    recipient_notice_},
                                generation_, std::move(accepted), tls_first, std::move(visit),
                                std::move(name), [this, number] { ended(number); }));
}

void SmtpService::ended(std::uint64_t number) {
  const bool was_full = is_full();
  sessions_.erase(number);
  if (was_full)
    open_acceptors();
  finish_if_idle();
}

// ---- Clients whose name decides

void SmtpService::look_up_name(std::uint64_t number) {
  Waiting& waiting = waiting_.at(number);
  waiting.ticket =
      names_.ask(waiting.accepted.address, generation_,
                 [this, number](const NameCheck& check) { name_checked(number, check); });
}

void SmtpService::name_checked(std::uint64_t number, const NameCheck& check) {
  const bool was_full = is_full();
  auto waiting = waiting_.extract(number);
  auto& [accepted, tls_first, visit, ticket] = waiting.mapped();
  switch (check.verdict()) {
  case NameCheck::Verdict::confirmed:
    begin_session(std::move(accepted), tls_first, std::move(visit), check.name());
    break;
  case NameCheck::Verdict::unknown:
    refuse(std::move(accepted), tls_first, replies::access_denied, "access");
    break;
  case NameCheck::Verdict::open: // does not come
  case NameCheck::Verdict::in_doubt:
    refuse(std::move(accepted), tls_first, replies::name_in_doubt, "dns");
    break;
  }
  if (was_full)
    open_acceptors();
}

// After a change of generation, which may have other names, or none.
void SmtpService::judge_waiting_again() {
  auto before = std::exchange(waiting_, {});
  for (auto& [number, waiting] : before) {
    names_.drop(waiting.ticket);
    if (waiting.tls_first && !generation_->tls)
      continue; // its listener is gone, and what it would say cannot be understood
    switch (generation_->access_of(waiting.accepted.address)) {
    case Generation::Access::granted:
      begin_session(std::move(waiting.accepted), waiting.tls_first, std::move(waiting.visit),
                    std::nullopt);
      break;
    case Generation::Access::denied:
      refuse(std::move(waiting.accepted), waiting.tls_first, replies::access_denied, "access");
      break;
    case Generation::Access::by_name:
      waiting_.emplace(number, std::move(waiting));
      look_up_name(number);
      break;
    }
  }
}

// ---- Peers and the end

void SmtpService::connect(const ipc::Peer& peer, UniqueFd socket) {
  if (peer.role == Role::queued)
    deliveries_.connect(peer, std::move(socket));
  else if (peer.role == Role::keyd)
    signer_.connect(peer, std::move(socket));
  else if (peer.role == Role::resolvd)
    names_.connect(peer, std::move(socket));
}

void SmtpService::stop(std::chrono::milliseconds grace) {
  stopping_ = true;
  discard_generation();
  acceptors_.clear();
  for (auto& [number, waiting] : std::exchange(waiting_, {})) {
    names_.drop(waiting.ticket);
    if (!waiting.tls_first)
      turn_away(std::move(waiting.accepted.socket), replies::shutting_down,
                generation_->settings.hostname);
  }
  for (const auto& [number, session] : sessions_)
    session->shut_down();
  grace_.start(grace);
  finish_if_idle();
}

// RFC 5321 §3.8: a client should hear 421 before its connection is closed.
void SmtpService::grace_is_over() {
  for (const auto& [number, session] : sessions_)
    session->shut_down_now();
  farewell_.start(timeouts_.farewell);
}

void SmtpService::finish_if_idle() {
  if (stopping_ && sessions_.empty() && deliveries_.idle())
    context_.finished();
}

} // namespace letterlock::smtpd
