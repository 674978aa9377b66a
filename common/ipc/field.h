// The types that a message's members may have, and how each is written, read, bounded and named.
//
// Everything that is derived from a declaration in messages.h comes from here: FieldCodec<T> has
//   write(out, value)   appends the encoding
//   read(reader)        none if the bytes are not an encoding of a T; consumes what it reads
//   max_size            the longest encoding in bytes
//   signature(hash)     mixes the type into the schema hash
// Numbers are little-endian; variable parts are preceded by a 16-bit count.
#pragma once

#include "common/base/byte_reader.h"
#include "common/base/id128.h"
#include "common/base/secret.h"
#include "common/base/text.h"

#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace letterlock::ipc {

using Buffer = std::vector<std::byte>;

// Blob<N>: a view of at most N bytes. To send, it borrows the sender's bytes for the duration of
// the call; a received one points into the link's buffer and is valid until the handler returns.
template <std::size_t N> class Blob {
public:
  static constexpr std::size_t capacity = N;
  Blob() = default;
  static std::optional<Blob> of(Bytes bytes) {
    if (bytes.size() > N)
      return std::nullopt;
    Blob blob;
    blob.bytes_ = bytes;
    return blob;
  }
  Bytes bytes() const { return bytes_; }

private:
  Bytes bytes_;
};

// List<T, N>: at most N values.
template <class T, std::size_t N> class List {
public:
  static constexpr std::size_t capacity = N;
  // False, and nothing added, when it is full.
  [[nodiscard]] bool push(T value) {
    if (values_.size() == N)
      return false;
    values_.push_back(std::move(value));
    return true;
  }
  bool full() const { return values_.size() == N; }
  const std::vector<T>& values() const { return values_; }

private:
  std::vector<T> values_;
};

// An enumeration whose enumerators are 0 to enumerator_count(E{}) - 1, found by ADL; a received
// value outside that range is refused.
template <class E>
concept CheckedEnum = std::is_enum_v<E> && requires(E e) {
  { enumerator_count(e) } -> std::same_as<std::size_t>;
};

// A struct that lists its members: static constexpr auto fields() returns a tuple of member
// pointers, in the order of declaration.
template <class T>
concept Record = std::is_class_v<T> && requires { T::fields(); };

constexpr std::uint64_t mix(std::uint64_t hash, std::string_view text) {
  for (const char c : text) // FNV-1a
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}
constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8)
    hash = (hash ^ (number >> shift & 0xff)) * 0x100000001b3u;
  return hash;
}

template <class T> struct FieldCodec;

inline void append(Buffer& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>)
struct FieldCodec<T> {
  static constexpr std::size_t max_size = sizeof(T);
  static void write(Buffer& out, T value) {
    std::uint64_t rest = value;
    for (std::size_t i = 0; i < sizeof(T); ++i, rest >>= 8)
      out.push_back(static_cast<std::byte>(rest & 0xff));
  }
  static std::optional<T> read(ByteReader& in) { return in.number<T>(); }
  static constexpr std::uint64_t signature(std::uint64_t hash) {
    return mix(mix(hash, "u"), sizeof(T));
  }
};

template <> struct FieldCodec<bool> {
  static constexpr std::size_t max_size = 1;
  static void write(Buffer& out, bool value) { out.push_back(std::byte{value}); }
  static std::optional<bool> read(ByteReader& in) {
    const auto byte = in.number<std::uint8_t>();
    if (!byte || *byte > 1)
      return std::nullopt;
    return *byte == 1;
  }
  static constexpr std::uint64_t signature(std::uint64_t hash) { return mix(hash, "bool"); }
};

template <CheckedEnum E> struct FieldCodec<E> {
  static constexpr std::size_t max_size = 1;
  static_assert(enumerator_count(E{}) > 0 && enumerator_count(E{}) <= 256);
  static void write(Buffer& out, E value) {
    out.push_back(static_cast<std::byte>(std::to_underlying(value)));
  }
  static std::optional<E> read(ByteReader& in) {
    const auto byte = in.number<std::uint8_t>();
    if (!byte || *byte >= enumerator_count(E{}))
      return std::nullopt;
    return static_cast<E>(*byte);
  }
  static constexpr std::uint64_t signature(std::uint64_t hash) {
    return mix(mix(hash, "enum"), enumerator_count(E{}));
  }
};

// The counted byte strings: Text, Secret and Blob.
inline void write_counted(Buffer& out, Bytes bytes) {
  FieldCodec<std::uint16_t>::write(out, static_cast<std::uint16_t>(bytes.size()));
  append(out, bytes);
}
inline std::optional<Bytes> read_counted(ByteReader& in) {
  const auto length = in.number<std::uint16_t>();
  if (!length)
    return std::nullopt;
  return in.take(*length);
}

template <std::size_t N> struct FieldCodec<Text<N>> {
  static constexpr std::size_t max_size = 2 + N;
  static void write(Buffer& out, const Text<N>& text) { write_counted(out, as_bytes(text.view())); }
  static std::optional<Text<N>> read(ByteReader& in) {
    const auto bytes = read_counted(in);
    if (!bytes)
      return std::nullopt;
    return Text<N>::from(as_text(*bytes));
  }
  static constexpr std::uint64_t signature(std::uint64_t hash) { return mix(mix(hash, "text"), N); }
};

