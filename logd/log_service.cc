// Taking lines and writing them.
#include "logd/log_service.h"

#include "logd/log_record.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace letterlock::logd {

namespace {

constexpr int lines_a_turn = 64;
constexpr int lines_at_end = 100'000; // more than a channel's buffer holds

} // namespace

void LogService::on(const ipc::LogSource& source, UniqueFd channel) {
  const auto key = std::pair(source.role, source.instance);
  if (const auto old = sources_.find(key); old != sources_.end()) {
    // The last words of the process that ended.
    read(old->second, lines_at_end);
    sources_.erase(old);
  }
  Source& added =
      sources_.emplace(key, Source{source.role, source.instance, std::move(channel), nullptr})
          .first->second;
  added.watch = std::make_unique<io::FdWatch>(context_.loop, added.channel.get(),
                                              [this, &added] { read(added, lines_a_turn); });
  added.watch->want_read(true);
}

void LogService::read(Source& source, int most) {
  std::array<std::byte, ipc::frame_header_size + ipc::FieldCodec<ipc::LogLine>::max_size> buffer;
  for (int i = 0; i < most; ++i) {
    const ssize_t count = ::recv(source.channel.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0)
      return;
    if (count == 0) // the process has ended; the parent gives its successor a channel of its own
      return source.watch ? source.watch->want_read(false) : void();
    // A record is one frame. A process that sends something else loses that line.
    ByteReader reader(Bytes(buffer).first(static_cast<std::size_t>(count)));
    const auto header = ipc::FieldCodec<ipc::FrameHeader>::read(reader);
    if (!header || header->type != ipc::type_number<ipc::LogLine> ||
        header->length != reader.left())
      continue;
    if (const auto line = ipc::read_payload<ipc::LogLine>(*reader.take(header->length)))
      write(source, *line);
  }
}

void LogService::write(const Source& source, const ipc::LogLine& line) {
  const std::string record =
      format_record(std::chrono::system_clock::now(), source.role, source.instance, line);
  if (settings_.to_stderr) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, record.data(), record.size());
    return;
  }
  file_.append(record);
  if (syslog_) {
    const std::string text = format_syslog(source.role, source.instance, line);
    // When syslogd does not keep up or is gone, the file has the line all the same.
    ::send(syslog_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
}

void LogService::stop(std::chrono::milliseconds) {
  for (auto& [key, source] : sources_)
    read(source, lines_at_end);
  context_.finished();
}

} // namespace letterlock::logd
