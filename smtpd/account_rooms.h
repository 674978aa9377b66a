// AccountRooms: what queued has said of accounts that have little room left in their quota.
//
// An account of which nothing was said takes any message; what does not fit after all is refused
// when it is committed, and for all its recipients: RFC 5321 has one reply for them. So that they
// get it at the next attempt, an account that a commit was too large for takes nothing of unknown
// size until it has more room.
#pragma once

#include "common/ipc/messages/delivery.h"
#include "smtpd/recipient_policy.h"

#include <cstdint>
#include <unordered_map>

namespace letterlock::smtpd {

class AccountRooms {
public:
  // For what queued puts before the content: Return-Path, Delivered-To and Received.
  static constexpr std::uint64_t most_fields = 4096;

  void learn(const ipc::AccountRoom& room) {
    if (room.limited)
      rooms_[room.account] = {room.bytes, room.refused};
    else
      rooms_.erase(room.account);
  }
  // On a fresh link: queued says all of it again.
  void forget() { rooms_.clear(); }

  // Whether a message of SIZE octets would fit; 0: its sender has not told.
  bool takes(AccountId account, std::uint64_t size) const {
    const auto found = rooms_.find(account);
    if (found == rooms_.end())
      return true;
    const Room& room = found->second;
    return room.bytes >= most_fields && room.bytes - most_fields >= size &&
           (size > 0 || !room.refused);
  }

private:
  struct Room {
    std::uint64_t bytes = 0;
    bool refused = false;
  };
  std::unordered_map<AccountId, Room> rooms_; // of accounts with little room
};

} // namespace letterlock::smtpd
