// Fuzzes the POP3 session: cuts do not show, output is bounded, only QUIT removes.
//
// The first octet chooses how the store answers and the settings, the second the length of a
// message whose octets follow; the rest is what the client sends.
#include "common/mail/wire_size.h"
#include "pop3d/session.h"
#include "tests/unit/pop3_driver.h"
#include "tests/unit/pop3_reference.h"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace letterlock::pop3d;
using letterlock::mail::wire_size;

namespace {

void require(bool holds) {
  if (!holds)
    std::abort();
}

void check_encoding(const std::string& stored) {
  require(reference_encoding(stored, {}).size() >= wire_size(stored) + 3);
  for (const Extent extent : {Extent{}, Extent{0}, Extent{2}}) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, stored.size() + 1}) {
      MessageEncoder encoder(extent);
      std::string out;
      bool more = true;
      for (std::size_t at = 0; more && at < stored.size(); at += piece)
        more = encoder.append(std::string_view(stored).substr(at, piece), out);
      encoder.finish(out);
      require(out == reference_encoding(stored, extent));
    }
  }
}

struct Outcome {
  std::string output;
  Asked asked;
};

Outcome drive(const Settings& settings, const FakeStore& store, std::string_view input,
              Driver::Pieces pieces) {
  Driver driver(settings, store, pieces);
  std::string output = driver.send(input);
  require(driver.most_output <= output_bound + 2 * content_chunk + 512);
  if (driver.asked.expunged)
    require(driver.asked.closed == CloseReason::quit && !driver.asked.expunged->empty());
  require(driver.asked.logins <= 1 + static_cast<int>(max_failed_logins));
  return {std::move(output), driver.asked};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2)
    return 0;
  const std::uint8_t choice = data[0];
  std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string stored(input.substr(0, data[1]));
  input.remove_prefix(stored.size());
  check_encoding(stored);

  const Settings settings{.hostname = "mx.example.com",
                          .tls_available = (choice & 1) != 0,
                          .tls_active = (choice & 2) != 0,
                          .login_allowed_without_tls = true};
  FakeStore store;
  store.messages = {{stored, "a", wire_size(stored)}, {"x\n", "b", 3}};
  store.login = static_cast<LoginResult>((choice >> 2) % 5 * ((choice >> 5) % 2));
  store.open = choice % 7 == 0 ? StoreResult::temporary : StoreResult::done;
  store.expunge = choice % 5 == 0 ? StoreResult::permanent : StoreResult::done;

  const Outcome expected = drive(settings, store, input, {});
  for (const std::size_t piece : {1u, 3u, 50u}) {
    const Outcome other = drive(settings, store, input, {piece, piece, piece});
    require(other.output == expected.output);
    require(other.asked.expunged == expected.asked.expunged);
    require(other.asked.closed == expected.asked.closed);
    require(other.asked.logins == expected.asked.logins);
  }
  return 0;
}
