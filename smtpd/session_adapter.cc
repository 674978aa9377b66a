// Bytes, answers and time between a session and the world.
#include "smtpd/session_adapter.h"

#include <sys/socket.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace letterlock::smtpd {

namespace {

// Sent replies give their memory back above this.
constexpr std::size_t keep_capacity = 4096;

std::string_view name_of(RecipientRefusal refusal) {
  switch (refusal) {
  case RecipientRefusal::unknown:
    return "unknown";
  case RecipientRefusal::blocked:
    return "blocked";
  case RecipientRefusal::foreign:
    return "relaying";
  case RecipientRefusal::full:
    return "over_quota";
  }
  return "unknown";
}

// For what a client is told; that leaves out in_doubt.
std::expected<void, StorageFault> result_of(ipc::CommitOutcome outcome) {
  switch (outcome) {
  case ipc::CommitOutcome::durable:
    return {};
  case ipc::CommitOutcome::full:
    return std::unexpected(StorageFault::full);
  case ipc::CommitOutcome::over_quota:
    return std::unexpected(StorageFault::over_quota);
  case ipc::CommitOutcome::refused:
    return std::unexpected(StorageFault::refused);
  case ipc::CommitOutcome::failed:
  case ipc::CommitOutcome::in_doubt:
    return std::unexpected(StorageFault::failed);
  }
  return std::unexpected(StorageFault::failed);
}

std::string text_of(const mail::ForwardPath& path) {
  const auto* mailbox = std::get_if<mail::Mailbox>(&path);
  return mailbox != nullptr ? mailbox->text() : "postmaster";
}

} // namespace

SessionAdapter::SessionAdapter(const SessionSurroundings& surroundings,
                               std::shared_ptr<const Generation> generation, io::Accepted accepted,
                               bool tls_first, ClientLimits::Visit visit,
                               std::optional<ipc::HostName> name, std::function<void()> ended)
    : around_(surroundings), generation_(std::move(generation)), address_(accepted.address),
      peer_(std::move(accepted.peer_text)), visit_(std::move(visit)), name_(std::move(name)),
      ended_(std::move(ended)),
      connection_(around_.context.loop, std::move(accepted.socket), *this),
      timer_(around_.context.loop, [this] { timed_out(); }),
      session_(settings(), recipients(),
               {.address = mail::AddressLiteral::of(address_),
                .trusted = address_.is_this_host(),
                .tls_first = tls_first},
               *this),
      session_until_(Clock::now() + around_.timeouts.session) {
  if (tls_first)
    start_tls();
  else if (generation_->greeting_delay.count() == 0)
    greet();
  put_off_timeout();
  connection_.update();
}

