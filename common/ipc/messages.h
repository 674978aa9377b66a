// Every message between two processes, declared once: its name, what descriptor travels with it,
// and its members. Encoder, decoder, size bound, schema hash, log name and generated tests follow
// from these declarations. Who may send what to whom stands in routes.h.
//
// A `session` names one connection of the asking process and comes back in the answer unchanged;
// a `transaction` is the random id under which a change of the store is known across a relink.
#pragma once

#include "common/base/type_list.h"
#include "common/ipc/messages/delivery.h"
#include "common/ipc/messages/log.h"
#include "common/ipc/messages/lookup.h"
#include "common/ipc/messages/maildrop.h"
#include "common/ipc/messages/settings.h"
#include "common/ipc/messages/signing.h"
#include "common/ipc/messages/start.h"

namespace letterlock::ipc {

// The number of a message type on the wire is its place in this list.
using Messages =
    TypeList<Start, Started, Failed, Peer, LinkLost, LogChannel, LogSource, ClientTable, Stop,
             BeginGeneration, Prepare, Prepared, Switch, Switched, Discard, Retire, Listener,
             Certificate, PrivateKey, SmtpSettings, AllowedNetwork, AllowedName, LocalDomain,
             BlockedAddress, AddressRoute, StoreSettings, Account, AccountId, Pop3Settings,
             LoginName, PasswordFile, NameServer, Begin, Recipient, Content, Commit, Committed,
             ScratchRequest, ScratchLeased, ScratchExtended, ScratchRefused, ScratchReturned,
             AccountRoom, Login, LoginAnswer, LoginGivenUp, Grant, GrantTaken, OpenMaildrop,
             MaildropOpened, ListMessages, MessageSizes, MessageUidls, OpenMessage, MessageContent,
             MessageOpened, MessageUnavailable, Expunge, Expunged, MaildropWanted, MaildropKept,
             CloseMaildrop, Sign, Signed, LookUpNames, NamesFound, LookUpAddresses, AddressesFound,
             LogLine, LogSettings, SyslogChannel, Serving>;

template <class M>
concept Message = contains<M, Messages>;

template <Message M> inline constexpr std::uint16_t type_number = index_of<M, Messages>;

} // namespace letterlock::ipc
