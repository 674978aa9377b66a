// Acceptor: connections are taken one by one, and without a descriptor for them they wait.
#include "common/io/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "tests/unit/check.h" // last

using namespace letterlock;
using namespace letterlock::io;

namespace {

// No more descriptors for this process while it lives.
class NoDescriptors {
public:
  NoDescriptors() {
    assert_int_equal(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    // The lowest number that is free; those below it are in use.
    const UniqueFd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(next.get());
    assert_int_equal(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

private:
  rlimit before_{};
};

struct Scene {
  Loop loop;
  sockaddr_in address{};
  std::vector<Accepted> accepted;
  std::vector<std::string> troubles;
  std::optional<Acceptor> acceptor;

  Scene() {
    UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    assert_int_equal(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    assert_int_equal(::listen(listener.get(), 16), 0);
    assert_int_equal(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size),
                     0);
    acceptor.emplace(
        loop, std::move(listener), [this](Accepted one) { accepted.push_back(std::move(one)); },
        [this](const std::string& why) { troubles.push_back(why); });
  }
  UniqueFd client() const {
    UniqueFd made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    assert_int_equal(
        ::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return made;
  }
  // Until something more is accepted or goes wrong.
  void run() {
    const std::size_t before = accepted.size() + troubles.size();
    bool late = false;
    Timer patience(loop, [&] { late = true; });
    patience.start(std::chrono::seconds(20));
    while (accepted.size() + troubles.size() == before && !late)
      loop.turn();
    assert_false(late);
  }
};

void a_client_is_taken_once_it_is_open(void**) {
  Scene scene;
  const UniqueFd client = scene.client();
  scene.acceptor->set_open(true);
  scene.run();
  assert_int_equal(scene.accepted.size(), 1);
  assert_text_equal(scene.accepted[0].peer_text, "127.0.0.1");
  assert_true((::fcntl(scene.accepted[0].socket.get(), F_GETFL) & O_NONBLOCK) != 0);
}

// One word of it for each pause, however long the client waits; then it is served.
void without_descriptors_clients_wait(void**) {
  Scene scene;
  const UniqueFd client = scene.client();
  scene.acceptor->set_open(true);
  {
    const NoDescriptors none;
    scene.run();
    assert_int_equal(scene.troubles.size(), 1);
    bool has_paused = false;
    Timer pause(scene.loop, [&] { has_paused = true; });
    pause.start(std::chrono::milliseconds(100));
    scene.run(); // it is tried again
    assert_true(has_paused);
    assert_int_equal(scene.troubles.size(), 2);
    assert_int_equal(scene.accepted.size(), 0);
  }
  scene.run();
  assert_int_equal(scene.troubles.size(), 2);
  assert_int_equal(scene.accepted.size(), 1);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_client_is_taken_once_it_is_open),
      cmocka_unit_test(without_descriptors_clients_wait),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
