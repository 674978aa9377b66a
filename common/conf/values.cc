// Parsing of values.
#include "common/conf/values.h"

#include "common/conf/resolvers.h"

#include <algorithm>
#include <charconv>
#include <variant>

namespace letterlock::conf {

namespace {

std::optional<std::uint64_t> digits(std::string_view s) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(s.data(), s.data() + s.size(), value);
  if (result.ec != std::errc() || result.ptr != s.data() + s.size())
    return std::nullopt;
  return value;
}

constexpr std::string_view units = "KMG";

constexpr struct {
  char name;
  std::uint64_t seconds;
} periods[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

template <class T, class Parse>
Parsed<std::vector<T>> parse_list(std::string_view s, std::size_t most, Parse parse) {
  std::vector<T> list;
  if (trimmed(s).empty())
    return list;
  for (bool more = true; more;) {
    const auto comma = s.find(',');
    const std::string_view item = trimmed(s.substr(0, comma));
    more = comma != std::string_view::npos;
    s.remove_prefix(more ? comma + 1 : s.size());
    if (item.empty())
      return wrong("an item of the list is empty; write the items with one comma between them");
    Parsed<T> value = parse(item);
    if (!value)
      return std::unexpected(std::move(value.error()));
    if (std::find(list.begin(), list.end(), *value) != list.end())
      return wrong(quoted(item) + " is in the list twice; write it once");
    if (list.size() == most)
      return wrong("the list is too long; write at most " + std::to_string(most) + " items");
    list.push_back(std::move(*value));
  }
  return list;
}

using AllowItem = std::variant<IpNetwork, HostPattern>;

Parsed<AllowItem> parse_allow_item(std::string_view s) {
  if (const auto network = IpNetwork::parse(s))
    return *network;
  if (const auto name = HostPattern::parse(s))
    return *name;
  return wrong(quoted(s) + " is no network and no host name; write an address such as 192.0.2.7 or "
                           "2001:db8::7, the first of a network and its length such as "
                           "192.0.2.0/24, a name such as mail.example.com, or .example.com for all "
                           "names below it");
}

} // namespace

std::string_view trimmed(std::string_view s) {
  const auto first = s.find_first_not_of(" \t");
  if (first == std::string_view::npos)
    return {};
  return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

Parsed<bool> parse_yes_no(std::string_view s) {
  if (s == "yes")
    return true;
  if (s == "no")
    return false;
  return wrong(quoted(s) + " is neither yes nor no; write one of the two");
}

Parsed<std::uint64_t> parse_number(std::string_view s, std::uint64_t least, std::uint64_t most) {
  const auto value = digits(s);
  if (!value || *value < least || *value > most)
    return wrong(quoted(s) + " is no number in its range; write one from " + std::to_string(least) +
                 " to " + std::to_string(most));
  return *value;
}

Parsed<std::uint64_t> parse_size(std::string_view s, std::uint64_t least, std::uint64_t most) {
  const auto unit = s.empty() ? std::string_view::npos : units.find(s.back());
  const bool has_unit = unit != std::string_view::npos;
  const auto value = digits(has_unit ? s.substr(0, s.size() - 1) : s);
  const unsigned shift = has_unit ? 10 * (static_cast<unsigned>(unit) + 1) : 0;
  if (!value)
    return wrong(quoted(s) + " is no size; write bytes, or a number with K, M or G such as 50M");
  if (*value > most >> shift || *value << shift < least)
    return wrong(quoted(s) + " is out of range; write a size from " + size_text(least) + " to " +
                 size_text(most));
  return *value << shift;
}

Parsed<std::uint64_t> parse_period(std::string_view s, std::uint64_t least, std::uint64_t most) {
  for (const auto& period : periods) {
    if (s.empty() || s.back() != period.name)
      continue;
    const auto value = digits(s.substr(0, s.size() - 1));
    if (!value)
      break;
    if (*value > most / period.seconds || *value * period.seconds < least)
      return wrong(quoted(s) + " is out of range; write a period from " + period_text(least) +
                   " to " + period_text(most));
    return *value * period.seconds;
  }
  if (s == "0" && least == 0)
    return 0;
  return wrong(quoted(s) + " is no period; write a number with d, h, m or s such as 30d");
}

std::string period_text(std::uint64_t seconds) {
  for (const auto& period : periods)
    if (seconds != 0 && seconds % period.seconds == 0)
      return std::to_string(seconds / period.seconds) + period.name;
  return std::to_string(seconds);
}

std::string size_text(std::uint64_t bytes) {
  for (std::size_t i = units.size(); i > 0; --i) {
    const std::uint64_t unit = std::uint64_t{1} << 10 * i;
    if (bytes != 0 && bytes % unit == 0)
      return std::to_string(bytes / unit) + units[i - 1];
  }
  return std::to_string(bytes);
}

Parsed<std::optional<std::uint16_t>> parse_workers(std::string_view s) {
  if (s == "auto")
    return std::nullopt;
  const auto number = parse_number(s, 1, 64);
  if (!number)
    return wrong(quoted(s) + " is no number of workers; write auto, or a number from 1 to 64");
  return static_cast<std::uint16_t>(*number);
}

Parsed<std::optional<AccountName>> parse_account_or_no(std::string_view s) {
  if (s == "no")
    return std::nullopt;
  const auto name = parse_account_name(s);
  if (!name)
    return std::unexpected(name.error());
  return *name;
}

Parsed<std::vector<ListenAddress>> parse_listen_addresses(std::string_view s) {
  return parse_list<ListenAddress>(s, max_listen_addresses, ListenAddress::parse);
}

Parsed<std::vector<LocalPart>> parse_local_parts(std::string_view s) {
  return parse_list<LocalPart>(s, SIZE_MAX, parse_local_part);
}

Parsed<AllowList> parse_allow_list(std::string_view s) {
  const auto items = parse_list<AllowItem>(s, SIZE_MAX, parse_allow_item);
  if (!items)
    return std::unexpected(items.error());
  AllowList list;
  for (const AllowItem& item : *items) {
    if (const auto* network = std::get_if<IpNetwork>(&item))
      list.networks.push_back(*network);
    else
      list.names.push_back(std::get<HostPattern>(item));
  }
  return list;
}

Parsed<std::vector<NameServer>> parse_resolvers(std::string_view s) {
  if (s == "system")
    return std::vector<NameServer>();
  auto servers = parse_list<NameServer>(s, max_resolvers, parse_name_server);
  if (servers && servers->empty())
    return wrong("the list is empty; write system, or addresses such as 192.0.2.53");
  return servers;
}

} // namespace letterlock::conf
