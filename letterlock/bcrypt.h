// Making of password verifiers.
#pragma once

#include "common/base/error.h"
#include "common/conf/password_file.h"

namespace letterlock::command {

inline constexpr unsigned bcrypt_cost = 12; // 2^12 rounds, about 0.2 s

// A verifier of the password with a fresh salt. Fails if the system's crypt has no bcrypt or the
// kernel no random bytes.
Expected<conf::Verifier> make_verifier(const conf::Password& password, unsigned cost = bcrypt_cost);

} // namespace letterlock::command
