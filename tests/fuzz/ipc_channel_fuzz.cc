// The stream of frames on a link: whatever a peer writes, and in what pieces, the same frames are
// handed over in the same order, and the same breach ends it.
//
// The first octet chooses whether the octets are frames as they are, or what frames are made of:
// for each the type and the length of its payload, so that headers, flags and sequence are right up
// to the place where the input wants them wrong.
#include "common/ipc/channel.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace letterlock;
using namespace letterlock::ipc;
using fuzz::require;

namespace {

struct Outcome {
  std::string frames; // type, length and payload of each
  std::string why;    // it was broken
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

struct Pair {
  UniqueFd here, there;
  Pair() {
    int fds[2];
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    here = UniqueFd(fds[0]);
    there = UniqueFd(fds[1]);
  }
};

// With a descriptor, one of a regular file that is open for reading only, if it is one of READABLE.
void write_piece(int socket, std::string_view piece, const UniqueFd* descriptor) {
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int))]{};
  iovec part = {.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor != nullptr) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = descriptor->get();
    std::copy_n(reinterpret_cast<const std::byte*>(&fd), sizeof fd,
                reinterpret_cast<std::byte*>(CMSG_DATA(c)));
  }
  require(::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(piece.size()));
}

// DESCRIPTOR, if there is one, comes with the first octet.
Outcome read(std::string_view stream, fuzz::Cuts cuts, const UniqueFd* descriptor) {
  Pair pair;
  Channel channel(std::move(pair.here));
  Outcome outcome;
  const auto take = [&](Frame frame) {
    require(frame.type < Messages::size && frame.payload.size() <= payload_max);
    require(static_cast<bool>(frame.descriptor) ==
            (carries_of_type(frame.type) != Carries::nothing));
    outcome.frames += std::to_string(frame.type) + ':' + std::to_string(frame.payload.size()) + ':';
    outcome.frames += as_text(frame.payload);
    return name_of_type(frame.type) != "Stop"; // as if it were not routed
  };
  bool first = true;
  while (!stream.empty()) {
    const std::string_view piece = cuts.take(stream);
    if (piece.empty())
      continue;
    write_piece(pair.there.get(), piece, std::exchange(first, false) ? descriptor : nullptr);
    Channel::Received received;
    do
      received = channel.receive(take);
    while (received == Channel::Received::more);
    require(received != Channel::Received::closed);
    if (received == Channel::Received::broken) {
      require(!channel.why().empty());
      outcome.why = channel.why();
      return outcome;
    }
  }
  pair.there.reset();
  require(channel.receive(take) != Channel::Received::all);
  return outcome;
}

// A frame's header and payload as INPUT has it: type, whether something about it is wrong, length.
void append_frame(std::string& stream, fuzz::Input& input, std::uint64_t sequence) {
  FrameHeader header;
  header.type = static_cast<std::uint16_t>(input.under(Messages::size + 1));
  const std::uint8_t wrong = input.octet();
  const std::string_view payload = input.counted_text();
  header.flags = carries_of_type(header.type) == Carries::nothing ? 0 : flag_descriptor;
  header.length = static_cast<std::uint32_t>(payload.size());
  header.sequence = sequence;
  if (wrong == 1)
    header.flags ^= 1;
  if (wrong == 2)
    ++header.sequence;
  if (wrong == 3)
    header.length += payload_max;
  Buffer bytes;
  FieldCodec<FrameHeader>::write(bytes, header);
  stream += as_text(bytes);
  stream += payload;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  std::string_view all(reinterpret_cast<const char*>(data), size);
  const fuzz::Cuts cuts = fuzz::take_cuts(all);
  fuzz::Input input(all);
  const std::uint8_t choice = input.octet();
  std::string stream;
  if (choice % 2 == 0)
    stream = input.rest();
  else
    for (std::uint64_t sequence = 0; !input.at_end(); ++sequence)
      append_frame(stream, input, sequence);
  const UniqueFd* const descriptor = choice % 4 >= 2 && file ? &file : nullptr;
  const Outcome whole = read(stream, fuzz::Cuts(), descriptor),
                pieces = read(stream, cuts, descriptor);
  fuzz::Input first(stream);
  if (descriptor == nullptr || carries_of_type(first.number<std::uint16_t>()) != Carries::nothing) {
    require(pieces == whole);
    return 0;
  }
  // One that comes with a frame of another type is too many. That shows as soon as that frame has
  // been read alone; when it comes with others, the next one that carries one has it.
  require(whole.frames.starts_with(pieces.frames) || pieces.frames.starts_with(whole.frames));
  return 0;
}
