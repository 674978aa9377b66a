// memchr and memcpy do the work, a state only bridges the places where input may be cut.
#include "smtpd/content_reader.h"

#include "common/base/count_octets.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace letterlock::smtpd {

namespace {

bool holds(std::string_view text, char c) {
  return !text.empty() && std::memchr(text.data(), c, text.size()) != nullptr;
}

} // namespace

// Collects lines so that the sink is called for many at once. Lives for one call.
class ContentReader::Batch {
public:
  Batch(ContentReader& reader, ContentSink& sink) : reader_(reader), sink_(sink) {}

  void put(std::string_view text) {
    while (!text.empty()) {
      if (size_ == buffer_.size())
        flush();
      const auto part = std::min(text.size(), buffer_.size() - size_);
      std::memcpy(buffer_.data() + size_, text.data(), part);
      size_ += part;
      text.remove_prefix(part);
    }
  }

  // With the line's end.
  void put_line(std::string_view text) {
    if (buffer_.size() - size_ <= text.size()) {
      put(text);
      text.remove_prefix(text.size());
    }
    if (size_ == buffer_.size())
      flush();
    std::memcpy(buffer_.data() + size_, text.data(), text.size());
    size_ += text.size();
    buffer_[size_++] = '\n';
    ++lines_;
  }

  // NULs, and LFs that are no line's end, are looked for here, because one long search is cheaper
  // than one for each line.
  void flush() {
    const std::string_view content(buffer_.data(), size_);
    size_ = 0;
    if (count_octets(content, '\n') != std::exchange(lines_, 0) || holds(content, '\0'))
      reader_.spoil(ContentFault::bad_line_end);
    if (!reader_.fault_ && !content.empty())
      sink_.append(as_bytes(content));
  }

private:
  ContentReader& reader_;
  ContentSink& sink_;
  std::size_t size_ = 0;
  std::uint64_t lines_ = 0; // whose ends are in the buffer
  std::array<char, ContentSink::max_piece> buffer_;
};

bool ContentReader::read(std::string_view& input, ContentSink& sink) {
  Batch batch(*this, sink);
  const bool ended = read_until_end(input, batch);
  batch.flush();
  counts_.header_size = header_.size();
  counts_.starts_with_body = header_.is_missing();
  return ended;
}

void ContentReader::end_chunks(ContentSink& sink) {
  Batch batch(*this, sink);
  if (at_ == At::after_cr)
    spoil(ContentFault::bad_line_end);
  else if (at_ == At::in_line)
    end_line(batch);
  at_ = At::line_start;
  batch.flush();
  counts_.header_size = header_.size();
  counts_.starts_with_body = header_.is_missing();
}

bool ContentReader::read_until_end(std::string_view& input, Batch& batch) {
  while (!input.empty()) {
    const char next = input.front();
    switch (at_) {
    case At::line_start:
      if (!header_.in_header() && !fault_ && read_line(input, batch))
        break;
      at_ = next == '.' && framing_ == Framing::dots ? At::dot : At::in_line;
      if (at_ == At::dot)
        input.remove_prefix(1);
      break;
    case At::in_line:
      read_text(input, batch);
      break;
    case At::after_cr:
      if (next == '\n') {
        input.remove_prefix(1);
        end_line(batch);
        at_ = At::line_start;
      } else {
        spoil(ContentFault::bad_line_end);
        at_ = At::in_line;
      }
      break;
    case At::dot:
      at_ = next == '\r' ? At::dot_cr : At::in_line;
      if (at_ == At::dot_cr)
        input.remove_prefix(1);
      break;
    case At::dot_cr:
      if (next == '\n') {
        input.remove_prefix(1);
        return true;
      }
      spoil(ContentFault::bad_line_end);
      at_ = At::in_line;
      break;
    }
  }
  return false;
}

// Takes a line of the body if all of it is here, which is so for most; else nothing.
bool ContentReader::read_line(std::string_view& input, Batch& batch) {
  if (input.front() == '.' && framing_ == Framing::dots)
    return false;
  const auto cr = input.find('\r');
  if (cr == std::string_view::npos || cr + 1 == input.size() || input[cr + 1] != '\n')
    return false;
  counts_.stored_size += cr + 1;
  counts_.wire_size += cr + 2;
  batch.put_line(input.substr(0, cr));
  if (counts_.wire_size > limits_.size)
    spoil(ContentFault::too_big);
  input.remove_prefix(cr + 2);
  return true;
}

// Takes text up to and with the next CR, or all there is.
void ContentReader::read_text(std::string_view& input, Batch& batch) {
  const auto cr = input.find('\r');
  const auto text = input.substr(0, cr);
  put(text, batch);
  input.remove_prefix(text.size());
  if (cr != std::string_view::npos) {
    input.remove_prefix(1);
    at_ = At::after_cr;
  }
}

void ContentReader::put(std::string_view text, Batch& batch) {
  counts_.stored_size += text.size();
  counts_.wire_size += text.size();
  if (header_.in_header()) {
    header_.add_text(text);
    check_header();
  }
  if (counts_.wire_size > limits_.size)
    spoil(ContentFault::too_big);
  if (!fault_)
    batch.put(text);
  else if (holds(text, '\n') || holds(text, '\0'))
    spoil(ContentFault::bad_line_end);
}

void ContentReader::end_line(Batch& batch) {
  counts_.stored_size += 1;
  counts_.wire_size += 2;
  if (header_.in_header()) {
    header_.end_line();
    check_header();
  }
  if (counts_.wire_size > limits_.size)
    spoil(ContentFault::too_big);
  if (!fault_)
    batch.put_line("");
}

void ContentReader::check_header() {
  if (header_.size() > limits_.header_size || header_.fields() > limits_.header_fields)
    spoil(ContentFault::header_too_big);
  if (header_.received() > limits_.received)
    spoil(ContentFault::loop);
}

void ContentReader::spoil(ContentFault fault) {
  if (!fault_ || fault < *fault_)
    fault_ = fault;
}

} // namespace letterlock::smtpd
