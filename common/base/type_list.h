// TypeList: a list of types at compile time, and the few questions that are asked of one.
#pragma once

#include <cstddef>
#include <type_traits>

namespace letterlock {

template <class... Ts> struct TypeList {
  static constexpr std::size_t size = sizeof...(Ts);
};

template <class T, class List> struct Contains;
template <class T, class... Ts>
struct Contains<T, TypeList<Ts...>> : std::bool_constant<(std::is_same_v<T, Ts> || ...)> {};
template <class T, class List> inline constexpr bool contains = Contains<T, List>::value;

// The position of T, which must be in the list once.
template <class T, class List> struct IndexOf;
template <class T, class... Ts> struct IndexOf<T, TypeList<Ts...>> {
  static_assert((std::size_t{std::is_same_v<T, Ts>} + ... + 0) == 1, "T is in the list once");
  static constexpr std::size_t value = [] {
    std::size_t index = 0;
    (void)((std::is_same_v<T, Ts> || (++index, false)) || ...);
    return index;
  }();
};
template <class T, class List> inline constexpr std::size_t index_of = IndexOf<T, List>::value;

template <class... Lists> struct Concat;
template <> struct Concat<> {
  using type = TypeList<>;
};
template <class... Ts> struct Concat<TypeList<Ts...>> {
  using type = TypeList<Ts...>;
};
template <class... As, class... Bs, class... Rest>
struct Concat<TypeList<As...>, TypeList<Bs...>, Rest...> {
  using type = typename Concat<TypeList<As..., Bs...>, Rest...>::type;
};
template <class... Lists> using concat = typename Concat<Lists...>::type;

// Calls visit(std::type_identity<T>) for every T in order.
template <class... Ts, class Visit> constexpr void for_each_type(TypeList<Ts...>, Visit&& visit) {
  (visit(std::type_identity<Ts>{}), ...);
}

} // namespace letterlock
