// Copying and checking content.
#include "queued/store/content.h"

#include "common/base/crc32c.h"
#include "common/mail/wire_size.h"
#include "queued/store/relay_envelope.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

namespace letterlock::queued {

namespace {

struct alignas(FileSystem::uncached_block) Block {
  std::array<std::byte, FileSystem::uncached_block> octets;
};
constexpr std::size_t piece_blocks = 128;

// Reads up to INTO.size() octets; fewer only at the end of the file.
SystemResult<std::size_t> read_at(int file, std::uint64_t offset, std::span<std::byte> into) {
  std::size_t filled = 0;
  while (filled < into.size()) {
    const ssize_t got = ::pread(file, into.data() + filled, into.size() - filled,
                                static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return std::unexpected(Errno{errno});
    if (got == 0)
      break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

} // namespace

Refusal Refusal::system(std::string_view doing, Errno error) {
  return {error.is_full() ? CommitStatus::full : CommitStatus::failed,
          Error::system(doing, error.number).text};
}

std::string check_delivery(const Delivery& delivery, const StoreLimits& limits) {
  if ((delivery.copies.empty() && !delivery.relay) || delivery.copies.size() > limits.copies)
    return "it has no copies, or too many";
  if (delivery.relay)
    if (auto wrong = check_envelope(*delivery.relay, limits); !wrong.empty())
      return wrong;
  if (delivery.received < 0)
    return "its time is negative";
  if (delivery.stored_size > limits.message_bytes)
    return "its content is larger than the limit";
  if (delivery.header_size > delivery.stored_size)
    return "its header is larger than its content";
  std::set<AccountId> accounts;
  for (const Copy& copy : delivery.copies) {
    if (!accounts.insert(copy.account).second)
      return "an account is named twice";
    if (copy.head.size() > limits.head_bytes)
      return "a head is larger than the limit";
    if (!copy.head.empty() && copy.head.back() != '\n')
      return "a head does not end in a line feed";
  }
  const auto* content = std::get_if<InlineContent>(&delivery.content);
  if (content != nullptr && content->bytes.size() != delivery.stored_size)
    return "its content has not the declared size";
  return {};
}

std::uint64_t delivery_bytes(const Delivery& delivery) {
  std::uint64_t bytes = delivery.stored_size;
  for (const Copy& copy : delivery.copies)
    bytes += copy.head.size();
  return bytes;
}

std::expected<void, Refusal>
copy_content(const Delivery& delivery, const ScratchFile& scratch, Bytes head,
             const std::function<SystemResult<void>(Bytes piece)>& take) {
  std::uint32_t crc = 0;
  mail::WireSize wire_size;
  const auto look_at = [&](Bytes content) {
    crc = crc32c(crc, content);
    wire_size.add(as_text(content));
  };
  const auto pass_on = [&](Bytes piece) -> std::expected<void, Refusal> {
    if (const auto taken = take(piece); !taken)
      return std::unexpected(Refusal::system("keeping the content", taken.error()));
    return {};
  };
  if (const auto* held = std::get_if<InlineContent>(&delivery.content)) {
    look_at(as_bytes(held->bytes));
    for (const Bytes piece : {head, as_bytes(held->bytes)})
      if (const auto passed = pass_on(piece); !passed)
        return passed;
  } else if (!scratch) {
    return std::unexpected(Refusal{CommitStatus::failed, "its content is gone"});
  } else {
    const std::uint64_t all = head.size() + delivery.stored_size;
    std::vector<Block> blocks(
        static_cast<std::size_t>(std::min<std::uint64_t>(all / sizeof(Block) + 1, piece_blocks)));
    const auto buffer = std::as_writable_bytes(std::span(blocks));
    for (std::uint64_t done = 0; !head.empty() || done < delivery.stored_size;) {
      const auto of_head = head.first(std::min(head.size(), buffer.size()));
      std::copy(of_head.begin(), of_head.end(), buffer.begin());
      head = head.subspan(of_head.size());
      auto content = buffer.subspan(of_head.size());
      content = content.first(static_cast<std::size_t>(
          std::min<std::uint64_t>(delivery.stored_size - done, content.size())));
      const auto got = read_at(scratch->get(), done, content);
      if (!got)
        return std::unexpected(Refusal::system("scratch", got.error()));
      if (*got < content.size())
        return std::unexpected(
            Refusal{CommitStatus::refused, "its content is shorter than declared"});
      look_at(content);
      done += content.size();
      if (const auto passed = pass_on(buffer.first(of_head.size() + content.size())); !passed)
        return passed;
    }
  }
  if (crc != delivery.crc || wire_size.octets() != delivery.wire_size)
    return std::unexpected(
        Refusal{CommitStatus::refused, "its content has not the declared checksum or wire size"});
  return {};
}

} // namespace letterlock::queued
