// Resolver: asks name servers through libunbound, in the loop; the only place that names it.
//
// It forwards and keeps a cache, and neither follows referrals itself nor validates signatures
// (docs/architecture.md). It makes UDP and TCP sockets when a question needs one, and not before.
#pragma once

#include "common/base/byte_reader.h"
#include "common/base/error.h"
#include "common/base/ip_address.h"
#include "common/io/loop.h"
#include "resolvd/dns_answer.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

struct ub_ctx;

namespace letterlock::resolvd {

struct Server {
  IpAddress address;
  std::uint16_t port = 0;

  friend bool operator==(const Server&, const Server&) = default;
};

class Resolver {
public:
  // A message of the DNS that answers the question; empty if none could be had. Good for the call.
  using Done = std::function<void(Bytes message)>;

  // libunbound asks a server less and less that does not answer, and in the end fails at once. The
  // names may be to blame and not the server: whoever has a dead reverse zone could bring that
  // about, and keep others out. So where a question has waited longer than this, a failure that
  // comes sooner makes all of what libunbound has learned go, with the cache, unless that is
  // younger than the second; and what is open is asked again. Where none has, the server itself has
  // said that it cannot tell.
  static constexpr std::chrono::milliseconds before_trusted{1000};
  static constexpr std::chrono::milliseconds before_renewal{5000};

  // LOOP outlives it. SERVERS are not empty.
  static Expected<std::unique_ptr<Resolver>> make(io::Loop& loop,
                                                  const std::vector<Server>& servers);
  // What is unanswered is answered with nothing, from inside.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `done` is called once, perhaps from inside: what is known already needs no server. It must not
  // destroy the resolver.
  void ask(const std::string& name, RecordType type, Done done);

private:
  using Clock = std::chrono::steady_clock;

  // libunbound hands its address back; it lives until then, or as long as the resolver.
  struct Question {
    Resolver& resolver;
    std::uint64_t number;
    std::string name;
    RecordType type;
    Done done;
    Clock::time_point asked_at;
    bool again = false;
  };
  struct ContextDeleter {
    void operator()(ub_ctx* context) const;
  };

  using Context = std::unique_ptr<ub_ctx, ContextDeleter>;

  Resolver(io::Loop& loop, const std::vector<Server>& servers)
      : loop_(loop), servers_(servers), renewal_(loop, [this] { renew(); }) {}
  Expected<Context> make_context() const;
  static void answered(void* question, int code, void* message, int size, int security,
                       char* why_bogus, int was_ratelimited);
  bool has_waited(const Question& question) const;
  void failed(Question& question);
  void renew();
  void pass_on(Question& question);
  void finish(std::uint64_t number, Bytes message);

  io::Loop& loop_;
  const std::vector<Server> servers_;
  io::Deferred renewal_; // not from inside libunbound
  bool closing_ = false; // the context, whose answers do not count any more
  Clock::time_point made_at_;
  bool was_slow_ = false; // a question of this context has waited long for its end
  std::unordered_map<std::uint64_t, std::unique_ptr<Question>> questions_;
  std::uint64_t last_number_ = 0;
  Context context_;
};

} // namespace letterlock::resolvd
