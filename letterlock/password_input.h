// Reading a new password from a person or a pipe.
#pragma once

#include "common/base/error.h"
#include "common/conf/password_file.h"

#include <string_view>

namespace letterlock::command {

// The first line of a descriptor that is no terminal; the end of the file ends it too. Nothing
// behind the line is consumed.
Expected<conf::Password> read_password_line(int fd);

// The same from a terminal, with the prompt on it and without echo. A signal that ends or stops
// the program finds the terminal as it was; after a stop the prompt comes again.
Expected<conf::Password> ask_password(int terminal, std::string_view prompt);

// Twice, and both must be the same.
Expected<conf::Password> ask_new_password(int terminal, std::string_view account);

} // namespace letterlock::command
