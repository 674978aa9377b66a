// The life of the children.
#include "letterlockd/supervisor.h"

#include "common/conf/configuration_file.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <utility>

namespace letterlock::letterlockd {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds barrier_patience{60};
constexpr milliseconds first_backoff{100};
constexpr milliseconds last_backoff{30'000};
constexpr milliseconds ending_patience{1000};
// From the start of a process until it serves; one that hangs is killed and started again.
constexpr seconds child_patience{60};
// The same for queued, which has its journal to read and perhaps many files to write before.
constexpr seconds recovery_patience{900};
constexpr seconds quiet{60}; // a child that lived so long starts anew with the first backoff
// What open sessions have to end in when the service stops, and what comes on top before a process
// that does not end is killed.
constexpr milliseconds stop_grace{10'000};
constexpr milliseconds kill_grace{3'000};

// Who is stopped together: first those that take new work, last the log.
constexpr std::size_t stop_stages = 3;
std::size_t stop_stage(Role role) {
  switch (role) {
  case Role::smtpd:
  case Role::pop3d:
    return 0;
  case Role::logd:
    return 2;
  default:
    return 1;
  }
}

std::string cause_of(int status) {
  if (WIFSIGNALED(status))
    return "signal " + std::to_string(WTERMSIG(status));
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

} // namespace

Supervisor::Supervisor(io::Loop& loop, ipc::Logger& log, const Options& options, Programs programs,
                       std::unique_ptr<Generation> first, Outcome outcome)
    : loop_(loop), log_(log), options_(options), programs_(std::move(programs)),
      current_(std::move(first)), outcome_(std::move(outcome)),
      workers_(worker_count(current_->configuration.server)),
      client_tables_(current_->configuration.limits.connections, workers_, log),
      links_(loop, children_, log, options.verbose ? ipc::Severity::debug : ipc::Severity::info),
      rollout_(loop, children_, workers_),
      barrier_(loop, [this] { start_failed("not every process became ready in time"); }),
      grace_(loop, [this] {
        for (const auto& child : children_)
          if (stop_stage(child->role) == stop_stage_)
            kill(*child, SIGKILL);
      }) {
  for (const Role role : child_roles) {
    const auto count = static_cast<std::uint16_t>(has_workers(role) ? workers_ : 1);
    for (std::uint16_t i = 0; i < count; ++i)
      children_.push_back(std::make_unique<Child>(role, i, *this));
  }
}

bool Supervisor::all(Child::State state) const {
  return std::all_of(children_.begin(), children_.end(),
                     [&](const auto& child) { return child->state == state; });
}

// ---- Starting

void Supervisor::start() {
  barrier_.start(barrier_patience);
  for (const auto& child : children_) {
    if (stopping_)
      return;
    spawn(*child);
  }
}

void Supervisor::spawn(Child& child) {
  const auto start = start_message(child.role, child.instance, current_->configuration);
  int fds[2];
  if (!start || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    const Error error = start ? Error::system("socketpair") : start.error();
    log_.error("child.not_started", {{"process", child.name()}, {"why", error.text}});
    return passed_barrier_ ? start_again_later(child) : start_failed(error.text);
  }
  UniqueFd ours(fds[0]);
  const UniqueFd theirs(fds[1]);
  const auto pid = programs_.of(child.role).start(theirs.get(), !options_.foreground);
  if (!pid) {
    log_.error("child.not_started", {{"process", child.name()}, {"why", pid.error().text}});
    return passed_barrier_ ? start_again_later(child) : start_failed(pid.error().text);
  }
  child.pid = *pid;
  child.state = Child::State::starting;
  child.failure.clear();
  child.started_at = std::chrono::steady_clock::now();
  child.attach(loop_, std::move(ours));
  child.send(*start);
  attend(child, child_patience);
}

void Supervisor::started(Child& child, const ipc::Started& message) {
  if (child.state != Child::State::starting || message.schema != ipc::schema_hash)
    return kill(child, SIGKILL);
  child.state = Child::State::ready;
  if (child.role == Role::logd)
    child.send(ipc::LogSettings{options_.foreground});
  links_.tie(child);
  client_tables_.give(child);
  if (child.role == Role::logd && !logd_end_.empty())
    log_.error("child.ended", {{"process", child.name()}, {"why", std::exchange(logd_end_, {})}});
  log_.info("child.started",
            {{"process", child.name()}, {"pid", child.pid}, {"sandbox", message.layers.view()}});
  if (passed_barrier_) {
    if (!rollout_.running())
      catch_up(child);
  } else if (all(Child::State::ready)) {
    begin_first_rollout();
  }
}

void Supervisor::begin_first_rollout() {
  // The rollout has a patience of its own.
  barrier_.stop();
  for (const auto& [child, timer] : attention_)
    timer->stop();
  rollout_.begin(*current_, recovery_patience, [this](const Expected<void>& result) {
    if (!result)
      return start_failed(result.error().text);
    passed_barrier_ = true;
    log_.info("serving", {{"generation", current_->number}});
    outcome_.serving();
    try_reload();
  });
}

void Supervisor::start_failed(const std::string& why) {
  if (passed_barrier_ || stopping_)
    return;
  failure_ = why;
  stop();
}

void Supervisor::failed(Child& child, const ipc::Failed& message) {
  child.failure = std::string(message.reason.view());
}

// ---- Generations

void Supervisor::catch_up(Child& child) {
  attend(child, child.role == Role::queued ? recovery_patience : child_patience);
  child.state = Child::State::preparing;
  child.send(ipc::BeginGeneration{current_->number});
  if (const auto sent = child.send_settings_of(*current_, workers_); !sent) {
    child.failure = sent.error().text;
    return kill(child, SIGKILL);
  }
  child.send(ipc::Prepare{current_->number});
}

void Supervisor::prepared(Child& child, const ipc::Prepared& message) {
  if (rollout_.prepared(child, message))
    return;
  if (child.state != Child::State::preparing || message.generation != current_->number)
    return;
  if (!message.refusal.empty()) {
    child.failure = std::string(message.refusal.view());
    return kill(child, SIGKILL);
  }
  child.send(ipc::Switch{current_->number});
}

void Supervisor::switched(Child& child, const ipc::Switched& message) {
  if (rollout_.switched(child, message))
    return;
  if (child.state != Child::State::preparing || message.generation != current_->number)
    return;
  child.state = Child::State::serving;
  attention_.at(&child)->stop();
  try_reload();
}

void Supervisor::account_id(Child&, const ipc::AccountId& message) {
  rollout_.account_id(message);
}

void Supervisor::reload() {
  reload_wanted_ = true;
  try_reload();
}

void Supervisor::try_reload() {
  if (!reload_wanted_ || stopping_ || !passed_barrier_ || rollout_.running())
    return;
  if (!all(Child::State::serving)) {
    log_.info("reload.waiting", {{"why", "a process is being started"}});
    return;
  }
  reload_wanted_ = false;
  const auto refuse = [this](const Error& error) {
    log_.error("reload.refused", {{"why", error.text}});
  };
  auto configuration = conf::load(options_.configuration, options_.overrides);
  if (!configuration)
    return refuse(configuration.error());
  if (auto possible = check_reloadable(current_->configuration, *configuration); !possible)
    return refuse(possible.error());
  auto opened = open_generation(std::move(*configuration), last_generation_ + 1, current_.get());
  if (!opened)
    return refuse(opened.error());
  ++last_generation_;
  next_ = std::move(*opened);
  rollout_.begin(*next_, seconds(0),
                 [this](const Expected<void>& result) { rolled_out(std::move(next_), result); });
}

void Supervisor::rolled_out(std::unique_ptr<Generation> generation, const Expected<void>& result) {
  if (result) {
    current_ = std::move(generation);
    // Everybody has switched, so nobody asks for older keys any more.
    for (const auto& child : children_)
      child->send(ipc::Retire{current_->number});
    log_.info("reloaded", {{"generation", current_->number}});
  } else {
    log_.error("reload.refused", {{"why", result.error().text}});
  }
  for (const auto& child : children_)
    if (child->state == Child::State::ready)
      catch_up(*child);
  try_reload();
}

// ---- Ending and starting again

void Supervisor::link_lost(Child& child, const ipc::LinkLost& message) {
  links_.lost(child, message);
}

void Supervisor::parent_link_closed(Child& child, const std::string& why) {
  if (!why.empty()) {
    log_.error("child.breach", {{"process", child.name()}, {"why", why}});
    return kill(child, SIGKILL);
  }
  // Usually it is just ending, and how is about to be known. One that goes on without its link is
  // of no use.
  if (child.state != Child::State::stopping)
    attend(child, ending_patience);
}

void Supervisor::kill(Child& child, int signal) {
  if (child.pid > 0)
    ::kill(child.pid, signal);
}

void Supervisor::reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0)
      return;
    for (const auto& child : children_)
      if (child->pid == pid)
        ended(*child, status);
  }
}

void Supervisor::ended(Child& child, int status) {
  child.drain(); // it may have said why
  const bool orderly = child.state == Child::State::stopping && status == 0;
  const std::string why =
      child.failure.empty() ? cause_of(status) : child.failure + " (" + cause_of(status) + ")";
  client_tables_.ended(child);
  child.pid = -1;
  child.state = Child::State::down;
  child.detach();
  if (!orderly && child.role == Role::logd)
    logd_end_ = why;
  else if (!orderly)
    log_.error("child.ended", {{"process", child.name()}, {"why", why}});
  if (stopping_)
    return stop_next();
  if (!passed_barrier_)
    return start_failed(child.name() + ": " + why);
  start_again_later(child);
  rollout_.gone(child);
}

void Supervisor::start_again_later(Child& child) {
  const auto lived = std::chrono::steady_clock::now() - child.started_at;
  child.backoff = lived >= quiet || child.backoff == milliseconds(0)
                      ? first_backoff
                      : std::min(child.backoff * 2, last_backoff);
  attend(child, child.backoff);
}

void Supervisor::attend(Child& child, milliseconds after) {
  auto& timer = attention_[&child];
  if (!timer)
    timer = std::make_unique<io::Timer>(loop_, [this, &child] {
      if (child.state != Child::State::down)
        kill(child, SIGKILL);
      else if (!stopping_)
        spawn(child);
    });
  timer->start(after);
}

void Supervisor::stop() {
  if (stopping_)
    return;
  stopping_ = true;
  barrier_.stop();
  rollout_.abandon();
  stop_stage_ = 0;
  log_.info("stopping");
  // Who comes now is refused by the kernel, and tries another server. As long as anybody had the
  // ports open it would wait for an answer until the last session is over.
  current_->listeners.clear();
  next_.reset();
  for (const auto& child : children_) {
    if (child->pid < 0)
      continue;
    // One that has not come through its start has nothing to finish.
    if (child->state == Child::State::starting)
      kill(*child, SIGKILL);
  }
  stop_stage_ = stop_stages; // no stage yet: stop_next() begins with the first
  stop_next();
}

// Goes to the next stage once all processes of the present one have ended.
void Supervisor::stop_next() {
  const auto alive = [this](std::size_t stage) {
    return std::any_of(children_.begin(), children_.end(), [&](const auto& child) {
      return stop_stage(child->role) == stage && child->pid > 0;
    });
  };
  std::size_t stage = 0;
  while (stage < stop_stages && !alive(stage))
    ++stage;
  if (stage == stop_stages) {
    grace_.stop();
    return failure_.empty() ? outcome_.ended() : outcome_.failed(failure_);
  }
  if (stage == stop_stage_)
    return;
  stop_stage_ = stage;
  for (const auto& child : children_) {
    if (stop_stage(child->role) != stage || child->pid < 0)
      continue;
    child->state = Child::State::stopping;
    child->send(ipc::Stop{static_cast<std::uint32_t>(stop_grace.count())});
  }
  grace_.start(stop_grace + kill_grace);
}

} // namespace letterlock::letterlockd
