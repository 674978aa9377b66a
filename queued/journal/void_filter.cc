// A sweep over records and Voids in order of sequence.
#include "queued/journal/void_filter.h"

#include <algorithm>
#include <set>

namespace letterlock::queued::journal {

void keep_what_counts(std::vector<FoundRecord>& records, std::vector<VoidRange> voids) {
  std::sort(records.begin(), records.end(), [](const FoundRecord& a, const FoundRecord& b) {
    return a.sequence != b.sequence ? a.sequence < b.sequence : a.segment > b.segment;
  });
  std::vector<VoidRange> ends = voids;
  std::sort(voids.begin(), voids.end(),
            [](const VoidRange& a, const VoidRange& b) { return a.range.from < b.range.from; });
  std::sort(ends.begin(), ends.end(),
            [](const VoidRange& a, const VoidRange& b) { return a.range.to < b.range.to; });

  std::multiset<std::uint16_t> open; // segments of the Voids that cover the record at hand
  auto begins = voids.cbegin();
  auto over = ends.cbegin();
  Sequence last = 0;
  std::erase_if(records, [&](const FoundRecord& record) {
    for (; begins != voids.cend() && begins->range.from <= record.sequence; ++begins)
      open.insert(begins->segment);
    for (; over != ends.cend() && over->range.to < record.sequence; ++over)
      open.erase(open.find(over->segment));
    const bool is_void = !open.empty() && *open.rbegin() > record.segment;
    if (is_void || record.sequence == last)
      return true;
    last = record.sequence;
    return false;
  });
}

void Coverage::add(Sequence first, Sequence next) {
  if (first < next)
    ranges_.emplace_back(first, next);
}

void Coverage::close() {
  std::sort(ranges_.begin(), ranges_.end());
  std::vector<std::pair<Sequence, Sequence>> joined;
  for (const auto& range : ranges_)
    if (!joined.empty() && range.first <= joined.back().second)
      joined.back().second = std::max(joined.back().second, range.second);
    else
      joined.push_back(range);
  ranges_ = std::move(joined);
}

bool Coverage::covers(Sequence first, Sequence next) const {
  if (first >= next)
    return true;
  // The last range that begins at or before FIRST.
  const auto behind =
      std::upper_bound(ranges_.begin(), ranges_.end(), first,
                       [](Sequence s, const auto& range) { return s < range.first; });
  return behind != ranges_.begin() && std::prev(behind)->second >= next;
}

} // namespace letterlock::queued::journal
