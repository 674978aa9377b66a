// libcrypto's objects with owners, its start-up, and its errors as ours.
//
// What must be linked is libcrypto alone; LibreSSL's and OpenSSL's both do.
#pragma once

#include "common/base/error.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string_view>

namespace letterlock::io {

template <auto Free> struct CryptoFree {
  template <class T> void operator()(T* object) const { Free(object); }
};

using BioPtr = std::unique_ptr<BIO, CryptoFree<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, CryptoFree<X509_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, CryptoFree<GENERAL_NAMES_free>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, CryptoFree<EVP_PKEY_free>>;
using PkeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, CryptoFree<EVP_PKEY_CTX_free>>;

// Everything that libcrypto does once, so that nothing is left to do inside the sandbox: it must be
// called before the sandbox and before any other function of libcrypto, in every process that links
// it. openssl.cnf is not read, now or later (a file of the administrator could load modules into
// every process), the generator of random numbers is seeded, the time zone is read (gmtime(3),
// which comparing dates needs, opens /etc/localtime when it is first called). May be called again.
Expected<void> crypto_library_init();

// "WHAT: the reason", from the oldest error that libcrypto has noted on this thread. Clears them
// all, so that none is taken for the reason of something later.
std::unexpected<Error> fail_crypto(std::string_view what);

} // namespace letterlock::io
