// Values from the command line and the environment, which take the place of the file's.
//
// The file yields to the environment, the environment to the command line. What comes this way is
// read and checked like the file's own, and a message names its source.
#pragma once

#include "common/conf/document.h"

#include <string>
#include <vector>

namespace letterlock::conf {

struct Overrides {
  // Arguments of -o: "SECTION.KEY=VALUE", where SECTION is what stands in the brackets:
  // "server.hostname=mx.example.com", "domain example.com.catchall=no". A section that the file
  // does not have is added.
  std::vector<std::string> options;
  // "NAME=VALUE" as in environ(7). LETTERLOCK_SECTION_KEY, in capitals, sets a key of a section
  // without argument; every other name is left alone.
  std::vector<std::string> environment;
};

// The environment of this process; only names that begin with LETTERLOCK_.
std::vector<std::string> letterlock_environment();

// Errors: an option of another form, a control character, the same key twice from one source.
// Whether section and key exist is found out when the document is read.
Expected<void> apply(const Overrides& overrides, Document& document);

} // namespace letterlock::conf
