// Values of the configuration: what is taken is within its bounds, and what is written for it reads
// as the same value.
#include "common/conf/resolvers.h"
#include "common/conf/times.h"
#include "common/conf/values.h"
#include "common/mail/ascii.h"
#include "common/mail/mailbox.h"
#include "tests/fuzz/fuzz.h"

using namespace letterlock;
using namespace letterlock::conf;
using fuzz::require;

namespace {

// A reason is a part of one line of the log, and never long.
template <class T> bool is_taken(const Parsed<T>& parsed) {
  if (!parsed)
    require(!parsed.error().empty() && parsed.error().size() <= 1000 &&
            std::none_of(parsed.error().begin(), parsed.error().end(), is_control));
  return parsed.has_value();
}

void check_numbers(std::string_view text, std::uint64_t least, std::uint64_t most) {
  const auto between = [&](std::uint64_t value) { return value >= least && value <= most; };
  if (const auto number = parse_number(text, least, most); is_taken(number)) {
    require(between(*number));
    require(parse_number(std::to_string(*number), least, most) == *number);
  }
  if (const auto bytes = parse_size(text, least, most); is_taken(bytes)) {
    require(between(*bytes) && parse_size(size_text(*bytes), least, most) == *bytes);
    require(parse_size(std::to_string(*bytes), least, most) == *bytes);
  }
  if (const auto seconds = parse_period(text, least, most); is_taken(seconds)) {
    require(between(*seconds));
    require(parse_period(period_text(*seconds), least, most) == *seconds);
  }
  if (const auto workers = parse_workers(text); is_taken(workers) && *workers)
    require(**workers >= 1 && **workers <= 64 &&
            *parse_workers(std::to_string(**workers)) == **workers);
}

void check_times(std::string_view text, std::uint64_t least, std::uint64_t most) {
  if (const auto duration = parse_duration(text, least, most); is_taken(duration)) {
    const auto milliseconds = static_cast<std::uint64_t>(duration->count());
    require(milliseconds >= least && milliseconds <= most);
    require(parse_duration(duration_text(milliseconds), least, most) == *duration);
  }
  if (const auto rate = parse_rate_or_no(text); is_taken(rate) && *rate) {
    require((*rate)->count >= 1 && (*rate)->period.count() > 0);
    const std::string period = duration_text(static_cast<std::uint64_t>((*rate)->period.count()));
    const auto again = parse_rate_or_no(std::to_string((*rate)->count) + '/' + period.substr(1));
    require(again && *again == *rate);
  }
}

void check_names(std::string_view text) {
  if (const auto domain = parse_domain_name(text); is_taken(domain)) {
    require(parse_domain_name(*domain) == *domain && folded(*domain) == domain->view());
    // The configuration and SMTP have one idea of a domain.
    const auto same = mail::Domain::parse(text);
    require(same && same->text() == domain->view());
  }
  if (const auto local = parse_local_part(text); is_taken(local))
    require(parse_local_part(*local) == *local);
  if (const auto address = parse_address(text); is_taken(address)) {
    const std::string written =
        std::string(address->local.view()) + '@' + std::string(address->domain.view());
    require(parse_address(written) == *address);
    // What a recipient is looked up by.
    const auto mailbox = mail::Mailbox::parse(text);
    require(mailbox && mailbox->key() == written);
  }
  if (const auto account = parse_account_or_no(text); is_taken(account) && *account)
    require((*account)->view() == text && parse_account_name(text) == **account && text != "no");
  if (const auto path = parse_path(text); is_taken(path))
    require(path->view() == text);
  if (const auto yes = parse_yes_no(text); is_taken(yes))
    require(text == (*yes ? "yes" : "no"));
}

void check_listen_address(std::string_view text) {
  const auto address = ListenAddress::parse(text);
  if (!is_taken(address))
    return;
  require(address->port != 0 && ListenAddress::parse(address->text()) == *address);
  require(ListenAddress::parse(address->text())->text() == address->text());
  require(collide(*address, *address) && !(address->is_loopback() && address->is_any()));
}

template <class T, class Write>
void check_list(std::string_view text, Parsed<std::vector<T>> (*parse)(std::string_view),
                Write write) {
  const auto list = parse(text);
  if (!is_taken(list))
    return;
  std::string written;
  for (const T& item : *list)
    written += (written.empty() ? "" : " ,\t") + write(item);
  require(parse(written) == *list);
  for (std::size_t i = 0; i < list->size(); ++i)
    require(std::count(list->begin(), list->end(), (*list)[i]) == 1);
}

void check_allow_list(std::string_view text) {
  const auto list = parse_allow_list(text);
  if (!is_taken(list))
    return;
  std::string written;
  for (const IpNetwork& network : list->networks)
    written += (written.empty() ? "" : ",") + network.text();
  for (const HostPattern& name : list->names) {
    written += (written.empty() ? "" : ",") + std::string(name.text());
    // Either a name, or all below one.
    const bool below = name.text().starts_with('.');
    require(name.matches(name.text()) == !below && !name.matches(""));
    require(name.matches("a" + std::string(name.text())) == below);
    require(name.matches("a." + std::string(name.text().substr(below ? 1 : 0))) == below);
  }
  require(parse_allow_list(written) == *list);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string_view text = input.line();
  const auto a = input.number<std::uint64_t>(), b = input.number<std::uint64_t>();
  check_numbers(text, 0, ~std::uint64_t{0});
  check_numbers(text, std::min(a, b), std::max(a, b));
  // None at all is written as "no".
  check_times(text, 1, std::uint64_t{1} << 62);
  check_times(text, std::min(a, b) / 4 + 1, std::max(a, b) / 4 + 1);
  check_names(text);
  check_listen_address(text);
  check_list<ListenAddress>(text, parse_listen_addresses,
                            [](const ListenAddress& item) { return item.text(); });
  check_list<LocalPart>(text, parse_local_parts,
                        [](const LocalPart& item) { return std::string(item.view()); });
  if (text != "system") // which is no list
    check_list<NameServer>(text, parse_resolvers,
                           [](const NameServer& item) { return item.text(); });
  for (const NameServer& server : name_servers_of(text))
    require(parse_name_server(server.text()) == server);
  check_allow_list(text);
  require(trimmed(trimmed(text)) == trimmed(text));
  return 0;
}
