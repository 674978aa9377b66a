// Maildrop: a bitmap, and the stretches of the listing that were asked for last.
#include "libpop3/maildrop.h"

#include <algorithm>
#include <limits>

namespace letterlock::pop3 {

static_assert(max_message_size <= std::numeric_limits<std::uint64_t>::max() / max_messages);

namespace {

bool is_uidl(std::string_view text) {
  return !text.empty() && text.size() <= max_uidl &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x21 && c <= 0x7e; });
}

} // namespace

bool SizeStretch::assign(std::uint32_t first, std::span<const std::uint64_t> sizes) {
  sizes = sizes.first(std::min<std::size_t>(sizes.size(), sizes_at_a_time));
  if (sizes.empty() || std::any_of(sizes.begin(), sizes.end(),
                                   [](std::uint64_t size) { return size > max_message_size; }))
    return false;
  first_ = first;
  sizes_.assign(sizes.begin(), sizes.end());
  return true;
}

std::optional<std::uint64_t> SizeStretch::at(std::uint32_t index) const {
  if (index < first_ || index - first_ >= sizes_.size())
    return std::nullopt;
  return sizes_[index - first_];
}

bool UidlStretch::assign(std::uint32_t first, std::span<const std::string_view> uidls) {
  uidls = uidls.first(std::min<std::size_t>(uidls.size(), uidls_at_a_time));
  if (uidls.empty() || !std::all_of(uidls.begin(), uidls.end(), is_uidl))
    return false;
  first_ = first;
  ends_.clear();
  texts_.clear();
  for (const std::string_view uidl : uidls) {
    texts_.append(uidl);
    ends_.push_back(static_cast<std::uint32_t>(texts_.size()));
  }
  return true;
}

std::optional<std::string_view> UidlStretch::at(std::uint32_t index) const {
  if (index < first_ || index - first_ >= ends_.size())
    return std::nullopt;
  const std::uint32_t place = index - first_;
  const std::uint32_t begin = place == 0 ? 0 : ends_[place - 1];
  return std::string_view(texts_).substr(begin, ends_[place] - begin);
}

std::expected<std::uint32_t, Maildrop::Lookup> Maildrop::find(MessageNumber number) const {
  if (number.index() >= size_)
    return std::unexpected(Lookup::no_such_message);
  if (marked(number.index()))
    return std::unexpected(Lookup::deleted);
  return number.index();
}

void Maildrop::mark(std::uint32_t index, std::uint64_t octets) {
  if (marks_.empty())
    marks_.resize(size_ / 64 + 1);
  marks_[index / 64] |= std::uint64_t{1} << index % 64;
  ++marked_count_;
  marked_octets_ += octets;
}

void Maildrop::unmark_all() {
  std::fill(marks_.begin(), marks_.end(), 0);
  marked_count_ = 0;
  marked_octets_ = 0;
}

std::vector<std::uint32_t> Maildrop::marked_indices() const {
  std::vector<std::uint32_t> indices;
  indices.reserve(marked_count_);
  for (std::uint32_t index = 0; index < size_; ++index)
    if (marked(index))
      indices.push_back(index);
  return indices;
}

} // namespace letterlock::pop3
