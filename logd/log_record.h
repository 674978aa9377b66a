// How a line of the log looks. Pure: the time is passed in.
//
// Whatever a process has sent, the line is UTF-8 without control characters: C0, C1, those that
// separate lines and those that reorder text. Each is a '?', and so is an octet that is no UTF-8.
#pragma once

#include "common/ipc/messages/log.h"

#include <chrono>
#include <string>

namespace letterlock::logd {

// "2026-11-21T22:40:05.123Z smtpd[0] warning EVENT key=value…" with a line end. Lines that were
// dropped before it are told of in a line of their own in front.
std::string format_record(std::chrono::system_clock::time_point at, Role role,
                          std::uint16_t instance, const ipc::LogLine& line);

// The same for syslogd, which adds the time: "<PRI>letterlock/smtpd[0]: EVENT key=value…" in
// facility mail (RFC 3164 §4.1.1).
std::string format_syslog(Role role, std::uint16_t instance, const ipc::LogLine& line);

} // namespace letterlock::logd
