// The configuration, whatever its bytes are: inih and the strict pass agree about each line; what
// is understood and written again is the same document; a fault is one line that says where.
//
// As the file, and as an option and a variable beside a file that is good.
#include "common/conf/configuration_file.h"
#include "common/conf/ini.h"
#include "tests/fuzz/fuzz.h"

using namespace letterlock;
using fuzz::require;

namespace {

void check_fault(const Error& error) {
  require(!error.text.empty() && error.text.find('\n') == error.text.npos);
  // It takes an inih that this program does not know.
  require(!error.text.starts_with("f: inih "));
}

std::string written(const conf::Document& document) {
  std::string text;
  for (const conf::Section& section : document.sections) {
    text += section.heading() + '\n';
    for (const conf::Setting& setting : section.settings)
      text += setting.key + " = " + setting.value + '\n';
  }
  return text;
}

bool is_same(const conf::Section& a, const conf::Section& b) {
  return a.heading() == b.heading() &&
         std::equal(a.settings.begin(), a.settings.end(), b.settings.begin(), b.settings.end(),
                    [](const conf::Setting& x, const conf::Setting& y) {
                      return x.key == y.key && x.value == y.value;
                    });
}

void check_document(const std::string& text) {
  const auto document = conf::parse_ini(text, "f");
  if (!document)
    return check_fault(document.error());
  const auto again = conf::parse_ini(written(*document), "f");
  if (!again) { // " = " may be more than there was, and make a line too long
    check_fault(again.error());
    return require(again.error().text.find("bytes; write at most") != std::string::npos);
  }
  require(std::equal(document->sections.begin(), document->sections.end(), again->sections.begin(),
                     again->sections.end(), is_same));
}

void check_configuration(const conf::Configuration& configuration) {
  require(!configuration.accounts.empty() && !configuration.domains.empty());
  require(!conf::summary(configuration).empty());
  // What names an account names one that there is.
  for (const conf::Domain& domain : configuration.domains) {
    require(configuration.domain(domain.name) == &domain);
    require(!domain.catchall || configuration.account(*domain.catchall) != nullptr);
    require(std::is_sorted(domain.blocked.begin(), domain.blocked.end()));
  }
  for (const conf::Route& route : configuration.routes) {
    require(configuration.account(route.account) != nullptr);
    require(configuration.domain(route.address.domain) != nullptr);
  }
  auto logins = conf::logins(configuration);
  std::sort(logins.begin(), logins.end(),
            [](const conf::Login& a, const conf::Login& b) { return a.name < b.name; });
  for (std::size_t i = 1; i < logins.size(); ++i)
    require(logins[i - 1].name != logins[i].name);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_document(text);
  const auto configuration = conf::parse(text, "f", {});
  if (configuration)
    check_configuration(*configuration);
  else
    check_fault(configuration.error());
  const std::string good = "[server]\nhostname = mx.example.com\n[account main]\n"
                           "[domain example.com]\ncatchall = main\n";
  for (const conf::Overrides& overrides :
       {conf::Overrides{{text}, {}}, conf::Overrides{{}, {"LETTERLOCK_SERVER_" + text}}}) {
    const auto overridden = conf::parse(good, "f", overrides);
    if (overridden)
      check_configuration(*overridden);
    else
      check_fault(overridden.error());
  }
  return 0;
}
