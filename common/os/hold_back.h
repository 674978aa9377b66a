// The end of what is said over TCP, in one segment with what was said last.
#pragma once

namespace letterlock::os {

// From now on only full segments leave by this TCP socket at once; the rest waits for shutdown(2)
// or, for a moment, for more. To be called before the last words: what follows them to the end of
// the connection (TLS's close_notify, TCP's FIN) then costs no segment of its own. Where it cannot
// be had everything leaves at once.
void hold_back_last_segment(int fd);

} // namespace letterlock::os
