// The A-label of a U-label: "bücher" is "xn--bcher-kva" (RFC 3492, RFC 5890 §2.3.2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace letterlock::mail {

// LABEL is a U-label: UTF-8, already normalised by whoever wrote it, as RFC 5890 has it. Nothing is
// mapped here, so a label that is none yields an A-label that no domain has. None if LABEL is not
// UTF-8 or the A-label would be longer than the 63 octets of a label (RFC 1035 §2.3.4).
std::optional<std::string> a_label(std::string_view label);

} // namespace letterlock::mail
