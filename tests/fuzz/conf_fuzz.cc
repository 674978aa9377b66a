// Fuzz target: the configuration and the passwords file, whatever their bytes are.
#include "common/conf/configuration_file.h"
#include "common/conf/password_file.h"

#include <cstdlib>
#include <string>

using namespace letterlock;

namespace {

void require(bool condition) {
  if (!condition)
    std::abort();
}

bool is_one_line(const std::string& text) {
  return !text.empty() && text.find('\n') == std::string::npos;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);

  // As the file, and as an option and a variable beside a file that is good.
  const auto configuration = conf::parse(text, "f", {});
  if (configuration)
    require(!configuration->domains.empty() && !conf::summary(*configuration).empty());
  else
    require(is_one_line(configuration.error().text));
  const std::string good = "[server]\nhostname = mx.example.com\n[account main]\n"
                           "[domain example.com]\ncatchall = main\n";
  for (const conf::Overrides& overrides :
       {conf::Overrides{{text}, {}}, conf::Overrides{{}, {"LETTERLOCK_SERVER_" + text}}})
    if (const auto overridden = conf::parse(good, "f", overrides); !overridden)
      require(is_one_line(overridden.error().text));

  // Setting a password keeps the file readable, and the number of its entries right.
  const auto entries = conf::parse_password_file(text, "f");
  if (!entries) {
    require(is_one_line(entries.error().text));
    return 0;
  }
  const auto verifier = conf::parse_verifier("$2b$12$" + std::string(53, 'x'));
  const auto after = conf::parse_password_file(conf::with_password(text, "main", *verifier), "f");
  require(after && after->size() >= entries->size() && after->size() <= entries->size() + 1);
  return 0;
}
