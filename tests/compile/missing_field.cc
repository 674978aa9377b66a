// Must not compile: fields() leaves a member out.
#include "common/ipc/field.h"

using namespace letterlock;

struct Forgetful {
  std::uint32_t a{};
  std::uint32_t b{};
  static constexpr auto fields() { return std::tuple(&Forgetful::a); }
};

// error: fields\(\) names every member
constexpr auto size = ipc::FieldCodec<Forgetful>::max_size;
