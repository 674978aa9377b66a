// Counted in columns of one octet, which compilers turn into one instruction for all of them.
#include "common/base/count_octets.h"

#include <algorithm>
#include <array>
#include <limits>

namespace letterlock {

namespace {

constexpr std::size_t columns = 32;
constexpr std::size_t rows_at_once =
    std::numeric_limits<std::uint8_t>::max(); // a column counts no further

} // namespace

std::uint64_t count_octets(std::string_view text, char octet) {
  std::uint64_t count = 0;
  while (text.size() >= columns) {
    std::array<std::uint8_t, columns> counts{};
    const auto table = text.substr(0, std::min(text.size() / columns, rows_at_once) * columns);
    for (const char* row = table.data(); row != table.data() + table.size(); row += columns)
      for (std::size_t column = 0; column < columns; ++column)
        counts[column] = static_cast<std::uint8_t>(counts[column] + (row[column] == octet ? 1 : 0));
    for (const auto of_column : counts)
      count += of_column;
    text.remove_prefix(table.size());
  }
  return count + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), octet));
}

} // namespace letterlock
