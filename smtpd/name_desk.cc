// Questions to resolvd, their answers and their ends.
#include "smtpd/name_desk.h"

#include <utility>
#include <vector>

namespace letterlock::smtpd {

void NameDesk::connect(const ipc::Peer& peer, UniqueFd socket) {
  give_up_all(); // what the old link was asked
  link_ = std::make_unique<ipc::Link<Role::smtpd, Role::resolvd>>(
      context_.loop, std::move(socket), *this, [this, peer](const std::string& why) {
        if (!why.empty())
          context_.log.error("link.breach", {{"peer", role_name(peer.role)}, {"why", why}});
        link_.reset();
        context_.link_lost(peer);
        give_up_all();
      });
}

NameDesk::Ticket NameDesk::ask(const IpAddress& client,
                               std::shared_ptr<const Generation> generation, Done done) {
  const Ticket ticket{++last_ticket_};
  Check check{NameCheck(client), std::move(generation), std::move(done),
              std::make_unique<io::Timer>(context_.loop, [this, ticket] { finish(ticket); })};
  io::Timer& patience = *check.patience;
  checks_.emplace(ticket, std::move(check));
  ipc::LookUpNames question;
  question.address = ipc::PeerText::cut(client.text());
  const bool asked = ask(question, ticket, {});
  patience.start(asked ? patience_ : std::chrono::milliseconds(0));
  return ticket;
}

template <ipc::Message M> bool NameDesk::ask(M question, Ticket ticket, const ipc::HostName& name) {
  question.request = ++last_request_;
  if (!link_ || link_->full() || questions_.size() >= most_questions || !link_->send(question))
    return false;
  questions_.emplace(question.request, Question{ticket, name});
  return true;
}

NameDesk::Check* NameDesk::take_question(std::uint64_t request, Question& question) {
  const auto asked = questions_.find(request);
  if (asked == questions_.end()) {
    link_->refuse("an answer to no question");
    return nullptr;
  }
  question = asked->second;
  questions_.erase(asked);
  const auto check = checks_.find(question.ticket);
  return check == checks_.end() ? nullptr : &check->second;
}

void NameDesk::on(const ipc::NamesFound& answer) {
  Question question{};
  Check* const open = take_question(answer.request, question);
  if (open == nullptr)
    return;
  NameCheck& check = open->check;
  for (const ipc::HostName& name : check.on_names(answer, open->generation->allowed_names)) {
    ipc::LookUpAddresses next;
    next.host = name;
    next.family = check.family();
    if (ask(next, question.ticket, name))
      continue;
    ipc::AddressesFound failed;
    failed.outcome = ipc::LookupOutcome::failed;
    check.on_addresses(name, failed);
  }
  if (check.verdict() != NameCheck::Verdict::open)
    finish(question.ticket);
}

void NameDesk::on(const ipc::AddressesFound& answer) {
  Question question{};
  Check* const open = take_question(answer.request, question);
  if (open == nullptr)
    return;
  open->check.on_addresses(question.name, answer);
  if (open->check.verdict() != NameCheck::Verdict::open)
    finish(question.ticket);
}

void NameDesk::finish(Ticket ticket) {
  auto found = checks_.extract(ticket);
  if (found.empty())
    return;
  found.mapped().check.give_up();
  found.mapped().done(found.mapped().check);
}

void NameDesk::give_up_all() {
  questions_.clear();
  std::vector<Ticket> tickets;
  for (const auto& [ticket, check] : checks_)
    tickets.push_back(ticket);
  for (const Ticket ticket : tickets)
    finish(ticket);
}

} // namespace letterlock::smtpd
