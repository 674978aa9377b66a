// From the document to the configuration: every section and key against the schema, then the
// checks that look at several of them.
#pragma once

#include "common/conf/configuration.h"
#include "common/conf/document.h"

namespace letterlock::conf {

// The first fault is the error, in the order of the document; faults between sections come after
// those within. One line: "ORIGIN: [section] key: what is wrong; what would be right".
Expected<Configuration> read_document(const Document& document);

// The second half, in cross_checks.cc: what no section can tell by itself. The document is for the
// places that messages name.
Expected<void> cross_check(const Configuration& configuration, const Document& document);

} // namespace letterlock::conf
