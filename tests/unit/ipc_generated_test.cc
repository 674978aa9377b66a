// For every message type, by a loop over the list: round trip, every truncation, one extra byte,
// longest values, wrong descriptor count, random bytes.
#include "common/ipc/link.h"
#include "common/ipc/routes.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <random>
#include <string>

using namespace letterlock;
using namespace letterlock::ipc;

namespace {

// Where generated Blobs point; they are views.
std::array<std::byte, 65536> blob_bytes;

// How values are made up: by chance, or all as long and as large as they can be.
struct Maker {
  std::mt19937_64 random{20261121};
  bool longest = false;

  std::size_t size(std::size_t max) { return longest ? max : random() % (max + 1); }

  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  void make(T& value) {
    value = longest ? static_cast<T>(~T{}) : static_cast<T>(random());
  }
  void make(bool& value) { value = longest || random() % 2 == 1; }
  template <CheckedEnum E> void make(E& value) {
    const std::size_t count = enumerator_count(E{});
    value = static_cast<E>(longest ? count - 1 : random() % count);
  }
  std::string text(std::size_t max) {
    std::string s(size(max), 'x');
    for (char& c : s)
      c = static_cast<char>(' ' + random() % 95);
    return s;
  }
  template <std::size_t N> void make(Text<N>& value) { value = *Text<N>::from(text(N)); }
  template <std::size_t N> void make(Secret<N>& value) { value = *Secret<N>::from(text(N)); }
  template <std::size_t N> void make(Blob<N>& value) {
    for (std::byte& b : blob_bytes)
      b = static_cast<std::byte>(random());
    value = *Blob<N>::of(Bytes(blob_bytes).first(size(N)));
  }
  template <class Octet, std::size_t N> void make(std::array<Octet, N>& value) {
    for (Octet& octet : value)
      octet = static_cast<Octet>(random());
  }
  void make(Id128& value) { make(value.bytes); }
  template <class T, std::size_t N> void make(List<T, N>& value) {
    for (std::size_t i = size(N); i > 0; --i) {
      T item{};
      make(item);
      assert_true(value.push(std::move(item)));
    }
  }
  template <Record R> void make(R& record) {
    std::apply([&](auto... member) { (make(record.*member), ...); }, R::fields());
  }
};

template <Message M> Buffer encode(const M& message) {
  Buffer out;
  FieldCodec<M>::write(out, message);
  return out;
}

template <class Visit> void for_each_message(Visit&& visit) {
  for_each_type(Messages{},
                [&](auto m) { visit.template operator()<typename decltype(m)::type>(); });
}

void every_message_round_trips(void**) {
  Maker maker;
  for_each_message([&]<Message M>() {
    for (int i = 0; i < 20; ++i) {
      M message{};
      maker.make(message);
      const Buffer bytes = encode(message);
      const auto back = read_payload<M>(bytes);
      assert_true(back.has_value());
      assert_true(encode(*back) == bytes);
    }
  });
}

void every_truncation_is_refused(void**) {
  Maker maker;
  for_each_message([&]<Message M>() {
    M message{};
    maker.make(message);
    const Buffer bytes = encode(message);
    for (std::size_t length = 0; length < bytes.size(); ++length)
      assert_false(read_payload<M>(Bytes(bytes).first(length)).has_value());
  });
}

void one_extra_byte_is_refused(void**) {
  Maker maker;
  for_each_message([&]<Message M>() {
    M message{};
    maker.make(message);
    Buffer bytes = encode(message);
    bytes.push_back(std::byte{0});
    assert_false(read_payload<M>(bytes).has_value());
  });
}

void longest_values_reach_the_bound_and_no_further(void**) {
  Maker maker;
  maker.longest = true;
  for_each_message([&]<Message M>() {
    M message{};
    maker.make(message);
    const Buffer bytes = encode(message);
    assert_int_equal(bytes.size(), FieldCodec<M>::max_size);
    assert_true(read_payload<M>(bytes).has_value());
  });
}

void random_bytes_never_decode_to_something_else(void**) {
  std::mt19937_64 random(1121);
  for_each_message([&]<Message M>() {
    for (int i = 0; i < 300; ++i) {
      Buffer bytes(random() % (std::min<std::size_t>(FieldCodec<M>::max_size, 600) + 4));
      for (std::byte& b : bytes)
        b = static_cast<std::byte>(random() % (i % 2 == 0 ? 256 : 3));
      if (const auto message = read_payload<M>(bytes))
        assert_true(encode(*message) == bytes);
    }
  });
}

struct Pair {
  UniqueFd here, there;
  Pair() {
    int fds[2];
    assert_int_equal(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    here = UniqueFd(fds[0]);
    there = UniqueFd(fds[1]);
  }
};

void write_with_descriptors(int socket, const Buffer& frame, std::size_t count) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  alignas(cmsghdr) std::byte control[CMSG_SPACE(2 * sizeof(int))]{};
  iovec part = {.iov_base = const_cast<std::byte*>(frame.data()), .iov_len = frame.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* const c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(count * sizeof(int));
    const int fds[2] = {null.get(), null.get()};
    std::copy_n(reinterpret_cast<const std::byte*>(fds), count * sizeof(int),
                reinterpret_cast<std::byte*>(CMSG_DATA(c)));
  }
  assert_int_equal(::sendmsg(socket, &message, 0), static_cast<ssize_t>(frame.size()));
}

void wrong_descriptor_count_breaks_the_channel(void**) {
  Maker maker;
  for_each_message([&]<Message M>() {
    M message{};
    Buffer frame;
    write_frame(frame, message, 0);
    constexpr std::size_t right = M::carries == Carries::nothing ? 0 : 1;
    for (std::size_t count = 0; count <= 2; ++count) {
      if (count == right && right == 0)
        continue;
      // /dev/null is of no kind that a message carries, so even the right count is refused.
      Pair pair;
      Channel channel(std::move(pair.here));
      write_with_descriptors(pair.there.get(), frame, count);
      bool wrong_was_used = false;
      const auto received = channel.receive([&](Frame f) {
        wrong_was_used = wrong_was_used || f.descriptor;
        return true;
      });
      assert_int_equal(received, Channel::Received::broken);
      assert_false(wrong_was_used);
    }
  });
}

void random_frames_never_do_more_than_break_the_channel(void**) {
  std::mt19937_64 random(4711);
  for (int round = 0; round < 500; ++round) {
    Pair pair;
    Channel channel(std::move(pair.here));
    Buffer bytes;
    if (round % 2 == 0)
      write_frame(bytes, Stop{1}, 0);
    for (std::size_t i = random() % 200; i > 0; --i)
      bytes.push_back(static_cast<std::byte>(random() % (round % 3 == 0 ? 4 : 256)));
    if (bytes.empty())
      continue;
    write_with_descriptors(pair.there.get(), bytes, random() % 2);
    channel.receive([](Frame frame) { return name_of_type(frame.type) != "?"; });
  }
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_message_round_trips),
      cmocka_unit_test(every_truncation_is_refused),
      cmocka_unit_test(one_extra_byte_is_refused),
      cmocka_unit_test(longest_values_reach_the_bound_and_no_further),
      cmocka_unit_test(random_bytes_never_decode_to_something_else),
      cmocka_unit_test(wrong_descriptor_count_breaks_the_channel),
      cmocka_unit_test(random_frames_never_do_more_than_break_the_channel),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
