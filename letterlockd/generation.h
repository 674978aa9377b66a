// Generation: one configuration with everything that it names opened, ready to be handed out.
//
// The parent keeps the one in use, so that a child that is started again gets exactly what the
// others have, whatever stands in the files by then.
#pragma once

#include "common/base/error.h"
#include "common/base/unique_fd.h"
#include "common/conf/configuration.h"
#include "common/ipc/messages.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace letterlock::letterlockd {

struct OpenListener {
  ipc::ListenerKind kind{};
  conf::ListenAddress address;
  std::shared_ptr<const UniqueFd> socket; // shared with other generations that listen there too
};

struct OpenCertificate {
  conf::Certificate paths;
  UniqueFd certificate;
  UniqueFd key;
};

struct Generation {
  std::uint32_t number = 0;
  conf::Configuration configuration;
  std::vector<OpenListener> listeners;
  std::vector<OpenCertificate> certificates; // the first is the default
  UniqueFd passwords;
  std::vector<conf::NameServer> name_servers;                    // empty where nothing is looked up
  std::map<std::string, std::uint32_t, std::less<>> account_ids; // by name; queued assigns them

  std::uint32_t account_id(std::string_view name) const;
};

// Opens all that the configuration names. Listeners on addresses of `before`, which may be null,
// are taken over from it. An error leaves `before` as it was.
Expected<std::unique_ptr<Generation>>
open_generation(conf::Configuration configuration, std::uint32_t number, const Generation* before);

// What differs between the two and cannot change while the processes run, as an error that names
// the key; a reload is refused for it.
Expected<void> check_reloadable(const conf::Configuration& before,
                                const conf::Configuration& after);

} // namespace letterlock::letterlockd
