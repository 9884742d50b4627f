#include "ecg/typical_rr.hpp"

#include <algorithm>
#include <cstddef>

namespace ecg {
namespace {

constexpr double kFirst = 200.0;  // 0.8 s
// A single interval above 1.2 s is a pause; none above 2.5 s is a rhythm (24 a minute).
constexpr std::int64_t kLong = 300;
constexpr std::int64_t kLongest = 625;

constexpr std::size_t kMemory = 8;

}  // namespace

TypicalRr::TypicalRr() : typical_(kFirst) {
    recent_.reserve(kMemory);
    sorted_.reserve(kMemory);
}

void TypicalRr::learn(std::int64_t rr) {
    const bool is_pause = rr >= kLong && previous_ < kLong;
    previous_ = rr;
    if (is_pause || rr >= kLongest) return;
    if (recent_.size() == kMemory) recent_.erase(recent_.begin());
    recent_.push_back(rr);
    sorted_ = recent_;
    const auto middle = sorted_.begin() + static_cast<std::ptrdiff_t>(sorted_.size() / 2);
    std::ranges::nth_element(sorted_, middle);
    typical_ = static_cast<double>(*middle);
}

}  // namespace ecg
