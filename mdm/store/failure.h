/// What went wrong in the companion, as a sentence for administrators. A value; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace eg::mdm {

enum class FailureKind : std::uint8_t {
    busy,     // another process writes; worth another try
    missing,  // what was named doesn't exist
    exists,   // what should be new exists already
    invalid,  // what was given can't be right
    broken,   // the database or the system refused
};

struct Failure {
    FailureKind kind = FailureKind::broken;
    std::string text;  // one sentence or two: what is wrong, and what to do next; never a secret
};

template <typename T>
using Outcome = std::expected<T, Failure>;

[[nodiscard]] inline std::unexpected<Failure> failed(FailureKind kind, std::string text) {
    return std::unexpected(Failure{kind, std::move(text)});
}

}  // namespace eg::mdm
