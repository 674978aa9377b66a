// Which records of a journal count: what a look at each of them with all Voids finds. And which
// stretches of sequences are covered.
#include "queued/journal/void_filter.h"
#include "tests/fuzz/fuzz.h"

#include <map>
#include <set>

using namespace letterlock;
using namespace letterlock::queued::journal;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  std::vector<FoundRecord> records;
  std::vector<VoidRange> voids;
  std::vector<std::pair<Sequence, Sequence>> stretches;
  while (!input.at_end()) {
    const std::uint8_t kind = input.octet();
    const Sequence first = 1 + input.octet() % 32;
    const Sequence next = first + input.octet() % 8;
    const auto segment = static_cast<std::uint16_t>(kind / 3 % 8);
    if (kind % 3 == 0)
      // A segment has a sequence once.
      records.push_back({first, static_cast<std::uint32_t>(records.size()), segment});
    else if (kind % 3 == 1)
      voids.push_back({{first, next}, segment});
    else
      stretches.emplace_back(first, next);
  }

  std::map<Sequence, std::uint16_t> expected; // the newest segment with it
  for (const FoundRecord& record : records) {
    bool counts = true;
    for (const VoidRange& one : voids)
      counts = counts && !(one.range.from <= record.sequence && record.sequence <= one.range.to &&
                           one.segment > record.segment);
    if (!counts)
      continue;
    const auto [at, is_new] = expected.emplace(record.sequence, record.segment);
    at->second = std::max(at->second, record.segment);
  }
  std::vector<FoundRecord> kept = records;
  keep_what_counts(kept, voids);
  require(kept.size() == expected.size());
  auto at = expected.begin();
  for (const FoundRecord& record : kept) {
    require(record.sequence == at->first && record.segment == at->second);
    ++at;
  }
  // What is left is left as it is by a second look.
  std::vector<FoundRecord> again = kept;
  keep_what_counts(again, voids);
  require(again.size() == kept.size());

  Coverage coverage;
  std::set<Sequence> covered;
  for (const auto& [first, next] : stretches) {
    coverage.add(first, next);
    for (Sequence s = first; s < next; ++s)
      covered.insert(s);
  }
  coverage.close();
  for (Sequence first = 0; first < 42; ++first) {
    bool all = true;
    for (Sequence next = first; next < 43; ++next) {
      require(coverage.covers(first, next) == all);
      all = all && covered.contains(next);
    }
  }
  return 0;
}
