// The frame around a message on a link: a fixed header, then the payload.
//
//   0      2      4          8                16
//   | type | flags| length   | sequence       | payload: `length` bytes ...
//
// Numbers are little-endian. Flag 1: a descriptor travels with the frame. The sequence counts the
// frames of one direction from 0. A frame that breaks any rule costs the link.
#pragma once

#include "common/ipc/messages.h"

#include <cstdint>
#include <optional>

namespace letterlock::ipc {

inline constexpr std::size_t frame_header_size = 16;
inline constexpr std::size_t payload_max = 16384;
inline constexpr std::uint16_t flag_descriptor = 1;

struct FrameHeader {
  std::uint16_t type{};
  std::uint16_t flags{};
  std::uint32_t length{};
  std::uint64_t sequence{};
  static constexpr auto fields() {
    return std::tuple(&FrameHeader::type, &FrameHeader::flags, &FrameHeader::length,
                      &FrameHeader::sequence);
  }
};
static_assert(FieldCodec<FrameHeader>::max_size == frame_header_size);

// What travels with messages of the type; `nothing` for a number that is no type.
Carries carries_of_type(std::uint16_t type);
// For logs; "?" for a number that is no type.
std::string_view name_of_type(std::uint16_t type);

// Appends the whole frame. The payload's size is bounded by the type.
template <Message M> void write_frame(Buffer& out, const M& message, std::uint64_t sequence) {
  static_assert(FieldCodec<M>::max_size <= payload_max);
  constexpr std::uint16_t flags = M::carries == Carries::nothing ? 0 : flag_descriptor;
  const std::size_t start = out.size();
  FieldCodec<FrameHeader>::write(out, {type_number<M>, flags, 0, sequence});
  FieldCodec<M>::write(out, message);
  auto length = static_cast<std::uint32_t>(out.size() - start - frame_header_size);
  for (std::size_t i = start + 4; i < start + 8; ++i, length >>= 8)
    out[i] = static_cast<std::byte>(length & 0xff);
}

// The message that the payload encodes, consumed whole; none if it is not exactly that.
template <Message M> std::optional<M> read_payload(Bytes payload) {
  ByteReader reader(payload);
  auto message = FieldCodec<M>::read(reader);
  if (!message || !reader.at_end())
    return std::nullopt;
  return message;
}

} // namespace letterlock::ipc
