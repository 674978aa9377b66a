// Role: which process of the system one is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace letterlock {

enum class Role : std::uint8_t { letterlockd, smtpd, pop3d, queued, authd, keyd, resolvd, logd };

inline constexpr std::array role_names = {
    std::string_view("letterlockd"), std::string_view("smtpd"), std::string_view("pop3d"),
    std::string_view("queued"),      std::string_view("authd"), std::string_view("keyd"),
    std::string_view("resolvd"),     std::string_view("logd"),
};
inline constexpr std::size_t role_count = role_names.size();

constexpr std::string_view role_name(Role role) {
  return role_names[static_cast<std::size_t>(role)];
}

constexpr std::optional<Role> role_from_name(std::string_view name) {
  for (std::size_t i = 0; i < role_count; ++i)
    if (role_names[i] == name)
      return static_cast<Role>(i);
  return std::nullopt;
}

} // namespace letterlock