template <std::size_t N> struct FieldCodec<Secret<N>> {
  static constexpr std::size_t max_size = 2 + N;
  static void write(Buffer& out, const Secret<N>& secret) {
    write_counted(out, as_bytes(secret.reveal()));
  }
  static std::optional<Secret<N>> read(ByteReader& in) {
    const auto bytes = read_counted(in);
    if (!bytes)
      return std::nullopt;
    return Secret<N>::from(as_text(*bytes));
  }
  static constexpr std::uint64_t signature(std::uint64_t hash) {
    return mix(mix(hash, "secret"), N);
  }
};

template <std::size_t N> struct FieldCodec<Blob<N>> {
  static_assert(N <= 65535);
  static constexpr std::size_t max_size = 2 + N;
  static void write(Buffer& out, const Blob<N>& blob) { write_counted(out, blob.bytes()); }
  static std::optional<Blob<N>> read(ByteReader& in) {
    const auto bytes = read_counted(in);
    if (!bytes)
      return std::nullopt;
    return Blob<N>::of(*bytes);
  }
  static constexpr std::uint64_t signature(std::uint64_t hash) { return mix(mix(hash, "blob"), N); }
};

// Fixed strings of octets: Id128 and digests.
template <class Octet, std::size_t N>
  requires(std::same_as<Octet, std::uint8_t> || std::same_as<Octet, std::byte>)
struct FieldCodec<std::array<Octet, N>> {
  static constexpr std::size_t max_size = N;
  static void write(Buffer& out, const std::array<Octet, N>& octets) {
    append(out, std::as_bytes(std::span(octets)));
  }
  static std::optional<std::array<Octet, N>> read(ByteReader& in) {
    const auto bytes = in.take(N);
    if (!bytes)
      return std::nullopt;
    std::array<Octet, N> octets;
    std::memcpy(octets.data(), bytes->data(), N);
    return octets;
  }
  static constexpr std::uint64_t signature(std::uint64_t hash) {
    return mix(mix(hash, "octets"), N);
  }
};

template <> struct FieldCodec<Id128> {
  using Octets = FieldCodec<std::array<std::uint8_t, 16>>;
  static constexpr std::size_t max_size = Octets::max_size;
  static void write(Buffer& out, const Id128& id) { Octets::write(out, id.bytes); }
  static std::optional<Id128> read(ByteReader& in) {
    const auto octets = Octets::read(in);
    if (!octets)
      return std::nullopt;
    return Id128{*octets};
  }
  static constexpr std::uint64_t signature(std::uint64_t hash) { return mix(hash, "id128"); }
};

template <class T, std::size_t N> struct FieldCodec<List<T, N>> {
  static_assert(N <= 65535);
  static constexpr std::size_t max_size = 2 + N * FieldCodec<T>::max_size;
  static void write(Buffer& out, const List<T, N>& list) {
    FieldCodec<std::uint16_t>::write(out, static_cast<std::uint16_t>(list.values().size()));
    for (const T& value : list.values())
      FieldCodec<T>::write(out, value);
  }
  static std::optional<List<T, N>> read(ByteReader& in) {
    const auto count = in.number<std::uint16_t>();
    if (!count || *count > N)
      return std::nullopt;
    List<T, N> list;
    for (std::size_t i = 0; i < *count; ++i) {
      auto value = FieldCodec<T>::read(in);
      if (!value || !list.push(std::move(*value)))
        return std::nullopt;
    }
    return list;
  }
  static constexpr std::uint64_t signature(std::uint64_t hash) {
    return FieldCodec<T>::signature(mix(mix(hash, "list"), N));
  }
};

// What may stand for any member while the members of an aggregate are counted.
struct AnyMember {
  template <class T> operator T() const;
};
template <class T, class... Members> consteval std::size_t member_count() {
  if constexpr (requires { T{Members{}..., AnyMember{}}; })
    return member_count<T, Members..., AnyMember>();
  else
    return sizeof...(Members);
}

template <Record R> struct FieldCodec<R> {
  static_assert(std::is_aggregate_v<R>);
  static_assert(member_count<R>() == std::tuple_size_v<decltype(R::fields())>,
                "fields() names every member");

  template <class M> using Member = std::remove_cvref_t<decltype(std::declval<R>().*M{})>;

  static constexpr std::size_t max_size = std::apply(
      [](auto... member) {
        return (FieldCodec<Member<decltype(member)>>::max_size + ... + std::size_t{0});
      },
      R::fields());

  static void write(Buffer& out, const R& record) {
    std::apply(
        [&](auto... member) {
          (FieldCodec<Member<decltype(member)>>::write(out, record.*member), ...);
        },
        R::fields());
  }

  static std::optional<R> read(ByteReader& in) {
    R record{};
    const bool whole = std::apply(
        [&](auto... member) { return (read_member(in, record, member) && ...); }, R::fields());
    if (!whole)
      return std::nullopt;
    return record;
  }

  static constexpr std::uint64_t signature(std::uint64_t hash) {
    hash = mix(hash, "{");
    std::apply(
        [&](auto... member) {
          ((hash = FieldCodec<Member<decltype(member)>>::signature(hash)), ...);
        },
        R::fields());
    return mix(hash, "}");
  }

private:
  template <class M> static bool read_member(ByteReader& in, R& record, M member) {
    auto value = FieldCodec<Member<M>>::read(in);
    if (!value)
      return false;
    record.*member = std::move(*value);
    return true;
  }
};

template <class T> inline constexpr bool is_secret = false;
template <std::size_t N> inline constexpr bool is_secret<Secret<N>> = true;

// Whether a member of the message is a Secret.
template <Record R>
inline constexpr bool holds_secret = std::apply(
    [](auto... member) {
      return (is_secret<std::remove_cvref_t<decltype(std::declval<R>().*member)>> || ...);
    },
    R::fields());

} // namespace letterlock::ipc