// Without a delay the greeting is on its way before most early talk can be here; what is here
// already is not overlooked.
void SessionAdapter::greet() {
  std::byte early{};
  if (::recv(connection_.fd(), &early, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
    session_.on_input({&early, 1});
  else
    session_.on_connect();
}

std::shared_ptr<const SessionSettings> SessionAdapter::settings() const {
  return {generation_, &generation_->settings};
}

// The session's policy is this adapter, which outlives it: there is nothing to own.
std::shared_ptr<const RecipientPolicy> SessionAdapter::recipients() const {
  return {std::shared_ptr<const void>(), static_cast<const RecipientPolicy*>(this)};
}

void SessionAdapter::reload(std::shared_ptr<const Generation> generation) {
  generation_ = std::move(generation);
  session_.on_reload(settings(), recipients());
  if (!generation_->allows(address_, name_)) {
    session_.on_access_withdrawn();
    connection_.update();
  }
}

void SessionAdapter::shut_down() {
  session_.on_shutdown();
  connection_.update();
}

void SessionAdapter::shut_down_now() {
  session_.on_shutdown_overdue();
  connection_.update();
}

// ---- The connection

// All the bytes at hand go in at once: that is how the session sees what follows STARTTLS.
std::size_t SessionAdapter::input(Bytes bytes) {
  const auto phase_before = session_.phase();
  const auto unsent_before = replies_.size();
  const std::size_t taken = session_.on_input(bytes);
  // A command that comes octet by octet has the time of one command.
  if (session_.phase() != Session::Phase::command || phase_before != Session::Phase::command ||
      replies_.size() != unsent_before)
    put_off_timeout();
  return taken;
}

bool SessionAdapter::wants_input() const {
  return session_.wants_input() && output().size() <= unsent_max &&
         (!content_ || session_.phase() != Session::Phase::content || content_->takes_more());
}

std::string_view SessionAdapter::output() const {
  return std::string_view(replies_).substr(replies_sent_);
}

void SessionAdapter::sent(std::size_t count) {
  replies_sent_ += count;
  if (replies_sent_ == replies_.size()) {
    replies_.clear();
    replies_sent_ = 0;
    if (replies_.capacity() > keep_capacity)
      replies_.shrink_to_fit();
  }
  put_off_timeout();
}

void SessionAdapter::tls_established(const io::TlsStream& stream) {
  tls_version_ = stream.version();
  session_.on_tls_established(
      {.version = Text<32>::cut(stream.version()), .cipher = Text<64>::cut(stream.cipher())});
  // A session that begins here is greeted after its delay, or in the next turn: by then what came
  // behind the handshake has been read, and is early talk.
  put_off_timeout();
}

void SessionAdapter::closed(std::string_view why) {
  session_.on_disconnect();
  content_.reset();
  if (committing_)
    around_.deliveries.abandon(*committing_);
  around_.context.log.debug("smtp.session", {{"peer", peer_},
                                             {"name", name_ ? name_->view() : ""},
                                             {"accepted", accepted_},
                                             {"not_accepted", not_accepted_},
                                             {"recipients_refused", recipients_refused_},
                                             {"tls", tls_version_},
                                             {"why", why}});
  const auto ended = ended_;
  ended();
}

void SessionAdapter::send(std::string_view replies) {
  replies_ += replies;
}

void SessionAdapter::start_tls() {
  connection_.start_tls(*generation_->tls); // what is offered is there
}

// ---- Limits

bool SessionAdapter::admit_message() {
  return visit_.admit_message(generation_->client_limits, Clock::now().time_since_epoch());
}

void SessionAdapter::offence() {
  if (visit_.offend(generation_->client_limits, Clock::now().time_since_epoch()))
    around_.context.log.warning("client.locked_out", {{"peer", peer_}});
}

// ---- Recipients

std::expected<Recipient, RecipientRefusal> SessionAdapter::judge(const mail::ForwardPath& path,
                                                                 std::uint64_t size) const {
  auto recipient = generation_->recipients.judge(path);
  if (recipient && !around_.deliveries.rooms().takes(recipient->account, size))
    recipient = std::unexpected(RecipientRefusal::full);
  if (!recipient) {
    ++recipients_refused_;
    if (const auto left_out = around_.recipient_notice.due(Clock::now().time_since_epoch()))
      around_.context.log.info("rcpt.refused", {{"peer", peer_},
                                                {"helo", session_.hello_name()},
                                                {"to", text_of(path)},
                                                {"why", name_of(recipient.error())},
                                                {"left_out", *left_out}});
  }
  return recipient;
}

// ---- Content

std::expected<StorageStart, StorageFault>
SessionAdapter::begin_content(std::uint64_t declared_size) {
  if (around_.deliveries.full())
    return std::unexpected(StorageFault::failed);
  content_until_ = Clock::now() + content_time();
  content_ = std::make_unique<ContentSpool>(around_.context.loop, around_.deliveries.scratch_desk(),
                                            around_.memory, generation_->settings.content.size);
  content_->on_change([this] { content_changed(); });
  return content_->begin(declared_size);
}

std::expected<void, StorageFault> SessionAdapter::append_content(Bytes content) {
  auto stored = content_->append(content);
  if (!stored)
    content_.reset();
  return stored;
}

void SessionAdapter::content_changed() {
  if (const auto fault = content_->fault()) {
    content_.reset();
    session_.on_storage_refused(*fault);
  } else if (session_.phase() == Session::Phase::storage && content_->started()) {
    session_.on_storage_ready();
  }
  put_off_timeout();
  connection_.update();
}

// localtime_r() with the zone that was read before the sandbox: it opens no file.
Stamp SessionAdapter::stamp() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  received_ = static_cast<std::uint64_t>(now);
  return {
      .transaction = around_.ids.next(),
      .now = {.unix_seconds = now, .utc_offset_minutes = static_cast<int>(local.tm_gmtoff / 60)}};
}

void SessionAdapter::commit_content(Commit commit) {
  committing_ = commit.transaction;
  around_.deliveries.deliver(
      std::move(commit), received_, std::move(content_),
      {.peer = peer_, .helo = std::string(session_.hello_name()), .tls = tls_version_},
      [this](ipc::CommitOutcome outcome) { committed(outcome); });
}

void SessionAdapter::committed(ipc::CommitOutcome outcome) {
  committing_.reset();
  ++(outcome == ipc::CommitOutcome::durable ? accepted_ : not_accepted_);
  // RFC 1047: a client without an answer sends again, and one with a wrong answer does not.
  if (outcome == ipc::CommitOutcome::in_doubt)
    return connection_.abort("it is not known whether the message is stored");
  session_.on_commit(result_of(outcome));
  put_off_timeout();
  connection_.update();
}

// ---- Time

SessionAdapter::Clock::duration SessionAdapter::patience() const {
  const Timeouts& timeouts = around_.timeouts;
  if (session_.phase() == Session::Phase::tarpit)
    return timeouts.tarpit;
  if (!output().empty())
    return timeouts.send;
  switch (session_.phase()) {
  case Session::Phase::connecting:
    return generation_->greeting_delay;
  case Session::Phase::tarpit:
  case Session::Phase::command:
  case Session::Phase::closed: // the connection has its own
    return timeouts.command;
  case Session::Phase::storage:
    return timeouts.storage;
  case Session::Phase::content:
    return timeouts.data_block;
  case Session::Phase::commit:
    return timeouts.commit;
  case Session::Phase::tls:
    return timeouts.handshake;
  }
  return timeouts.command;
}

SessionAdapter::Clock::duration SessionAdapter::content_time() const {
  return around_.timeouts.content_time(generation_->settings.content.size);
}

void SessionAdapter::put_off_timeout() {
  const auto now = Clock::now();
  auto deadline = now + patience();
  // Between the chunks of a message its time goes on. What is read only to be thrown away was never
  // begun, and has as much.
  if (session_.phase() == Session::Phase::content || content_) {
    if (!content_until_)
      content_until_ = now + content_time();
    deadline = std::min(deadline, *content_until_);
  } else {
    content_until_.reset();
  }
  if (session_.phase() == Session::Phase::command && !content_)
    deadline = std::min(deadline, std::max(now, session_until_));
  timer_.expire_at(deadline);
}

void SessionAdapter::timed_out() {
  const auto phase = session_.phase();
  if (phase == Session::Phase::connecting)
    session_.on_connect();
  else if (phase == Session::Phase::tarpit)
    session_.on_tarpit_over();
  else if (!output().empty())
    return connection_.abort("the client does not take its replies");
  else if (phase == Session::Phase::commit)
    return connection_.abort("the store does not answer");
  else
    session_.on_timeout();
  put_off_timeout();
  connection_.update();
}

} // namespace letterlock::smtpd
