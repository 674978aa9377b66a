// MaildropLink: the end of the link to one pop3d. It opens maildrops for grants, lists them, hands
// out messages by descriptor and removes them.
#pragma once

#include "common/ipc/child_process.h"
#include "queued/expunge_ledger.h"
#include "queued/grant_table.h"
#include "queued/store/store.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

namespace letterlock::queued {

using Context = ipc::ChildContext<Role::queued>;

class MaildropLink : public std::enable_shared_from_this<MaildropLink> {
public:
  MaildropLink(Context& context, MessageStore& store, GrantTable& grants, ExpungeLedger& ledger,
               const ipc::Peer& peer, UniqueFd socket);

  void on(const ipc::OpenMaildrop& open);
  void on(const ipc::OpenMessage& open);
  void on(const ipc::Expunge& expunge);
  void on(const ipc::CloseMaildrop& close);

private:
  // From OpenMaildrop to CloseMaildrop; its end releases the maildrop.
  struct Session {
    std::shared_ptr<Maildrop> maildrop; // none while it is being opened
    std::size_t listed = 0;             // entries that were sent
    std::vector<std::size_t> to_remove;
    bool opening_message = false; // one at a time: POP3 has one command at a time
  };

  void opened(std::uint64_t session, ReadResult<std::shared_ptr<Maildrop>> result);
  // Sends listings as far as the link has room.
  void list();
  void message_opened(std::uint64_t session, std::uint32_t index, ReadResult<OpenedMessage> result);
  void remove(std::uint64_t id, Session& session, const Id128& transaction);

  Context& context_;
  MessageStore& store_;
  GrantTable& grants_;
  ExpungeLedger& ledger_;
  const std::uint16_t instance_;
  std::unordered_map<std::uint64_t, Session> sessions_;
  std::deque<std::uint64_t> listing_; // sessions whose listing is not complete
  ipc::Link<Role::queued, Role::pop3d> link_;
};

} // namespace letterlock::queued
