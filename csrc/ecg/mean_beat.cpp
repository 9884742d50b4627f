#include "ecg/mean_beat.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "ecg/lanes.hpp"

namespace ecg {
namespace {

constexpr double kLeastSimilarity = 0.63;
constexpr double kOwnWeight = 1.19;

// A lead is flat below a tenth of a microvolt, or where a beat has shrunk to this share of the
// typical one.
constexpr double kFlatMv = 1e-4;
constexpr double kLeastOfTypical = 0.05;

/// Columns summed at a time, so that the sums stay in registers.
constexpr int kSumWidth = 12;
static_assert(kBeatWidth % kSumWidth == 0);

}  // namespace

MeanBeats::MeanBeats(const LeadGrid& grid, GridStretch& stretch,
                     std::span<const std::int64_t> r_peaks, std::span<const double> typical_mv)
    : grid_(grid),
      r_peaks_(r_peaks),
      typical_mv_(typical_mv),
      ring_(stretch, r_peaks, typical_mv),
      means_(grid.n_leads() * kBeatWidth),
      slopes_(grid.n_leads() * kBeatWidth) {
    members_.reserve(2 * kNeighbours + 1);
    live_.reserve(grid.n_leads());
}

void MeanBeats::find_members(std::size_t beat) {
    members_.assign(1, {beat, 0});
    const std::size_t from = beat > kNeighbours ? beat - kNeighbours : 0;
    const std::size_t to = std::min(r_peaks_.size() - 1, beat + kNeighbours);
    for (std::size_t other = from; other <= to; ++other) {
        if (other == beat) continue;
        const Alignment aligned = ring_.align(beat, other, live_);
        if (aligned.similarity > kLeastSimilarity && r_peaks_[other] + aligned.shift >= 0) {
            members_.push_back({other, aligned.shift});
        }
    }
}

void MeanBeats::average() {
    const double sum_of_weights = kOwnWeight + static_cast<double>(members_.size() - 1);
    const auto own_weight = static_cast<float>(kOwnWeight / sum_of_weights);
    const auto other_weight = static_cast<float>(1.0 / sum_of_weights);
    for (std::size_t live = 0; live < live_.size(); ++live) {
        double* const mean = means_.data() + live * kBeatWidth;
        for (int from = 0; from < kBeatWidth; from += kSumWidth) {
            std::array<Float4, kSumWidth / 4> sums{};
            for (std::size_t i = 0; i < members_.size(); ++i) {
                const float weight = i == 0 ? own_weight : other_weight;
                const float* const values = member(i, live) + from;
                for (std::size_t v = 0; v < sums.size(); ++v) {
                    sums[v] += weight * load<Float4>(values + 4 * v);
                }
            }
            for (int k = 0; k < kSumWidth; ++k) {
                mean[from + k] = static_cast<double>(sums[static_cast<std::size_t>(k) / 4][k % 4]);
            }
        }
        double* const slope = slopes_.data() + live * kBeatWidth;
        for (int k = 2; k < kBeatWidth - 2; ++k) {
            slope[k] = (mean[k + 1] - mean[k - 1] + mean[k + 2] - mean[k - 2]) / 6.0;
        }
    }
}

double MeanBeats::irregularity(std::size_t beat) const noexcept {
    const std::size_t from = beat > kNeighbours ? beat - kNeighbours : 0;
    const std::size_t to = std::min(r_peaks_.size() - 1, beat + kNeighbours);
    std::array<bool, 2 * kNeighbours + 1> alike{};
    for (const Member& member : members_) alike[member.beat - from] = true;
    double changes = 0.0;
    double sum = 0.0;
    double changes_alike = 0.0;
    double sum_alike = 0.0;
    for (std::size_t i = from + 2; i <= to; ++i) {
        const auto rr = static_cast<double>(r_peaks_[i] - r_peaks_[i - 1]);
        const auto before = static_cast<double>(r_peaks_[i - 1] - r_peaks_[i - 2]);
        const std::size_t k = i - from;
        changes += std::abs(rr - before);
        sum += rr;
        if (alike[k] && alike[k - 1] && alike[k - 2]) {
            changes_alike += std::abs(rr - before);
            sum_alike += rr;
        }
    }
    if (sum_alike > 0.0) return changes_alike / sum_alike;
    return sum > 0.0 ? changes / sum : 0.0;
}

void MeanBeats::select(std::size_t beat) {
    const std::int64_t r_peak = r_peaks_[beat];
    ring_.move_to(beat);
    live_.clear();
    for (std::size_t lead = 0; lead < grid_.n_leads(); ++lead) {
        const double least = std::max(kFlatMv, kLeastOfTypical * typical_mv_[lead]);
        if (typical_mv_[lead] > kFlatMv && ring_.amplitude(beat, lead) > least) {
            live_.push_back(lead);
        }
    }
    find_members(beat);
    rr_irregularity_ = irregularity(beat);
    average();
    first_column_ = static_cast<int>(std::max<std::int64_t>(0, kBeatBefore - r_peak));
    last_column_ = static_cast<int>(
        std::min<std::int64_t>(kBeatWidth - 1, kBeatBefore + grid_.width() - 1 - r_peak));
    constexpr std::int64_t kFar = std::int64_t{10} * kNoNeighbour;
    rr_before_ =
        beat == 0 ? kNoNeighbour : static_cast<int>(std::min(r_peak - r_peaks_[beat - 1], kFar));
    rr_after_ = beat + 1 == r_peaks_.size()
                    ? kNoNeighbour
                    : static_cast<int>(std::min(r_peaks_[beat + 1] - r_peak, kFar));
}

}  // namespace ecg
