// Certificates of a generation, from files to a TlsServer.
#include "common/ipc/tls_certificates.h"

#include "common/base/read_file.h"
#include "common/io/certificate.h"

#include <utility>
#include <vector>

namespace letterlock::ipc {

namespace {

constexpr std::size_t max_chain_file = 1u << 20; // bytes; a chain has a few KiB

} // namespace

void TlsCertificates::add(const Certificate& certificate, UniqueFd file) {
  chains_.insert_or_assign(certificate.index, Chain{std::string(certificate.path.view()),
                                                    read_file(file.get(), max_chain_file)});
}

Expected<std::optional<io::TlsServer>> TlsCertificates::make_server() const {
  if (chains_.empty())
    return std::nullopt;
  std::vector<io::CertificateChain> pems;
  std::string paths;
  for (const auto& [index, chain] : chains_) {
    if (!chain.pem)
      return fail(chain.path + ": " + chain.pem.error().text);
    // Here the path is known; libtls names no certificate.
    if (const auto readable = io::Certificate::parse(*chain.pem); !readable)
      return fail(chain.path + ": " + readable.error().text);
    pems.push_back({*chain.pem});
    paths += (paths.empty() ? "" : ", ") + chain.path;
  }
  auto server = io::TlsServer::make(pems);
  if (server)
    return std::move(*server);
  // What is left is in the certificates behind the first of a file: try each file alone.
  for (const auto& [index, chain] : chains_) {
    const io::CertificateChain alone{*chain.pem};
    if (const auto tried = io::TlsServer::make({&alone, 1}); !tried)
      return fail(chain.path + ": " + tried.error().text);
  }
  return fail(paths + ": " + server.error().text);
}

} // namespace letterlock::ipc
