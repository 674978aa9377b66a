// A configuration file in inih's format as a Document. The only place that names inih.
#pragma once

#include "common/conf/document.h"

#include <string>
#include <string_view>

namespace letterlock::conf {

// FILE is the name for messages. The first line with a fault is the error; nothing is known yet of
// which sections and keys there are.
Expected<Document> parse_ini(const std::string& text, std::string_view file);

} // namespace letterlock::conf
