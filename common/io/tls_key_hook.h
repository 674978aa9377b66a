// The hook that makes TLS handshakes ask another process for their signatures.
//
// A process that holds a certificate but not its key (TlsServer loads it so) would fail at the
// signature of every handshake. The hook replaces libcrypto's default way of making RSA and ECDSA
// signatures: for a key whose private part is absent it names the key and asks the operator. A key
// that is whole, as those of keyd, is used as if there were no hook. Nothing is ever decrypted.
//
// Process-wide, because libcrypto's defaults are; for one thread.
#pragma once

#include "common/io/private_key_operation.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace letterlock::io {

// Makes the signature, or none: then that handshake fails, and nothing else. It is called inside
// TlsStream::handshake() and holds up the whole process until it returns, so it must give up after
// 250 ms. It must not throw, and must not call into the stream that is being handshaken.
using PrivateKeyOperator =
    std::function<std::optional<std::vector<std::byte>>(const PrivateKeyOperation&)>;

// Replaces the operator; an empty one refuses everything, as it is at first.
void set_private_key_operator(PrivateKeyOperator replacement);

// Installs the hook. It holds only for keys that libcrypto reads afterwards, so TlsServer::make()
// calls it itself; may be called again. False if memory is short.
bool install_private_key_hook();

} // namespace letterlock::io
