// QueueService: the store and who may do what with it: smtpd puts messages in, pop3d reads what
// authd has granted.
#pragma once

#include "queued/delivery_link.h"
#include "queued/maildrop_link.h"

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace letterlock::queued {

class QueueService {
public:
  explicit QueueService(Context& context) : context_(context) {}

  void on(const ipc::StoreSettings& settings) { next_settings_ = settings; }
  void on(const ipc::Account& account) { next_accounts_.push_back(account); }

  void begin_generation(std::uint32_t generation);
  // Opens the store if it is not open yet, and makes sure of the accounts' maildrops.
  void prepare();
  void switch_generation();
  void discard_generation() {}
  void connect(const ipc::Peer& peer, UniqueFd socket);
  // The others have ended before, so nothing new comes; the store commits what it has taken.
  void stop(std::chrono::milliseconds);

  // From authd.
  void on(const ipc::Grant& grant);

private:
  Expected<void> open_store();
  void log(const StoreReport& report);
  void accounts_resolved(std::uint32_t generation, const Expected<std::vector<AccountId>>& ids);
  void room_changed(const AccountRoom& room);
  // What smtpd is to know of an account's room.
  ipc::AccountRoom room_message(std::uint32_t account) const;
  void tell_rooms(DeliveryLink& link) const;

  Context& context_;
  std::uint32_t generation_ = 0;
  DeliveryLink::Bounds bounds_;
  ipc::StoreSettings next_settings_;
  std::vector<ipc::Account> next_accounts_;
  std::vector<AccountRules> next_rules_; // of the generation that is prepared
  bool has_switched_ = false;
  std::map<std::uint32_t, AccountRoom> rooms_; // of accounts with a quota
  GrantTable grants_;
  ExpungeLedger ledger_;
  MaildropHolders holders_;
  std::unique_ptr<MessageStore> store_;
  std::unique_ptr<io::FdWatch> completions_;
  std::uint64_t last_borrower_ = 0;
  bool takes_peers_ = false; // the store is open and knows the accounts
  // Peers that came before.
  std::vector<std::pair<ipc::Peer, UniqueFd>> waiting_;
  std::map<std::uint16_t, std::shared_ptr<DeliveryLink>> smtpd_;
  std::map<std::uint16_t, std::shared_ptr<MaildropLink>> pop3d_;
  std::unique_ptr<ipc::Link<Role::queued, Role::authd>> authd_;
};

} // namespace letterlock::queued
