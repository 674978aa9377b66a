// Reading of sections by the schema.
#include "common/conf/reader.h"

#include "common/conf/schema.h"

#include <algorithm>
#include <map>

namespace letterlock::conf {

namespace {

class Reader {
public:
  explicit Reader(const Document& document) : document_(document) {}

  Expected<Configuration> run() {
    for (const Section& section : document_.sections)
      if (auto read = read_section(section); !read)
        return std::unexpected(std::move(read.error()));
    // What has no argument and is left out has its defaults, or lacks what is required.
    for (const SectionKind kind : {SectionKind::server, SectionKind::access, SectionKind::limits})
      if (auto read = read_absent(kind); !read)
        return std::unexpected(std::move(read.error()));
    if (auto merged = merge_blocks(); !merged)
      return std::unexpected(std::move(merged.error()));
    if (auto checked = cross_check(result_, document_); !checked)
      return std::unexpected(std::move(checked.error()));
    return std::move(result_);
  }

private:
  using Done = Expected<void>;

  static Done refuse(const Section& section, std::string_view key, std::string_view reason) {
    return std::unexpected(error_in(section, key, reason));
  }

  Done read_section(const Section& section) {
    const SectionRow* row = find_section(section.name);
    if (!row)
      return refuse(section, "", "unknown section; the sections are " + section_names());
    if (row->takes_argument() == section.argument.empty())
      return refuse(section, "",
                    std::string(row->takes_argument() ? "the name is missing" : "it has no name") +
                        "; write " + std::string(row->example));
    const auto [first, is_new] =
        seen_.emplace(section.name + ' ' + folded(section.argument), section.origin);
    if (!is_new)
      return refuse(section, "",
                    "the section is there already, at " + first->second + "; write it once");
    if (++count_[row->kind] > row->most)
      return refuse(section, "",
                    "there are too many of them; " + std::to_string(row->most) + " are possible");

    SectionDraft draft;
    set_defaults(row->kind, draft);
    for (std::size_t i = 0; i < section.settings.size(); ++i)
      if (auto read = read_setting(*row, section, i, draft); !read)
        return read;
    for (const KeyRow& key : key_rows())
      if (key.section == row->kind && key.required && !section.find(key.key))
        return refuse(section, key.key,
                      "the key is missing; write " + std::string(key.key) + " = " +
                          std::string(key.example));
    return keep(row->kind, section, std::move(draft));
  }

  Done read_absent(SectionKind kind) {
    const auto row = std::find_if(section_rows().begin(), section_rows().end(),
                                  [&](const SectionRow& r) { return r.kind == kind; });
    if (count_.contains(kind))
      return {};
    return read_section({std::string(row->name), "", document_.file, {}});
  }

  static void set_defaults(SectionKind kind, SectionDraft& draft) {
    for (const KeyRow& key : key_rows())
      if (key.section == kind && !key.default_text.empty())
        static_cast<void>(key.set(draft, key.default_text)); // a test tries them all
  }

  static Done read_setting(const SectionRow& row, const Section& section, std::size_t index,
                           SectionDraft& draft) {
    const Setting& setting = section.settings[index];
    // Not error_in(): it would name the place of the first of two.
    const auto refuse_here = [&](std::string_view reason) {
      return fail(setting.origin + ": " + section.heading() + ' ' + setting.key + ": " +
                  std::string(reason));
    };
    const KeyRow* key = find_key(row.kind, setting.key);
    if (!key) {
      const std::string names = key_names(row.kind);
      return refuse_here("unknown key; " +
                         (names.empty() ? "this section has none" : "the keys are " + names));
    }
    if (const Setting* first = section.find(setting.key); first != &setting)
      return refuse_here("the key is there already, at " + first->origin + "; write it once");
    if (auto set = key->set(draft, setting.value); !set)
      return refuse_here(set.error());
    return {};
  }

  Done keep(SectionKind kind, const Section& section, SectionDraft&& draft) {
    switch (kind) {
    case SectionKind::server:
      result_.server = std::move(draft.server);
      return {};
    case SectionKind::access:
      result_.access = std::move(draft.access);
      return {};
    case SectionKind::limits:
      result_.limits = draft.limits;
      return {};
    case SectionKind::tls:
      result_.tls = Certificate{*draft.certificate, *draft.key};
      return {};
    case SectionKind::account: {
      const auto name = parse_account_name(section.argument);
      if (!name)
        return refuse(section, "", name.error());
      draft.account.name = *name;
      result_.accounts.push_back(draft.account);
      return {};
    }
    case SectionKind::domain:
      return keep_domain(section, std::move(draft));
    case SectionKind::address:
      return keep_address(section, draft);
    }
    return {};
  }

  Done keep_domain(const Section& section, SectionDraft&& draft) {
    const auto name = parse_domain_name(section.argument);
    if (!name)
      return refuse(section, "", name.error());
    if (draft.certificate && !draft.key)
      return refuse(section, "certificate", "it has no key; write key = PATH beside it");
    if (draft.key && !draft.certificate)
      return refuse(section, "key", "it has no certificate; write certificate = PATH beside it");
    Domain domain{*name, draft.target, std::move(draft.block), std::nullopt};
    if (draft.certificate)
      domain.certificate = Certificate{*draft.certificate, *draft.key};
    result_.domains.push_back(std::move(domain));
    return {};
  }

  Done keep_address(const Section& section, const SectionDraft& draft) {
    const auto address = parse_address(section.argument);
    if (!address)
      return refuse(section, "", address.error());
    if (draft.target)
      result_.routes.push_back({*address, *draft.target});
    else
      blocked_addresses_.push_back({*address, &section});
    return {};
  }

  // An address with "account = no" is one more block of its domain, whichever came first.
  Done merge_blocks() {
    for (const auto& [address, section] : blocked_addresses_) {
      const auto domain = std::find_if(result_.domains.begin(), result_.domains.end(),
                                       [&](const Domain& d) { return d.name == address.domain; });
      if (domain == result_.domains.end())
        return refuse(*section, "",
                      "its domain is not configured; write [domain " +
                          std::string(address.domain.view()) + "] too");
      domain->blocked.push_back(address.local);
    }
    for (Domain& domain : result_.domains) {
      std::sort(domain.blocked.begin(), domain.blocked.end());
      domain.blocked.erase(std::unique(domain.blocked.begin(), domain.blocked.end()),
                           domain.blocked.end());
    }
    return {};
  }

  struct BlockedAddress {
    Address address;
    const Section* section; // of document_
  };

  const Document& document_;
  Configuration result_;
  std::map<std::string, std::string> seen_; // folded heading, origin
  std::map<SectionKind, std::size_t> count_;
  std::vector<BlockedAddress> blocked_addresses_;
};

} // namespace

Expected<Configuration> read_document(const Document& document) {
  return Reader(document).run();
}

} // namespace letterlock::conf
