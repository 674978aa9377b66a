// Bringing all children to a new generation.
#include "letterlockd/rollout.h"

#include <signal.h>

#include <algorithm>
#include <utility>

namespace letterlock::letterlockd {

namespace {

// Preparing is reading some files and, in queued that runs already, making directories.
constexpr std::chrono::seconds patience{30};

} // namespace

void Rollout::begin(Generation& generation, std::chrono::milliseconds store_patience, Done done) {
  generation_ = &generation;
  done_ = std::move(done);
  begun_.clear();
  awaited_.clear();
  phase_ = Phase::store;
  silence_.start(std::max<std::chrono::milliseconds>(store_patience, patience));
  for (const auto& child : children_)
    if (child->role == Role::queued && !give(*child))
      return;
}

bool Rollout::give(Child& child) {
  begun_.insert(&child);
  awaited_.insert(&child);
  child.send(ipc::BeginGeneration{generation_->number});
  if (const auto sent = child.send_settings_of(*generation_, workers_); !sent) {
    refuse(child.name() + ": " + sent.error().text);
    return false;
  }
  child.send(ipc::Prepare{generation_->number});
  return true;
}

void Rollout::account_id(const ipc::AccountId& message) {
  // Nothing but the accounts that were asked for, so that queued cannot fill our memory.
  if (phase_ == Phase::store && message.generation == generation_->number &&
      generation_->configuration.account(message.account.view()) != nullptr)
    generation_->account_ids.insert_or_assign(std::string(message.account.view()), message.id);
}

bool Rollout::prepared(Child& child, const ipc::Prepared& message) {
  if ((phase_ != Phase::store && phase_ != Phase::rest) ||
      message.generation != generation_->number || awaited_.erase(&child) == 0)
    return false;
  if (!message.refusal.empty()) {
    refuse(child.name() + ": " + std::string(message.refusal.view()));
    return true;
  }
  if (awaited_.empty())
    phase_ == Phase::store ? prepare_rest() : switch_all();
  return true;
}

void Rollout::prepare_rest() {
  for (const conf::Account& account : generation_->configuration.accounts)
    if (generation_->account_id(account.name.view()) == 0)
      return refuse("queued has no id for account " + std::string(account.name.view()));
  phase_ = Phase::rest;
  silence_.start(patience);
  for (const auto& child : children_)
    if (child->role != Role::queued && !give(*child))
      return;
}

void Rollout::switch_all() {
  phase_ = Phase::switching;
  silence_.start(patience);
  awaited_ = begun_;
  for (Child* child : begun_)
    child->send(ipc::Switch{generation_->number});
}

bool Rollout::switched(Child& child, const ipc::Switched& message) {
  if (phase_ != Phase::switching || message.generation != generation_->number ||
      awaited_.erase(&child) == 0)
    return false;
  child.state = Child::State::serving;
  if (awaited_.empty())
    finish({});
  return true;
}

void Rollout::gone(Child& child) {
  if (phase_ == Phase::idle)
    return;
  begun_.erase(&child);
  if (phase_ != Phase::switching)
    return refuse(child.name() + " ended");
  // It will be started again with the new generation.
  if (awaited_.erase(&child) != 0 && awaited_.empty())
    finish({});
}

void Rollout::abandon() {
  phase_ = Phase::idle;
  silence_.stop();
  begun_.clear();
  awaited_.clear();
  done_ = {};
}

void Rollout::refuse(const std::string& why) {
  for (Child* child : begun_)
    child->send(ipc::Discard{generation_->number});
  finish(fail(why));
}

void Rollout::finish(Expected<void> result) {
  phase_ = Phase::idle;
  silence_.stop();
  begun_.clear();
  awaited_.clear();
  const Done done = std::exchange(done_, {});
  done(std::move(result));
}

void Rollout::silent() {
  if (phase_ != Phase::switching)
    return refuse((*awaited_.begin())->name() + " does not answer");
  // There is no way back: whoever does not even switch is started anew, with the new generation.
  for (const Child* child : awaited_)
    if (child->pid > 0)
      ::kill(child->pid, SIGKILL);
  silence_.start(patience);
}

} // namespace letterlock::letterlockd
