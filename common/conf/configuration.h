// Configuration: everything that the administrator decides, checked; what is in it can be used
// without another look.
//
// Plain values with no tie to the file, so that an old and a new one can be compared and held side
// by side during a reload. letterlock.conf(5) says what each means to the administrator.
#pragma once

#include "common/base/rate.h"
#include "common/conf/allow_list.h"
#include "common/conf/listen_address.h"
#include "common/conf/names.h"
#include "common/conf/resolvers.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::conf {

enum class SandboxMode : std::uint8_t {
  full,        // a wall that cannot be set up is a failed start
  best_effort, // it is logged
};

struct Server {
  DomainName hostname;
  Path state_dir;
  Path log_dir;
  Path passwords;
  std::optional<std::uint16_t> workers; // none: one a core
  // Empty: the service is not offered.
  std::vector<ListenAddress> smtp_listen;
  std::vector<ListenAddress> smtps_listen;
  std::vector<ListenAddress> pop3_listen;
  std::vector<ListenAddress> pop3s_listen;
  std::uint64_t max_message_size = 0; // bytes
  std::vector<NameServer> resolvers;  // empty: those of the system
  bool insecure_auth = false;         // only with every pop3_listen on loopback
  SandboxMode sandbox = SandboxMode::full;
};

struct Certificate {
  Path certificate; // PEM, the server's own first, then the chain
  Path key;         // PEM
};

struct Account {
  AccountName name;
  std::uint64_t quota = 0;     // bytes that its maildrop may hold; 0: as many as there is room for
  std::uint64_t retention = 0; // seconds after which its messages are removed; 0: never
};

struct Domain {
  DomainName name;
  std::optional<AccountName> catchall;    // none: local parts without a route are unknown
  std::vector<LocalPart> blocked;         // unknown whatever the catch-all; sorted
  std::optional<Certificate> certificate; // served to clients that ask for this name
};

// An address that goes to another account than its domain's catch-all.
struct Route {
  Address address;
  AccountName account;
};

// Who may connect to port 25, and how strangers are received.
struct Access {
  AllowList allow;                             // empty: everybody
  std::chrono::milliseconds greeting_delay{0}; // 0: none
  std::chrono::milliseconds lockout{0};        // likewise
};

struct Limits {
  std::uint32_t connections = 0;             // open sessions of one service
  std::uint32_t connections_per_address = 0; // of them
  std::optional<Rate> connection_rate;       // of one address; none: without a limit
  std::optional<Rate> message_rate;          // likewise
  std::uint32_t recipients = 0;              // of one message
  std::uint64_t reserve = 0;                 // bytes of the file system that are left free
};

struct Configuration {
  Server server;
  std::optional<Certificate> tls;
  std::vector<Account> accounts; // at least one, in the order of the file
  std::vector<Domain> domains;   // likewise
  std::vector<Route> routes;
  Access access;
  Limits limits;

  // Null if there is none of that name. Names are compared as they are parsed: folded.
  const Account* account(std::string_view name) const;
  const Domain* domain(std::string_view name) const;
};

// A name that a client may log in with.
struct Login {
  std::string name;
  AccountName account;
};

// For each account its name, and "mailbox@DOMAIN" for each domain whose catch-all it is. No name
// occurs twice.
std::vector<Login> logins(const Configuration& configuration);

// Several lines for a person: what is served, where and for whom.
std::string summary(const Configuration& configuration);

} // namespace letterlock::conf
