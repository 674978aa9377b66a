// Loading of the configuration.
#include "common/conf/configuration_file.h"

#include "common/conf/ini.h"
#include "common/conf/reader.h"
#include "common/conf/trusted_file.h"

namespace letterlock::conf {

Expected<Configuration> load(const std::string& path, const Overrides& overrides) {
  const auto text = read_trusted_file(path, Readers::anyone, max_configuration_size);
  if (!text)
    return std::unexpected(text.error());
  return parse(*text, path, overrides);
}

Expected<Configuration> parse(const std::string& text, std::string_view file,
                              const Overrides& overrides) {
  auto document = parse_ini(text, file);
  if (!document)
    return std::unexpected(std::move(document.error()));
  if (auto applied = apply(overrides, *document); !applied)
    return std::unexpected(std::move(applied.error()));
  return read_document(*document);
}

} // namespace letterlock::conf
