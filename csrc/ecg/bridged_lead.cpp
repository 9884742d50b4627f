#include "ecg/bridged_lead.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ecg {
namespace {

// Beyond any electrode potential; keeps squares finite.
constexpr double kLargestMv = 1e9;
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

bool is_there(double x) {
    return std::isfinite(x);
}

}  // namespace

BridgedLead::BridgedLead(std::span<const double> lead_mv, std::size_t block)
    : lead_mv_(lead_mv), block_(block), lowest_(kLargestMv), highest_(-kLargestMv) {
    const std::size_t n_blocks = (lead_mv.size() + block - 1) / block;
    before_.assign(n_blocks + 1, kNone);
    after_.assign(n_blocks + 1, kNone);
    for (std::size_t b = 0; b < n_blocks; ++b) {
        const std::size_t from = b * block;
        const auto samples = lead_mv.subspan(from, std::min(block, lead_mv.size() - from));
        summarise(from, from + samples.size());
        const auto first = std::ranges::find_if(samples, is_there);
        const auto last = std::find_if(samples.rbegin(), samples.rend(), is_there);
        before_[b + 1] = before_[b];
        if (first == samples.end()) continue;
        after_[b] = from + static_cast<std::size_t>(first - samples.begin());
        before_[b + 1] = from + static_cast<std::size_t>(samples.rend() - last) - 1;
    }
    for (std::size_t b = n_blocks; b-- > 0;) after_[b] = std::min(after_[b], after_[b + 1]);
    if (after_[0] == kNone) lowest_ = highest_ = 0.0;
}

/// Branch-free: comparisons with NaN are false.
void BridgedLead::summarise(std::size_t from, std::size_t to) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    double low = lowest_;
    double high = highest_;
    std::size_t n_missing = 0;
    for (std::size_t i = from; i < to; ++i) {
        const double x = lead_mv_[i];
        n_missing += is_there(x) ? 0 : 1;
        low = x < low && x > -kInfinity ? x : low;
        high = x > high && x < kInfinity ? x : high;
    }
    lowest_ = std::clamp(low, -kLargestMv, kLargestMv);
    highest_ = std::clamp(high, -kLargestMv, kLargestMv);
    has_gaps_ = has_gaps_ || n_missing > 0;
}

double BridgedLead::at(std::size_t index) const noexcept {
    return std::clamp(lead_mv_[index], -kLargestMv, kLargestMv);
}

void BridgedLead::read(std::size_t first, std::span<double> values) const {
    const std::size_t from = first * block_;
    const auto samples = lead_mv_.subspan(from, values.size());
    std::ranges::transform(samples, values.begin(),
                           [](double x) { return std::clamp(x, -kLargestMv, kLargestMv); });
    if (!has_gaps_) return;
    const auto end = [&](std::size_t i) {
        return samples.begin() + static_cast<std::ptrdiff_t>(i);
    };
    std::size_t before = before_[first];
    for (std::size_t i = 0; i < samples.size(); ++i) {
        if (is_there(samples[i])) continue;
        if (i > 0) before = from + i - 1;
        const auto next = std::find_if(end(i), samples.end(), is_there);
        const auto gap_end = static_cast<std::size_t>(next - samples.begin());
        const std::size_t after = gap_end < samples.size()
                                      ? from + gap_end
                                      : after_[(from + gap_end + block_ - 1) / block_];
        bridge(values.subspan(i, gap_end - i), from + i, before, after);
        i = gap_end;
    }
}

/// `first` is the index of the gap's first sample in the lead.
void BridgedLead::bridge(std::span<double> gap, std::size_t first, std::size_t before,
                         std::size_t after) const {
    if (before == kNone || after == kNone) {
        const std::size_t nearest = before == kNone ? after : before;
        std::ranges::fill(gap, nearest == kNone ? 0.0 : at(nearest));
        return;
    }
    const double step = 1.0 / static_cast<double>(after - before);
    for (std::size_t i = 0; i < gap.size(); ++i) {
        gap[i] = std::lerp(at(before), at(after), step * static_cast<double>(first + i - before));
    }
}

}  // namespace ecg
