// FewTexts: numbers for texts of which there are mostly few different ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::queued {

class FewTexts {
public:
  static constexpr std::size_t most_texts = 255;

  // The number of TEXT, given to it now if it has none; none if there are too many others.
  std::optional<std::uint8_t> number_of(std::string_view text) {
    if (last_ < texts_.size() && texts_[last_] == text)
      return last_;
    for (std::size_t i = 0; i < texts_.size(); ++i)
      if (texts_[i] == text)
        return last_ = static_cast<std::uint8_t>(i);
    if (texts_.size() == most_texts)
      return std::nullopt;
    texts_.emplace_back(text);
    return last_ = static_cast<std::uint8_t>(texts_.size() - 1);
  }

  const std::string& operator[](std::uint8_t number) const { return texts_[number]; }

  // Octets that they take.
  std::size_t memory() const {
    std::size_t octets = texts_.capacity() * sizeof(std::string);
    for (const std::string& text : texts_)
      octets += text.capacity();
    return octets;
  }

private:
  std::vector<std::string> texts_;
  std::uint8_t last_ = 0;
};

} // namespace letterlock::queued
