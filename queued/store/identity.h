// Identity: which node this is and how often it was started; MessageIds: the ids made of them.
//
// Source: docs/spool.md, "Numbers".
#pragma once

#include "common/base/error.h"
#include "common/base/id128.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace letterlock::queued {

// The content of the file `identity`. Pure; a value.
struct Identity {
  static constexpr std::uint32_t epochs = 1u << 24;
  std::uint32_t node = 0;  // 0: not drawn yet
  std::uint32_t epoch = 0; // counts the starts; below `epochs`

  static Expected<Identity> parse(std::string_view file);
  std::string format() const;
};

// Each id is given once, in this start and in all others. Callable from any thread.
class MessageIds {
public:
  // SALT keeps starts apart that a restored backup gave the same epoch.
  MessageIds(const Identity& identity, std::uint32_t salt);
  Id128 next();

private:
  Id128 base_;
  std::atomic<std::uint64_t> counter_ = 0;
};

} // namespace letterlock::queued
