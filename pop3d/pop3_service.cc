// Generations, listeners and the end of pop3d.
#include "pop3d/pop3_service.h"

#include <sys/socket.h>

#include <stdexcept>
#include <string_view>
#include <utility>

namespace letterlock::pop3d {

namespace {

constexpr std::string_view too_many =
    "-ERR [SYS/TEMP] there are too many connections from your address\r\n";

} // namespace

Pop3Service::Pop3Service(Context& context)
    : context_(context), signer_(context), backend_(context), grace_(context.loop, [this] {
        for (const auto& [number, session] : sessions_)
          session.adapter->abort("the server is gone");
      }) {
  if (const auto ready = io::tls_library_init(); !ready)
    throw std::runtime_error(ready.error().text);
}

// ---- Generations

void Pop3Service::begin_generation(std::uint32_t) {
  discard_generation();
}

void Pop3Service::discard_generation() {
  announced_ = Announced();
  prepared_.reset();
}

// In doubt it counts alone: limits are no reason to hand out no mail.
void Pop3Service::on(const ipc::ClientTable& table, UniqueFd memory) {
  if (const auto shared = limits_.share(table, memory); !shared)
    context_.log.error("limits.not_shared", {{"why", shared.error().text}});
}

void Pop3Service::on(const ipc::Listener& listener, UniqueFd socket) {
  announced_.listeners.push_back({listener, std::move(socket)});
}

void Pop3Service::on(const ipc::Certificate& certificate, UniqueFd file) {
  announced_.certificates.add(certificate, std::move(file));
}

void Pop3Service::on(const ipc::Pop3Settings& settings) {
  announced_.settings = settings;
}

void Pop3Service::prepare() {
  auto made = make_generation();
  announced_ = Announced();
  if (!made)
    return context_.prepared(std::unexpected(made.error()));
  prepared_ = std::move(*made);
  context_.prepared({});
}

Expected<Pop3Service::Generation> Pop3Service::make_generation() {
  if (!announced_.settings)
    return fail("there are no settings for POP3");
  auto tls = announced_.certificates.make_server();
  if (!tls)
    return std::unexpected(tls.error());
  Generation generation{
      .terms = {.hostname = announced_.settings->hostname,
                .tls = std::move(*tls),
                .insecure_auth = announced_.settings->insecure_auth},
      .connections = announced_.settings->connections,
      // Who guesses passwords is authd's affair.
      .client_limits = {.connections = announced_.settings->connections_per_address,
                        .lockout = std::chrono::milliseconds(0)},
      .acceptors = {}};
  for (OpenListener& open : announced_.listeners) {
    const bool tls_first = open.listener.kind == ipc::ListenerKind::pop3s;
    const std::string address(open.listener.address.view());
    if (tls_first && !generation.terms.tls)
      return fail("pop3s_listen = " + address + " needs a certificate");
    generation.acceptors.push_back(std::make_unique<io::Acceptor>(
        context_.loop, std::move(open.socket),
        [this, tls_first](io::Accepted connection) { accepted(std::move(connection), tls_first); },
        [this, address](const std::string& why) {
          context_.log.warning("accept.paused", {{"listener", address}, {"why", why}});
        }));
  }
  return generation;
}

void Pop3Service::switch_generation() {
  serving_ = std::exchange(prepared_, std::nullopt);
  for (const auto& [number, session] : sessions_)
    session.adapter->renew(serving_->terms.tls);
  set_open();
}

// ---- Sessions

void Pop3Service::accepted(io::Accepted connection, bool tls_first) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  auto visit = limits_.admit(connection.address, serving_->client_limits, now);
  if (!visit) {
    if (const auto left_out = refusal_notice_.due(now))
      context_.log.info("connection.refused", {{"peer", connection.peer_text},
                                               {"why", ipc::name_of(visit.error())},
                                               {"left_out", *left_out}});
    if (!tls_first) // else there is nothing that could be said
      ::send(connection.socket.get(), too_many.data(), too_many.size(),
             MSG_DONTWAIT | MSG_NOSIGNAL);
    return;
  }
  const std::uint64_t number = ++last_number_;
  auto adapter = std::make_unique<SessionAdapter>(context_, backend_, ahead_, serving_->terms,
                                                  Client{.socket = std::move(connection.socket),
                                                         .address = connection.peer_text,
                                                         .tls_first = tls_first,
                                                         .number = number},
                                                  [this, number] { ended(number); });
  sessions_.emplace(number, Session{std::move(*visit), std::move(adapter)});
  set_open();
}

void Pop3Service::ended(std::uint64_t number) {
  sessions_.erase(number);
  set_open();
  if (stopping_ && sessions_.empty())
    context_.finished();
}

void Pop3Service::set_open() {
  if (!serving_)
    return;
  if (full_notice_.due(sessions_.size() >= serving_->connections))
    context_.log.warning("connections.full", {{"limit", serving_->connections}});
  for (const auto& acceptor : serving_->acceptors)
    acceptor->set_open(sessions_.size() < serving_->connections);
}

// ---- Links and the end

void Pop3Service::connect(const ipc::Peer& peer, UniqueFd socket) {
  if (peer.role == Role::keyd)
    signer_.connect(peer, std::move(socket));
  else
    backend_.connect(peer, std::move(socket));
}

void Pop3Service::stop(std::chrono::milliseconds grace) {
  stopping_ = true;
  discard_generation();
  serving_.reset();
  for (const auto& [number, session] : sessions_)
    session.adapter->shut_down();
  if (sessions_.empty())
    return context_.finished();
  grace_.start(grace);
}

} // namespace letterlock::pop3d
