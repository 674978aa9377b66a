// Writes replies.
#include "smtpd/reply.h"

namespace letterlock::smtpd {

namespace {

void append_words(std::string& out, const Reply& reply, std::string_view hostname) {
  out += std::to_string(reply.code);
  for (const auto word : {reply.enhanced, hostname, reply.text})
    if (!word.empty())
      (out += ' ') += word;
  out += "\r\n";
}

} // namespace

void append_reply(std::string& out, const Reply& reply) {
  append_words(out, reply, {});
}

void append_reply(std::string& out, const Reply& reply, std::string_view hostname) {
  append_words(out, reply, hostname);
}

} // namespace letterlock::smtpd
