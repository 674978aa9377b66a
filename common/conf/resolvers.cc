// Reading of name servers.
#include "common/conf/resolvers.h"

#include "common/base/read_file.h"
#include "common/base/unique_fd.h"
#include "common/conf/values.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>
#include <optional>

namespace letterlock::conf {

namespace {

std::optional<std::uint16_t> port_of(std::string_view s) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), port);
  if (error != std::errc() || end != s.data() + s.size() || port == 0)
    return std::nullopt;
  return port;
}

std::optional<NameServer> with_port(std::string_view host, std::string_view port) {
  const auto address = IpAddress::parse(host);
  const auto number = port_of(port);
  if (!address || !number)
    return std::nullopt;
  return NameServer{*address, *number};
}

std::optional<NameServer> read(std::string_view s) {
  if (const auto address = IpAddress::parse(s))
    return NameServer{*address};
  if (s.starts_with('[')) {
    const auto end = s.find("]:");
    if (end == std::string_view::npos)
      return std::nullopt;
    const auto server = with_port(s.substr(1, end - 1), s.substr(end + 2));
    // An IPv4 address has no brackets.
    return s.substr(1, end - 1).find(':') == std::string_view::npos ? std::nullopt : server;
  }
  const auto colon = s.find(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  return with_port(s.substr(0, colon), s.substr(colon + 1));
}

} // namespace

std::string NameServer::text() const {
  const std::string host = address.is_v4() ? address.text() : '[' + address.text() + ']';
  return host + ':' + std::to_string(port);
}

Parsed<NameServer> parse_name_server(std::string_view s) {
  const auto server = read(s);
  if (!server)
    return wrong(quoted(s) + " is no address of a resolver; write system, or addresses such as "
                             "192.0.2.53, 127.0.0.1:5353 or [2001:db8::53]:5353");
  return *server;
}

std::vector<NameServer> name_servers_of(std::string_view resolv_conf) {
  constexpr std::string_view keyword = "nameserver";
  std::vector<NameServer> servers;
  while (!resolv_conf.empty() && servers.size() < max_resolvers) {
    const auto end = resolv_conf.find('\n');
    std::string_view line = resolv_conf.substr(0, end);
    resolv_conf.remove_prefix(end == std::string_view::npos ? resolv_conf.size() : end + 1);
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    if (!line.starts_with(keyword))
      continue;
    line.remove_prefix(keyword.size());
    if (!line.starts_with(' ') && !line.starts_with('\t'))
      continue;
    line = trimmed(line);
    const auto address = IpAddress::parse(line.substr(0, line.find_first_of(" \t;#")));
    if (!address)
      continue;
    const NameServer server{*address};
    bool known = false;
    for (const NameServer& other : servers)
      known = known || other == server;
    if (!known)
      servers.push_back(server);
  }
  return servers;
}

Expected<std::vector<NameServer>> system_name_servers(const std::string& path) {
  // Usually a link to a file of the system's resolver.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat found {};
  if (!file || ::fstat(file.get(), &found) != 0)
    return fail_errno("[server] resolvers = system: " + path);
  if (!S_ISREG(found.st_mode))
    return fail("[server] resolvers = system: " + path + " is no file");
  const auto text = read_file(file.get(), max_resolv_conf);
  if (!text)
    return fail("[server] resolvers = system: " + path + ": " + text.error().text);
  auto servers = name_servers_of(*text);
  if (servers.empty())
    return fail("[server] resolvers = system: " + path +
                " names no nameserver; write resolvers = ADDRESS instead");
  return servers;
}

} // namespace letterlock::conf
