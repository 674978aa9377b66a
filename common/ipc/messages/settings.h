// Messages that carry the configuration to the children, generation by generation.
#pragma once

#include "common/ipc/message_types.h"

namespace letterlock::ipc {

// What follows, up to Prepare, describes a new generation, whole.
struct BeginGeneration {
  static constexpr std::string_view name = "BeginGeneration";
  static constexpr Carries carries = Carries::nothing;
  std::uint32_t generation{};
  static constexpr auto fields() { return std::tuple(&BeginGeneration::generation); }
};

struct Prepare {
  static constexpr std::string_view name = "Prepare";
  static constexpr Carries carries = Carries::nothing;
  std::uint32_t generation{};
  static constexpr auto fields() { return std::tuple(&Prepare::generation); }
};

// `reason` is empty when the generation can be switched to.
struct Prepared {
  static constexpr std::string_view name = "Prepared";
  static constexpr Carries carries = Carries::nothing;
  std::uint32_t generation{};
  Reason refusal;
  static constexpr auto fields() { return std::tuple(&Prepared::generation, &Prepared::refusal); }
};

struct Switch {
  static constexpr std::string_view name = "Switch";
  static constexpr Carries carries = Carries::nothing;
  std::uint32_t generation{};
  static constexpr auto fields() { return std::tuple(&Switch::generation); }
};

struct Switched {
  static constexpr std::string_view name = "Switched";
  static constexpr Carries carries = Carries::nothing;
  std::uint32_t generation{};
  static constexpr auto fields() { return std::tuple(&Switched::generation); }
};

// A prepared generation that some process refused: forget it.
struct Discard {
  static constexpr std::string_view name = "Discard";
  static constexpr Carries carries = Carries::nothing;
  std::uint32_t generation{};
  static constexpr auto fields() { return std::tuple(&Discard::generation); }
};

// To keyd, when every process has switched: keys of generations before this one can go, once the
// handshakes that began with them are over.
struct Retire {
  static constexpr std::string_view name = "Retire";
  static constexpr Carries carries = Carries::nothing;
  std::uint32_t before{};
  static constexpr auto fields() { return std::tuple(&Retire::before); }
};

enum class ListenerKind : std::uint8_t { smtp, smtps, pop3, pop3s };
constexpr std::size_t enumerator_count(ListenerKind) {
  return 4;
}

struct Listener {
  static constexpr std::string_view name = "Listener";
  static constexpr Carries carries = Carries::listener;
  ListenerKind kind{};
  Text<64> address; // as configured, for logs
  static constexpr auto fields() { return std::tuple(&Listener::kind, &Listener::address); }
};

// A certificate chain in PEM. To keyd as well, which holds it against its key. Index 0 is the
// default; a key has the index of its certificate.
struct Certificate {
  static constexpr std::string_view name = "Certificate";
  static constexpr Carries carries = Carries::readable_file;
  std::uint16_t index{};
  Text<1024> path; // for messages to the administrator
  static constexpr auto fields() { return std::tuple(&Certificate::index, &Certificate::path); }
};

struct PrivateKey {
  static constexpr std::string_view name = "PrivateKey";
  static constexpr Carries carries = Carries::readable_file;
  std::uint16_t index{};
  Text<1024> path;
  static constexpr auto fields() { return std::tuple(&PrivateKey::index, &PrivateKey::path); }
};

// So many in a time; 0 of them: without a limit.
struct ClientRate {
  std::uint32_t count{};
  std::uint32_t period_ms{};
  static constexpr auto fields() { return std::tuple(&ClientRate::count, &ClientRate::period_ms); }
};

struct SmtpSettings {
  static constexpr std::string_view name = "SmtpSettings";
  static constexpr Carries carries = Carries::nothing;
  HostName hostname;
  std::uint64_t max_message_size{};
  std::uint32_t recipients{};
  std::uint32_t connections{}; // of this worker
  // Of one address, by all workers together.
  std::uint32_t connections_per_address{};
  ClientRate connection_rate;
  ClientRate message_rate;
  std::uint32_t lockout_ms{};        // 0: none
  std::uint32_t greeting_delay_ms{}; // likewise
  static constexpr auto fields() {
    return std::tuple(&SmtpSettings::hostname, &SmtpSettings::max_message_size,
                      &SmtpSettings::recipients, &SmtpSettings::connections,
                      &SmtpSettings::connections_per_address, &SmtpSettings::connection_rate,
                      &SmtpSettings::message_rate, &SmtpSettings::lockout_ms,
                      &SmtpSettings::greeting_delay_ms);
  }
};

// One of those that may connect; without any of these and of the names, everybody may.
struct AllowedNetwork {
  static constexpr std::string_view name = "AllowedNetwork";
  static constexpr Carries carries = Carries::nothing;
  Text<64> network; // "192.0.2.0/24"
  static constexpr auto fields() { return std::tuple(&AllowedNetwork::network); }
};

// The same by name: "mail.example.com", or ".example.com" for all below it.
struct AllowedName {
  static constexpr std::string_view name = "AllowedName";
  static constexpr Carries carries = Carries::nothing;
  Text<254> pattern;
  static constexpr auto fields() { return std::tuple(&AllowedName::pattern); }
};

// A domain that mail is taken for; in the order of the configuration.
struct LocalDomain {
  static constexpr std::string_view name = "LocalDomain";
  static constexpr Carries carries = Carries::nothing;
  HostName domain;
  bool has_catchall{};
  std::uint32_t catchall{}; // account id
  static constexpr auto fields() {
    return std::tuple(&LocalDomain::domain, &LocalDomain::has_catchall, &LocalDomain::catchall);
  }
};

struct BlockedAddress {
  static constexpr std::string_view name = "BlockedAddress";
  static constexpr Carries carries = Carries::nothing;
  AddressText address;
  static constexpr auto fields() { return std::tuple(&BlockedAddress::address); }
};

struct AddressRoute {
  static constexpr std::string_view name = "AddressRoute";
  static constexpr Carries carries = Carries::nothing;
  AddressText address;
  std::uint32_t account{};
  static constexpr auto fields() {
    return std::tuple(&AddressRoute::address, &AddressRoute::account);
  }
};

struct StoreSettings {
  static constexpr std::string_view name = "StoreSettings";
  static constexpr Carries carries = Carries::nothing;
  HostName hostname;
  std::uint64_t reserve{}; // bytes of the file system that are never given out
  std::uint64_t max_message_size{};
  std::uint32_t scratch_files{}; // that one smtpd may hold at once
  Id128 boot;                    // names the running of the kernel; zero: the system does not tell
  static constexpr auto fields() {
    return std::tuple(&StoreSettings::hostname, &StoreSettings::reserve,
                      &StoreSettings::max_message_size, &StoreSettings::scratch_files,
                      &StoreSettings::boot);
  }
};

// An account that must have a maildrop once queued has prepared the generation.
struct Account {
  static constexpr std::string_view name = "Account";
  static constexpr Carries carries = Carries::nothing;
  AccountName account;
  std::uint64_t quota{};     // bytes; 0: none
  std::uint64_t retention{}; // seconds; 0: for ever
  static constexpr auto fields() {
    return std::tuple(&Account::account, &Account::quota, &Account::retention);
  }
};

// queued's answer: the account's durable id, which everybody else uses.
struct AccountId {
  static constexpr std::string_view name = "AccountId";
  static constexpr Carries carries = Carries::nothing;
  std::uint32_t generation{};
  AccountName account;
  std::uint32_t id{};
  static constexpr auto fields() {
    return std::tuple(&AccountId::generation, &AccountId::account, &AccountId::id);
  }
};

struct Pop3Settings {
  static constexpr std::string_view name = "Pop3Settings";
  static constexpr Carries carries = Carries::nothing;
  HostName hostname;
  std::uint32_t connections{}; // of one worker
  std::uint32_t connections_per_address{};
  bool insecure_auth{};
  static constexpr auto fields() {
    return std::tuple(&Pop3Settings::hostname, &Pop3Settings::connections,
                      &Pop3Settings::connections_per_address, &Pop3Settings::insecure_auth);
  }
};

// A name under which an account logs in.
struct LoginName {
  static constexpr std::string_view name = "LoginName";
  static constexpr Carries carries = Carries::nothing;
  AddressText login;
  AccountName account; // whose line of the password file counts
  std::uint32_t account_id{};
  static constexpr auto fields() {
    return std::tuple(&LoginName::login, &LoginName::account, &LoginName::account_id);
  }
};

// One of those that resolvd asks; without any it asks nobody.
struct NameServer {
  static constexpr std::string_view name = "NameServer";
  static constexpr Carries carries = Carries::nothing;
  PeerText address;
  std::uint16_t port{};
  static constexpr auto fields() { return std::tuple(&NameServer::address, &NameServer::port); }
};

struct PasswordFile {
  static constexpr std::string_view name = "PasswordFile";
  static constexpr Carries carries = Carries::readable_file;
  static constexpr auto fields() { return std::tuple(); }
};

} // namespace letterlock::ipc
