#pragma once

#include <cstring>

namespace ecg {

/// Values side by side in one register (types of GCC and Clang, on x86-64 and AArch64 alike), for
/// the few loops that compilers do not turn into vectors themselves.
using Float4 [[gnu::vector_size(16)]] = float;
using Double2 [[gnu::vector_size(16)]] = double;

/// The values from here on, which need not be aligned.
template <typename Lanes, typename Value>
[[nodiscard]] Lanes load(const Value* values) noexcept {
    Lanes lanes;
    std::memcpy(&lanes, values, sizeof(lanes));
    return lanes;
}

/// Values side by side become as many values from here on.
template <typename Lanes, typename Value>
void store(Lanes lanes, Value* values) noexcept {
    std::memcpy(values, &lanes, sizeof(lanes));
}

/// The greater of each pair.
template <typename Lanes>
[[nodiscard]] Lanes greater(Lanes a, Lanes b) noexcept {
    return a > b ? a : b;
}

/// The lesser of each pair.
template <typename Lanes>
[[nodiscard]] Lanes lesser(Lanes a, Lanes b) noexcept {
    return a < b ? a : b;
}

}  // namespace ecg
