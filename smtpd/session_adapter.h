// SessionAdapter: one client's connection: ties a Session to its socket, its content and queued.
//
// Input is left in the kernel while the session waits for an answer, while its content waits for
// room, and while the client does not take its replies.
#pragma once

#include "common/base/client_limits.h"
#include "common/base/id128.h"
#include "common/io/acceptor.h"
#include "common/io/connection.h"
#include "common/io/refusal_notice.h"
#include "smtpd/content_memory.h"
#include "smtpd/context.h"
#include "smtpd/delivery_queue.h"
#include "smtpd/generation.h"
#include "smtpd/idle_timer.h"
#include "smtpd/session.h"
#include "smtpd/timeouts.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace letterlock::smtpd {

// What all sessions of the process share; it outlives them.
struct SessionSurroundings {
  Context& context;
  DeliveryQueue& deliveries;
  ContentMemory& memory;
  const Timeouts& timeouts;
  Id128Source& ids;
  io::RefusalNotice& recipient_notice; // of whoever is turned away by RCPT
};

class SessionAdapter final : private SessionRequests,
                             private RecipientPolicy,
                             private io::ConnectionHandler {
public:
  // Above this, in octets, nothing more is read from a client that does not read its replies.
  static constexpr std::size_t unsent_max = 64 * 1024;

  // Greets the client: with `tls_first` after a handshake, and after the greeting's delay if there
  // is one. NAME is the client's where its access depended on it. `ended` is called once, from the
  // loop, when the connection is gone; the adapter may be destroyed in it.
  SessionAdapter(const SessionSurroundings& surroundings,
                 std::shared_ptr<const Generation> generation, io::Accepted accepted,
                 bool tls_first, ClientLimits::Visit visit, std::optional<ipc::HostName> name,
                 std::function<void()> ended);
  ~SessionAdapter() override = default;

  void reload(std::shared_ptr<const Generation> generation);
  // 421 as soon as no message is in the air.
  void shut_down();
  // 421 at once, unless a message is with queued.
  void shut_down_now();

private:
  using Clock = IdleTimer::Clock;

  // SessionRequests
  void send(std::string_view replies) override;
  void start_tls() override;
  bool admit_message() override;
  void offence() override;
  std::expected<StorageStart, StorageFault> begin_content(std::uint64_t declared_size) override;
  std::expected<void, StorageFault> append_content(Bytes content) override;
  void abort_content() override { content_.reset(); }
  Stamp stamp() override;
  void commit_content(Commit commit) override;
  void close() override { connection_.finish(); }

  // RecipientPolicy: the generation's, then the room of the account; with a line in the log for
  // whoever is turned away.
  std::expected<Recipient, RecipientRefusal> judge(const mail::ForwardPath& path,
                                                   std::uint64_t size) const override;
  std::optional<AccountId> account_of(const mail::Mailbox& address) const override {
    return generation_->recipients.account_of(address);
  }

  // io::ConnectionHandler
  std::size_t input(Bytes bytes) override;
  bool wants_input() const override;
  std::string_view output() const override;
  void sent(std::size_t count) override;
  void tls_established(const io::TlsStream& stream) override;
  void closed(std::string_view why) override;

  std::shared_ptr<const SessionSettings> settings() const;
  std::shared_ptr<const RecipientPolicy> recipients() const;
  void greet();
  void content_changed();
  void committed(ipc::CommitOutcome outcome);
  void put_off_timeout();
  Clock::duration patience() const;
  Clock::duration content_time() const;
  void timed_out();

  SessionSurroundings around_;
  std::shared_ptr<const Generation> generation_;
  const IpAddress address_;
  const std::string peer_;
  ClientLimits::Visit visit_;
  const std::optional<ipc::HostName> name_;
  std::function<void()> ended_;
  io::Connection connection_;
  IdleTimer timer_;
  Session session_;

  const Clock::time_point session_until_;
  std::string replies_; // for the client; the first replies_sent_ octets are gone
  std::size_t replies_sent_ = 0;
  std::string tls_version_;

  std::unique_ptr<ContentSpool> content_;
  std::optional<Clock::time_point> content_until_; // when all of it must be here
  std::uint64_t received_ = 0;                     // the last stamp's, in seconds since 1970
  std::optional<Id128> committing_;

  // For the log.
  std::uint32_t accepted_ = 0;
  std::uint32_t not_accepted_ = 0;
  mutable std::uint32_t recipients_refused_ = 0;
};

} // namespace letterlock::smtpd
