// The calls of libunbound's event interface.
#include "resolvd/resolver.h"

#include "common/ipc/messages/lookup.h"

#include <unbound-event.h>
#include <unbound.h>

#include <algorithm>
#include <utility>

namespace letterlock::resolvd {

namespace {

// Connections at once, for answers that do not fit into a datagram; what is beyond waits.
constexpr std::uint32_t most_by_tcp = 64;

struct Option {
  const char* name;
  const char* value;
};

constexpr Option options[] = {
    // Forwarding alone: the servers that are configured validate, or nobody does.
    {"module-config:", "iterator"},
    // A server on this host is as good as another.
    {"do-not-query-localhost:", "no"},
    // Answers for private networks come from the servers too, and not from tables of the library.
    {"unblock-lan-zones:", "yes"},
    {"msg-cache-size:", "4m"},
    {"rrset-cache-size:", "8m"},
};

// More such tables. What else there is may stay: names that no server is to be asked for.
constexpr const char* own_zones[] = {
    "127.in-addr.arpa.",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
    "home.arpa.",
    "test.",
};

Expected<void> checked(int result, const std::string& what) {
  if (result != 0)
    return fail("libunbound: " + what + ": " + ub_strerror(result));
  return {};
}

Expected<void> set_up(ub_ctx* context, const std::vector<Server>& servers) {
  // Its lines would have names of strangers in them.
  ub_ctx_debugout(context, nullptr);
  for (const auto& [name, value] : options)
    if (auto set = checked(ub_ctx_set_option(context, name, value), name); !set)
      return set;
  const std::string at_once = std::to_string(ipc::most_questions_at_once),
                    by_tcp = std::to_string(most_by_tcp);
  for (const auto& [name, value] : {Option{"outgoing-range:", at_once.c_str()},
                                    Option{"num-queries-per-thread:", at_once.c_str()},
                                    Option{"outgoing-num-tcp:", by_tcp.c_str()}})
    if (auto set = checked(ub_ctx_set_option(context, name, value), name); !set)
      return set;
  for (const Server& server : servers) {
    const std::string text = server.address.text() + '@' + std::to_string(server.port);
    if (auto set = checked(ub_ctx_set_fwd(context, text.c_str()), text); !set)
      return set;
  }
  for (const char* const zone : own_zones)
    if (auto removed = checked(ub_ctx_zone_remove(context, zone), zone); !removed)
      return removed;
  return {};
}

} // namespace

void Resolver::ContextDeleter::operator()(ub_ctx* context) const {
  ub_ctx_delete(context);
}

Expected<Resolver::Context> Resolver::make_context() const {
  Context context(ub_ctx_create_event(loop_.base()));
  if (!context)
    return fail("libunbound cannot be used with this event loop");
  if (auto done = set_up(context.get(), servers_); !done)
    return std::unexpected(done.error());
  return context;
}

Expected<std::unique_ptr<Resolver>> Resolver::make(io::Loop& loop,
                                                   const std::vector<Server>& servers) {
  std::unique_ptr<Resolver> resolver(new Resolver(loop, servers));
  auto context = resolver->make_context();
  if (!context)
    return std::unexpected(context.error());
  resolver->context_ = std::move(*context);
  resolver->made_at_ = Clock::now();
  return resolver;
}

Resolver::~Resolver() {
  closing_ = true;
  context_.reset();
  while (!questions_.empty())
    finish(questions_.begin()->first, {});
}

void Resolver::ask(const std::string& name, RecordType type, Done done) {
  if (questions_.size() >= ipc::most_questions_at_once)
    return done({});
  const std::uint64_t number = ++last_number_;
  const auto [place, is_new] =
      questions_.emplace(number, std::make_unique<Question>(Question{
                                     *this, number, name, type, std::move(done), Clock::now()}));
  pass_on(*place->second);
}

void Resolver::pass_on(Question& question) {
  constexpr int internet = 1;
  if (!context_) {
    auto made = make_context();
    if (!made)
      return finish(question.number, {});
    context_ = std::move(*made);
    made_at_ = Clock::now();
    was_slow_ = false;
  }
  if (ub_resolve_event(context_.get(), question.name.c_str(), static_cast<int>(question.type),
                       internet, &question, answered, nullptr) != 0)
    finish(question.number, {});
}

// With a code that is not 0 there is no answer, and the message is a buffer with something else in
// it. "No such name" is an answer, and its code is 0.
void Resolver::answered(void* question, int code, void* message, int size, int, char*, int) {
  auto& asked = *static_cast<Question*>(question);
  if (asked.resolver.closing_)
    return;
  asked.resolver.was_slow_ = asked.resolver.was_slow_ || asked.resolver.has_waited(asked);
  if (code != 0 || message == nullptr || size <= 0)
    return asked.resolver.failed(asked);
  asked.resolver.finish(asked.number,
                        {static_cast<const std::byte*>(message), static_cast<std::size_t>(size)});
}

bool Resolver::has_waited(const Question& question) const {
  return Clock::now() - question.asked_at >= before_trusted;
}

void Resolver::failed(Question& question) {
  const auto is_slow = [this](const auto& open) { return has_waited(*open.second); };
  const bool is_own = !question.again && !has_waited(question) &&
                      (was_slow_ || std::any_of(questions_.begin(), questions_.end(), is_slow));
  if (!is_own || Clock::now() - made_at_ < before_renewal)
    return finish(question.number, {});
  renewal_.schedule();
}

void Resolver::renew() {
  closing_ = true;
  context_.reset();
  closing_ = false;
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, question] : questions_)
    numbers.push_back(number);
  for (const std::uint64_t number : numbers) {
    const auto found = questions_.find(number);
    if (found == questions_.end())
      continue;
    found->second->again = true;
    pass_on(*found->second);
  }
}

void Resolver::finish(std::uint64_t number, Bytes message) {
  const auto found = questions_.find(number);
  if (found == questions_.end())
    return;
  const auto question = std::move(found->second);
  questions_.erase(found);
  question->done(message);
}

} // namespace letterlock::resolvd
