// MaildropLink: the end of the link to one pop3d. It opens maildrops for grants, lists them, hands
// out messages and removes them.
//
// A short message goes as its content if that is in memory: the loop never waits for the disk. Any
// other goes as a descriptor.
#pragma once

#include "common/ipc/child_process.h"
#include "queued/expunge_ledger.h"
#include "queued/grant_table.h"
#include "queued/maildrop_holders.h"
#include "queued/message_store.h"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace letterlock::queued {

using Context = ipc::ChildContext<Role::queued>;

class MaildropLink : public std::enable_shared_from_this<MaildropLink> {
public:
  MaildropLink(Context& context, MessageStore& store, GrantTable& grants, ExpungeLedger& ledger,
               MaildropHolders& holders, const ipc::Peer& peer, UniqueFd socket);
  MaildropLink(const MaildropLink&) = delete;
  MaildropLink& operator=(const MaildropLink&) = delete;
  ~MaildropLink();

  void on(const ipc::OpenMaildrop& open);
  void on(const ipc::ListMessages& list);
  void on(const ipc::OpenMessage& open);
  void on(const ipc::Expunge& expunge);
  void on(const ipc::MaildropKept& kept);
  void on(const ipc::CloseMaildrop& close);

private:
  // From OpenMaildrop to CloseMaildrop; its end releases the maildrop.
  struct Session {
    AccountId account{};
    bool holds = false;                 // or waits for another one that does
    std::shared_ptr<Maildrop> maildrop; // none before it is open
    std::vector<std::size_t> to_remove;
    unsigned opening = 0; // messages that were asked for
  };

  // Takes the maildrop, if it is free.
  bool try_to_hold(std::uint64_t id, Session& session);
  ipc::MaildropOutcome why_not(AccountId account) const;
  void given_way(std::uint64_t session, bool released);
  void opened(std::uint64_t session, ReadResult<std::shared_ptr<Maildrop>> result);
  void refuse(std::uint64_t session, ipc::MaildropOutcome outcome);
  void end(std::uint64_t session);
  void message_opened(std::uint64_t session, std::uint32_t index, ReadResult<OpenedMessage> result);
  void send_message(std::uint64_t session, std::uint32_t index, std::uint64_t wire_size,
                    OpenedMessage message);
  void remove(std::uint64_t id, Session& session, const Id128& transaction);

  Context& context_;
  MessageStore& store_;
  GrantTable& grants_;
  ExpungeLedger& ledger_;
  MaildropHolders& holders_;
  const std::uint16_t instance_;
  std::unordered_map<std::uint64_t, Session> sessions_;
  ipc::Link<Role::queued, Role::pop3d> link_;
};

} // namespace letterlock::queued
