/// Memory of a size that is known at run time, on the stack where it is small. Not cleared.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

namespace eg {

template <std::size_t N>
class Scratch {
  public:
    explicit Scratch(std::size_t bytes)
        : heap_(bytes > N ? std::make_unique_for_overwrite<char[]>(bytes) : nullptr) {}
    [[nodiscard]] char* data() { return heap_ != nullptr ? heap_.get() : stack_.data(); }

  private:
    std::unique_ptr<char[]> heap_;
    std::array<char, N> stack_;
};

}  // namespace eg
