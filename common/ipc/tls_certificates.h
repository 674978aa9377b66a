// TlsCertificates: takes the certificates of a generation from the parent and makes a TlsServer of
// them.
#pragma once

#include "common/base/unique_fd.h"
#include "common/io/tls_server.h"
#include "common/ipc/messages/settings.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace letterlock::ipc {

class TlsCertificates {
public:
  // A new generation begins.
  void clear() { chains_.clear(); }
  // Reads the file now, so that however many there are, none keeps a descriptor. What is wrong with
  // it is told by make_server(). One with the same index takes the place of the one before.
  void add(const Certificate& certificate, UniqueFd file);

  // None if there are no certificates. Fails with the path of the file that cannot be used, and
  // why. The certificate with the lowest index is the default. Call clear() when the result is
  // there: a TlsServer needs none of this any more.
  Expected<std::optional<io::TlsServer>> make_server() const;

private:
  struct Chain {
    std::string path;
    Expected<std::string> pem;
  };
  std::map<std::uint16_t, Chain> chains_; // by index
};

} // namespace letterlock::ipc
