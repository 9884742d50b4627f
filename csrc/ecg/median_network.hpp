#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ecg {

/// Calls visit(lower, upper) for each comparison of a merge exchange sort of n rows (Knuth, The
/// Art of Computer Programming 3, 5.2.2, algorithm M).
template <typename Visit>
constexpr void merge_exchange(std::size_t n, Visit visit) {
    const std::size_t top = std::bit_floor(n - 1);
    for (std::size_t p = top; p > 0; p /= 2) {
        std::size_t residue = 0;
        std::size_t distance = p;
        for (std::size_t q = top;; q /= 2) {
            for (std::size_t i = 0; i + distance < n; ++i) {
                if ((i & p) == residue) visit(i, i + distance);
            }
            if (q == p) break;
            distance = q - p;
            residue = p;
        }
    }
}

struct Comparison {
    std::uint8_t lower;
    std::uint8_t upper;
};

template <std::size_t N>
constexpr auto comparisons() {
    constexpr std::size_t kCount = [] {
        std::size_t n = 0;
        merge_exchange(N, [&n](std::size_t, std::size_t) { ++n; });
        return n;
    }();
    std::array<Comparison, kCount> pairs{};
    std::size_t n = 0;
    merge_exchange(N, [&](std::size_t lower, std::size_t upper) {
        pairs[n++] = {static_cast<std::uint8_t>(lower), static_cast<std::uint8_t>(upper)};
    });
    return pairs;
}

using Four = std::array<double, 4>;

/// Medians of four columns at once: which rows are compared does not depend on the values, so
/// that no branch is mispredicted and the columns go side by side.
template <std::size_t N>
Four medians_of(std::array<Four, N> rows) {
    static_assert(N % 2 == 0);
    static constexpr auto kComparisons = comparisons<N>();
    for (const Comparison pair : kComparisons) {
        const Four a = rows[pair.lower];
        const Four b = rows[pair.upper];
        Four& low = rows[pair.lower];
        Four& high = rows[pair.upper];
        for (std::size_t k = 0; k < 4; ++k) low[k] = a[k] < b[k] ? a[k] : b[k];
        for (std::size_t k = 0; k < 4; ++k) high[k] = a[k] < b[k] ? b[k] : a[k];
    }
    Four medians{};
    for (std::size_t k = 0; k < 4; ++k) medians[k] = 0.5 * (rows[N / 2 - 1][k] + rows[N / 2][k]);
    return medians;
}

}  // namespace ecg
