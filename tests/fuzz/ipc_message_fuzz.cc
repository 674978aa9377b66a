// Payloads between processes: what is read as a message is written as the same bytes, and whoever
// reads them as that message's type reads nothing else.
//
// The first line names the type, or chooses one anyhow. Texts in a row (packed_texts.h) have their
// turn with each.
#include "common/ipc/frame.h"
#include "common/ipc/packed_texts.h"
#include "tests/fuzz/fuzz.h"

using namespace letterlock;
using namespace letterlock::ipc;
using fuzz::require;

namespace {

template <Message M> void check(Bytes payload) {
  const auto message = read_payload<M>(payload);
  if (!message)
    return;
  require(payload.size() <= FieldCodec<M>::max_size);
  Buffer frame;
  write_frame(frame, *message, 7);
  ByteReader reader(frame);
  const auto header = FieldCodec<FrameHeader>::read(reader);
  require(header && header->type == type_number<M> && header->length == payload.size());
  require(header->sequence == 7 && carries_of_type(header->type) == M::carries);
  require(as_text(*reader.take(reader.left())) == as_text(payload));
  // Neither more nor less of them is the same message.
  Buffer longer(payload.begin(), payload.end());
  longer.push_back(std::byte{0});
  require(!read_payload<M>(longer));
  if (!payload.empty())
    require(!read_payload<M>(payload.first(payload.size() - 1)));
}

void check_texts(Bytes packed) {
  const auto texts = unpack_texts(packed);
  if (!texts)
    return;
  constexpr std::size_t room = 1000;
  TextPacker<room> packer;
  std::size_t octets = 0;
  for (const std::string_view text : *texts) {
    const bool fits = octets + 1 + text.size() <= room;
    require(packer.push(text) == fits);
    octets += fits ? 1 + text.size() : 0;
  }
  const auto blob = packer.blob();
  require(blob.bytes().size() == octets && unpack_texts(blob.bytes()).has_value());
  if (packed.size() <= room)
    require(as_text(blob.bytes()) == as_text(packed));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string_view name = input.line();
  const Bytes payload = as_bytes(input.rest());
  std::size_t type = 0;
  for (const char c : name)
    type = (type + static_cast<unsigned char>(c)) % Messages::size;
  for_each_type(Messages{}, [&](auto m) {
    using M = typename decltype(m)::type;
    if (M::name == name)
      type = type_number<M>;
  });
  for_each_type(Messages{}, [&](auto m) {
    using M = typename decltype(m)::type;
    if (type_number<M> == type)
      check<M>(payload);
  });
  check_texts(payload);
  return 0;
}
