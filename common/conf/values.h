// The values of keys that are not names: switches, numbers, sizes and lists.
#pragma once

#include "common/conf/allow_list.h"
#include "common/conf/listen_address.h"
#include "common/conf/names.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace letterlock::conf {

// "yes" or "no", and nothing else.
Parsed<bool> parse_yes_no(std::string_view s);

// Decimal digits.
Parsed<std::uint64_t> parse_number(std::string_view s, std::uint64_t least, std::uint64_t most);

// Bytes: decimal digits, and K, M or G for 2^10, 2^20 or 2^30 of them.
Parsed<std::uint64_t> parse_size(std::string_view s, std::uint64_t least, std::uint64_t most);

// Seconds: decimal digits with d, h, m or s for days, hours, minutes or seconds; 0 needs none.
Parsed<std::uint64_t> parse_period(std::string_view s, std::uint64_t least, std::uint64_t most);

// How many smtpd processes; none for "auto", which is one a core.
Parsed<std::optional<std::uint16_t>> parse_workers(std::string_view s);

// An account, or none for "no".
Parsed<std::optional<AccountName>> parse_account_or_no(std::string_view s);

// Lists are separated by commas; blanks around an item do not count; an empty value is an empty
// list; an empty item and an item that occurs twice are refused.
Parsed<std::vector<ListenAddress>> parse_listen_addresses(std::string_view s);
Parsed<std::vector<LocalPart>> parse_local_parts(std::string_view s);
// Addresses, networks and host names, in any order.
Parsed<AllowList> parse_allow_list(std::string_view s);

inline constexpr std::size_t max_listen_addresses = 16; // of one key

// For tables: a parser with its bounds.
template <class T, std::uint64_t least, std::uint64_t most>
Parsed<T> number_between(std::string_view s) {
  static_assert(most <= std::numeric_limits<T>::max());
  const auto number = parse_number(s, least, most);
  if (!number)
    return std::unexpected(number.error());
  return static_cast<T>(*number);
}
template <std::uint64_t least, std::uint64_t most>
Parsed<std::uint64_t> size_between(std::string_view s) {
  return parse_size(s, least, most);
}

// 0, or a period between these.
template <std::uint64_t least, std::uint64_t most>
Parsed<std::uint64_t> no_period_or_between(std::string_view s) {
  if (s == "0")
    return 0;
  return parse_period(s, least, most);
}

// "65536" as "64K", and "86400" as "1d", where it is a round number.
std::string size_text(std::uint64_t bytes);
std::string period_text(std::uint64_t seconds);

// Without the blanks and tabs at both ends.
std::string_view trimmed(std::string_view s);

} // namespace letterlock::conf
