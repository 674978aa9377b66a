// Changing the passwords file on disk: all of the change or none, and one writer at a time.
#pragma once

#include "common/base/error.h"
#include "common/conf/password_file.h"

#include <string>

namespace letterlock::command {

// Sets the account's verifier. A missing file is made; its directory must be there. The new file
// is written beside the old one as PATH.new with mode 0600 and the owner of the old one, synced,
// renamed over it, and the directory synced: on return the change survives a power cut. A second
// writer waits. A file that cannot be read as a passwords file is an error and stays as it is, and
// so does one that somebody else could have written.
Expected<void> store_password(const std::string& path, const conf::AccountName& account,
                              const conf::Verifier& verifier);

} // namespace letterlock::command
