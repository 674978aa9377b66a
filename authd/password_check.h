// The check of a password against its verifier.
#pragma once

#include "common/conf/password_file.h"

namespace letterlock::authd {

// Takes as long as the verifier's cost says, whatever the outcome; any thread may call it. A
// password with more octets than bcrypt looks at is never right.
bool password_matches(std::string_view password, const conf::Verifier& verifier);

// A verifier that no password is known for, of that cost: hashed for unknown users, so that they
// take as long as known ones. Throws std::runtime_error if the system's crypt(3) has no bcrypt.
conf::Verifier make_dummy_verifier(unsigned cost);

// The cost of a verifier: log2 of the number of rounds.
unsigned cost_of(const conf::Verifier& verifier);

} // namespace letterlock::authd
