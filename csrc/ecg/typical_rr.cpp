#include "ecg/typical_rr.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "ecg/median_network.hpp"

namespace ecg {
namespace {

constexpr double kFirst = 200.0;  // 0.8 s
// A single interval above 1.2 s is a pause; none above 2.5 s is a rhythm (24 a minute).
constexpr std::int64_t kLong = 300;
constexpr std::int64_t kLongest = 625;

}  // namespace

TypicalRr::TypicalRr() : typical_(kFirst) {
    recent_.fill(std::numeric_limits<double>::max());
}

void TypicalRr::learn(std::int64_t rr) {
    const bool is_pause = rr >= kLong && previous_ < kLong;
    previous_ = rr;
    if (is_pause || rr >= kLongest) return;
    recent_[n_learned_++ % kMemory] = static_cast<double>(rr);
    static constexpr auto kComparisons = comparisons<kMemory>();
    auto sorted = recent_;
    for (const Comparison pair : kComparisons) {
        const double a = sorted[pair.lower];
        const double b = sorted[pair.upper];
        sorted[pair.lower] = a < b ? a : b;
        sorted[pair.upper] = a < b ? b : a;
    }
    typical_ = sorted[std::min(n_learned_, kMemory) / 2];
}

}  // namespace ecg
