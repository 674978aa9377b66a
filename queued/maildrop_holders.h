// MaildropHolders: which session has which maildrop, and who waits for one that is taken.
//
// A session has its maildrop alone (RFC 1939 §4). When another one asks for it, the holder is asked
// whether it gives way, and the newcomer waits for the answer; a third is turned away meanwhile.
// Pure: it knows the two sides by what it is to call.
#pragma once

#include "queued/message_store.h"

#include <functional>
#include <unordered_map>

namespace letterlock::queued {

class MaildropHolders {
public:
  // The maildrop is held from now on; ASK is called when somebody else wants it.
  void hold(AccountId account, std::function<void()> ask);

  bool is_held(AccountId account) const { return entries_.contains(account); }

  // Somebody wants it. ANSWER is called later, once: with true when it was released. False, and
  // nothing is called, if nobody is known to hold it, or somebody waits already.
  bool want(AccountId account, std::function<void(bool released)> answer);
  // Who waits does not want it any more.
  void give_up(AccountId account);

  // The holder's answers. An answer that nobody waits for is ignored.
  void keep(AccountId account);
  void release(AccountId account);

private:
  struct Entry {
    std::function<void()> ask;
    std::function<void(bool)> waiting; // empty: nobody
  };
  std::unordered_map<AccountId, Entry> entries_;
};

} // namespace letterlock::queued
