// What a POP3 session knows of a maildrop: marks as a set of numbers has them, sizes and unique ids
// as they were listed, and only those of the stretch that was listed last.
#include "libpop3/maildrop.h"
#include "tests/fuzz/fuzz.h"

#include <set>

using namespace letterlock::pop3;
namespace fuzz = letterlock::fuzz;
using fuzz::require;

namespace {

constexpr std::uint64_t octets_of_one = 10;

void play_marks(fuzz::Input input) {
  const auto size = static_cast<std::uint32_t>(input.octet());
  Maildrop maildrop(size, size * octets_of_one);
  std::set<std::uint32_t> marked;
  while (!input.at_end()) {
    const std::uint8_t what = input.octet();
    const auto number = MessageNumber::of_index(what);
    const auto found = maildrop.find(number);
    if (what >= size) {
      require(!found && found.error() == Maildrop::Lookup::no_such_message);
    } else if (marked.contains(what)) {
      require(!found && found.error() == Maildrop::Lookup::deleted && maildrop.marked(what));
      if (input.flag()) {
        maildrop.unmark_all();
        marked.clear();
      }
    } else {
      require(found == what && !maildrop.marked(what));
      maildrop.mark(what, octets_of_one);
      marked.insert(what);
    }
    require(maildrop.count() == size - marked.size());
    require(maildrop.octets() == maildrop.count() * octets_of_one);
    const auto indices = maildrop.marked_indices();
    require(std::equal(indices.begin(), indices.end(), marked.begin(), marked.end()));
  }
}

bool is_uidl(std::string_view text) {
  return !text.empty() && text.size() <= max_uidl &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x21 && c <= 0x7e; });
}

void play_stretches(fuzz::Input input) {
  UidlStretch uidls;
  SizeStretch sizes;
  while (!input.at_end()) {
    const std::uint32_t first = input.octet();
    std::vector<std::string_view> texts;
    std::vector<std::uint64_t> octets;
    for (std::size_t count = input.under(8); count > 0; --count) {
      texts.push_back(input.line());
      octets.push_back(input.number<std::uint64_t>());
    }
    const bool are_uidls = !texts.empty() && std::all_of(texts.begin(), texts.end(), is_uidl);
    require(uidls.assign(first, texts) == are_uidls);
    const bool are_sizes = !octets.empty() && std::all_of(octets.begin(), octets.end(), [](auto n) {
      return n <= max_message_size;
    });
    require(sizes.assign(first, octets) == are_sizes);
    for (std::uint32_t index = 0; index < 300; ++index) {
      const bool listed = index >= first && index - first < texts.size();
      if (are_uidls)
        require(uidls.at(index) == (listed ? std::optional(texts[index - first]) : std::nullopt));
      if (are_sizes)
        require(sizes.at(index) == (listed ? std::optional(octets[index - first]) : std::nullopt));
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  play_marks(fuzz::Input(data, size));
  play_stretches(fuzz::Input(data, size));
  return 0;
}
