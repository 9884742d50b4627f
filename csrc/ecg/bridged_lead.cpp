#include "ecg/bridged_lead.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ecg/lanes.hpp"

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
        if (summarise_whole(samples)) {
            after_[b] = from;
            before_[b + 1] = from + samples.size() - 1;
            continue;
        }
        has_gaps_ = true;
        summarise_broken(samples);
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

/// Takes in the extremes of samples that are all there; otherwise does nothing and says so.
bool BridgedLead::summarise_whole(std::span<const double> samples) noexcept {
    constexpr std::size_t kPairs = 4;  // side by side, as they do not wait for one another
    std::array<Double2, kPairs> low{};
    std::array<Double2, kPairs> high{};
    std::array<Double2, kPairs> nothing{};  // x - x: zero, or not a number where x is not finite
    low.fill(Double2{lowest_, lowest_});
    high.fill(Double2{highest_, highest_});
    const auto take = [&](std::size_t k, Double2 x) {
        low[k] = lesser(x, low[k]);
        high[k] = greater(x, high[k]);
        nothing[k] += x - x;
    };
    const std::size_t n_whole = samples.size() / (2 * kPairs) * (2 * kPairs);
    for (std::size_t i = 0; i < n_whole; i += 2 * kPairs) {
        for (std::size_t k = 0; k < kPairs; ++k) {
            take(k, load<Double2>(samples.data() + i + 2 * k));
        }
    }
    for (const double x : samples.subspan(n_whole)) take(0, Double2{x, x});
    for (std::size_t k = 1; k < kPairs; ++k) {
        low[0] = lesser(low[k], low[0]);
        high[0] = greater(high[k], high[0]);
        nothing[0] += nothing[k];
    }
    if (!is_there(nothing[0][0] + nothing[0][1])) return false;
    lowest_ = std::clamp(std::min(low[0][0], low[0][1]), -kLargestMv, kLargestMv);
    highest_ = std::clamp(std::max(high[0][0], high[0][1]), -kLargestMv, kLargestMv);
    return true;
}

void BridgedLead::summarise_broken(std::span<const double> samples) noexcept {
    for (const double x : samples) {
        if (!is_there(x)) continue;
        lowest_ = std::min(lowest_, std::max(x, -kLargestMv));
        highest_ = std::max(highest_, std::min(x, kLargestMv));
    }
}

double BridgedLead::at(std::size_t index) const noexcept {
    return std::clamp(lead_mv_[index], -kLargestMv, kLargestMv);
}

void BridgedLead::read(std::size_t first, std::span<double> values) const {
    const std::size_t from = first * block_;
    const auto samples = lead_mv_.subspan(from, values.size());
    if (!has_gaps_ && lowest_ > -kLargestMv && highest_ < kLargestMv) {
        std::ranges::copy(samples, values.begin());
        return;
    }
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
