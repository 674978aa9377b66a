// The one table of who may send what to whom.
//
// Link<Self, Peer> is typed by it: sending what the table does not list does not compile, nor does
// a receiver without a handler for what it does list. The parent makes the links from it, and
// `letterlockd --routes` prints it.
#pragma once

#include "common/base/role.h"
#include "common/ipc/messages.h"

#include <cstdint>

namespace letterlock::ipc {

template <Role From, Role To, class... Lists> struct Route {
  static constexpr Role from = From;
  static constexpr Role to = To;
  using Messages = concat<Lists...>;
};

// What each child hears from the parent, and may say to it.
using ToChild = TypeList<Start, Peer, Stop, BeginGeneration, Prepare, Switch, Discard>;
using FromChild = TypeList<Started, Failed, LinkLost, Prepared, Switched>;

// clang-format off
using Routes = TypeList<
    Route<Role::letterlockd, Role::smtpd, ToChild,
          TypeList<LogChannel, ClientTable, Listener, Certificate, SmtpSettings, AllowedNetwork, AllowedName,
                   LocalDomain, BlockedAddress, AddressRoute>>,
    Route<Role::letterlockd, Role::pop3d, ToChild,
          TypeList<LogChannel, ClientTable, Listener, Certificate, Pop3Settings>>,
    Route<Role::letterlockd, Role::queued, ToChild,
          TypeList<LogChannel, StoreSettings, Account>>,
    Route<Role::letterlockd, Role::authd, ToChild,
          TypeList<LogChannel, LoginName, PasswordFile>>,
    Route<Role::letterlockd, Role::keyd, ToChild,
          TypeList<LogChannel, Certificate, PrivateKey, Retire>>,
    Route<Role::letterlockd, Role::resolvd, ToChild,
          TypeList<LogChannel, NameServer>>,
    Route<Role::letterlockd, Role::logd, ToChild,
          TypeList<LogSource, LogSettings, SyslogChannel>>,

    Route<Role::smtpd,  Role::letterlockd, FromChild>,
    Route<Role::pop3d,  Role::letterlockd, FromChild>,
    Route<Role::queued, Role::letterlockd, FromChild, TypeList<AccountId>>,
    Route<Role::authd,  Role::letterlockd, FromChild>,
    Route<Role::keyd,   Role::letterlockd, FromChild>,
    Route<Role::resolvd, Role::letterlockd, FromChild>,
    Route<Role::logd,   Role::letterlockd, FromChild>,

    Route<Role::smtpd,  Role::queued,
          TypeList<Begin, Recipient, Content, Commit, ScratchRequest, ScratchReturned>>,
    Route<Role::queued, Role::smtpd,
          TypeList<Serving, Committed, ScratchLeased, ScratchExtended, ScratchRefused, AccountRoom>>,

    Route<Role::pop3d,  Role::authd,  TypeList<Login, LoginGivenUp>>,
    Route<Role::authd,  Role::pop3d,  TypeList<LoginAnswer>>,
    Route<Role::authd,  Role::queued, TypeList<Grant>>,
    Route<Role::queued, Role::authd,  TypeList<GrantTaken>>,
    Route<Role::pop3d,  Role::queued,
          TypeList<OpenMaildrop, ListMessages, OpenMessage, Expunge, MaildropKept, CloseMaildrop>>,
    Route<Role::queued, Role::pop3d,
          TypeList<MaildropOpened, MessageSizes, MessageUidls, MessageContent, MessageOpened,
                   MessageUnavailable, Expunged, MaildropWanted>>,

    Route<Role::smtpd, Role::keyd, TypeList<Sign>>,
    Route<Role::keyd, Role::smtpd, TypeList<Signed>>,
    Route<Role::pop3d, Role::keyd, TypeList<Sign>>,
    Route<Role::keyd, Role::pop3d, TypeList<Signed>>,

    Route<Role::smtpd,   Role::resolvd, TypeList<LookUpNames, LookUpAddresses>>,
    Route<Role::resolvd, Role::smtpd,   TypeList<NamesFound, AddressesFound>>>;
// clang-format on

// Every process but logd itself has a log channel: a socket of its own that keeps records apart, no
// link.

template <Role From, Role To, class List> struct RouteOf;
template <Role From, Role To> struct RouteOf<From, To, TypeList<>> {
  using type = TypeList<>;
};
template <Role From, Role To, class First, class... Rest>
struct RouteOf<From, To, TypeList<First, Rest...>>
    : std::conditional_t<First::from == From && First::to == To,
                         std::type_identity<typename First::Messages>,
                         RouteOf<From, To, TypeList<Rest...>>> {};

// What From may send to To; empty where they have no link.
template <Role From, Role To> using route = typename RouteOf<From, To, Routes>::type;

template <Role From, Role To, class M>
concept Routed = contains<M, route<From, To>>;

// Whether the two are tied by a link, in whichever direction.
constexpr bool are_linked(Role a, Role b) {
  bool linked = false;
  for_each_type(Routes{}, [&](auto r) {
    using R = typename decltype(r)::type;
    linked = linked || (R::from == a && R::to == b) || (R::from == b && R::to == a);
  });
  return linked;
}

// A hash of all declarations and routes: two programs that agree on it understand each other.
consteval std::uint64_t compute_schema_hash() {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for_each_type(Messages{}, [&](auto m) {
    using M = typename decltype(m)::type;
    hash =
        FieldCodec<M>::signature(mix(mix(hash, M::name), static_cast<std::uint64_t>(M::carries)));
  });
  for_each_type(Routes{}, [&](auto r) {
    using R = typename decltype(r)::type;
    hash = mix(mix(hash, role_name(R::from)), role_name(R::to));
    for_each_type(typename R::Messages{}, [&](auto m) {
      hash = mix(hash, std::uint64_t{type_number<typename decltype(m)::type>});
    });
  });
  return hash;
}
inline constexpr std::uint64_t schema_hash = compute_schema_hash();

} // namespace letterlock::ipc
