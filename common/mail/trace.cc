// Composes the fields out of phrases; a line is folded between two of them, never inside one.
#include "common/mail/trace.h"

#include <initializer_list>
#include <utility>

namespace letterlock::mail {

namespace {

constexpr std::size_t line_size = 78; // RFC 5322 §2.1.1

class FoldedField {
public:
  explicit FoldedField(std::string_view name) : text_(name) { text_ += ':'; }

  void add(std::initializer_list<std::string_view> phrase) {
    std::size_t size = 0;
    for (const auto part : phrase)
      size += part.size();
    // The first phrase stays on the line of the field's name, however long it is.
    const bool first = !std::exchange(has_phrase_, true);
    // Room is kept for the semicolon that may follow.
    if (!first && text_.size() - line_start_ + 2 + size > line_size) {
      text_ += "\n\t";
      line_start_ = text_.size() - 1;
    } else {
      text_ += ' ';
    }
    for (const auto part : phrase)
      text_ += part;
  }

  std::string finish() { return std::move(text_); }

private:
  std::string text_;
  std::size_t line_start_ = 0;
  bool has_phrase_ = false;
};

} // namespace

std::string WithProtocol::text() const {
  if (!extended && !utf8)
    return "SMTP";
  std::string name = utf8 ? "UTF8SMTP" : "ESMTP";
  if (tls)
    name += 'S';
  if (authenticated)
    name += 'A';
  return name;
}

std::string received_field(const Received& received) {
  FoldedField field("Received");
  if (received.from_name)
    field.add({"from ", received.from_name->text(), " (", received.from_address.text(), ")"});
  else
    field.add({"from ", received.from_address.text()});
  field.add({"by ", received.by});
  field.add({"with ", received.with.text()});
  if (received.tls)
    field.add({"(", received.tls->version, " ", received.tls->cipher, ")"});
  field.add({"id ", received.id});
  if (received.only_for)
    field.add({"for <", received.only_for->text(), ">"});
  return field.finish() + ";\n\t" + date_time(received.when) + '\n';
}

std::string return_path_field(const ReversePath& path) {
  return "Return-Path: " + path.text() + '\n';
}

std::string delivered_to_field(const Mailbox& recipient) {
  return "Delivered-To: " + recipient.text() + '\n';
}

} // namespace letterlock::mail
