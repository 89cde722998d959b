/// The `--name value` arguments of the bench's programs. An unknown name ends the program with a
/// line.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

namespace eg::bench {

class Arguments {
  public:
    /// Every name must be one of `known`; exits with status 64 otherwise.
    Arguments(int count, char** values, std::initializer_list<std::string_view> known);

    [[nodiscard]] bool has(std::string_view name) const;
    [[nodiscard]] std::string text(std::string_view name, std::string_view otherwise = "") const;
    [[nodiscard]] std::uint64_t number(std::string_view name, std::uint64_t otherwise = 0) const;

  private:
    std::map<std::string, std::string, std::less<>> values_;
};

/// Prints one line and ends the program: a bench that goes on after a surprise measures nothing.
[[noreturn]] void fail(std::string_view what);

}  // namespace eg::bench
