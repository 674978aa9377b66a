// From questions over links to questions to name servers, and back.
#include "resolvd/lookup_service.h"

#include <utility>

namespace letterlock::resolvd {

LookupService::~LookupService() {
  // What it then answers goes to links that are gone.
  clients_.clear();
  resolver_.reset();
}

// ---- Generations

void LookupService::on(const ipc::NameServer& server) {
  const auto address = IpAddress::parse(server.address.view());
  if (address && server.port != 0)
    next_servers_.push_back({*address, server.port});
  else
    bad_server_ = std::string(server.address.view());
}

void LookupService::prepare() {
  if (bad_server_) {
    const Error error{"\"" + *bad_server_ + "\" is no address of a name server"};
    discard_generation();
    return context_.prepared(std::unexpected(error));
  }
  if (!next_servers_.empty() && next_servers_ != servers_) {
    auto made = Resolver::make(context_.loop, next_servers_);
    if (!made) {
      discard_generation();
      return context_.prepared(std::unexpected(made.error()));
    }
    next_ = std::move(*made);
  }
  context_.prepared({});
}

void LookupService::switch_generation() {
  if (next_servers_ != servers_) {
    // The old one's last answers must not find it in its place.
    const auto old = std::exchange(resolver_, std::move(next_));
    servers_ = next_servers_;
  }
  discard_generation();
}

void LookupService::discard_generation() {
  next_servers_.clear();
  bad_server_.reset();
  next_.reset();
}

// ---- Questions

void LookupService::ask(const std::string& name, RecordType type, Resolver::Done done) {
  if (!resolver_)
    return done({});
  resolver_->ask(name, type, std::move(done));
}

template <ipc::Message M> void LookupService::answer(const ipc::Peer& peer, const M& message) {
  const auto client = clients_.find(peer.instance);
  if (client != clients_.end() && client->second->peer.serial == peer.serial)
    client->second->link_.send(message);
}

void LookupService::connect(const ipc::Peer& peer, UniqueFd socket) {
  if (peer.role == Role::smtpd)
    clients_[peer.instance] = std::make_unique<Client>(*this, peer, std::move(socket));
}

LookupService::Client::Client(LookupService& service, const ipc::Peer& its_peer, UniqueFd socket)
    : peer(its_peer), service_(service),
      link_(service.context_.loop, std::move(socket), *this, [this](const std::string& why) {
        if (!why.empty())
          service_.context_.log.error("link.breach",
                                      {{"peer", role_name(peer.role)}, {"why", why}});
        service_.context_.link_lost(peer);
      }) {}

void LookupService::Client::on(const ipc::LookUpNames& question) {
  const auto address = IpAddress::parse(question.address.view());
  if (!address)
    return link_.refuse("\"" + std::string(question.address.view()) + "\" is no address");
  const std::string name = reverse_name(*address);
  service_.ask(name, RecordType::ptr,
               [&service = service_, to = peer, request = question.request, name](Bytes message) {
                 auto found = names_in(message, name);
                 found.request = request;
                 service.answer(to, found);
               });
}

void LookupService::Client::on(const ipc::LookUpAddresses& question) {
  const std::string name(question.host.view());
  const auto type = question.family == ipc::AddressFamily::ipv4 ? RecordType::a : RecordType::aaaa;
  service_.ask(name, type,
               [&service = service_, to = peer, request = question.request, name,
                family = question.family](Bytes message) {
                 auto found = addresses_in(message, name, family);
                 found.request = request;
                 service.answer(to, found);
               });
}

} // namespace letterlock::resolvd
