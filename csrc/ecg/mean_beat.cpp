#include "ecg/mean_beat.hpp"

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

// The QRS complex for comparing beats: 60 ms before to 80 ms after the R peak.
constexpr int kQrsBefore = 15;
constexpr int kQrsAfter = 20;
constexpr int kQrsWidth = kQrsBefore + kQrsAfter + 1;

constexpr std::size_t kNeighbours = 8;  // on each side
constexpr double kLeastSimilarity = 0.63;
constexpr int kMostShift = 4;
constexpr double kOwnWeight = 1.19;

// A lead is flat below a tenth of a microvolt, or where a beat has shrunk to this share of the
// typical one.
constexpr double kFlatMv = 1e-4;
constexpr double kLeastOfTypical = 0.05;

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace

MeanBeats::MeanBeats(const LeadGrid& grid, std::vector<std::int64_t> r_peaks)
    : grid_(grid),
      r_peaks_(std::move(r_peaks)),
      qrs_amplitude_(grid.n_leads(), 0.0),
      means_(grid.n_leads() * kBeatWidth),
      slopes_(grid.n_leads() * kBeatWidth) {
    members_.reserve(2 * kNeighbours + 1);
    live_.reserve(grid.n_leads());
    if (r_peaks_.empty()) return;
    std::vector<double> amplitudes(r_peaks_.size());
    for (std::size_t lead = 0; lead < grid_.n_leads(); ++lead) {
        std::ranges::transform(r_peaks_, amplitudes.begin(),
                               [&](std::int64_t r_peak) { return amplitude(lead, r_peak); });
        qrs_amplitude_[lead] = median(amplitudes);
    }
}

double MeanBeats::amplitude(std::size_t lead, std::int64_t r_peak) const noexcept {
    double low = value(lead, r_peak);
    double high = low;
    for (std::int64_t k = -kQrsBefore; k <= kQrsAfter; ++k) {
        const double x = value(lead, r_peak + k);
        low = std::min(low, x);
        high = std::max(high, x);
    }
    return high - low;
}

double MeanBeats::value(std::size_t lead, std::int64_t index) const noexcept {
    const auto inside = std::clamp<std::int64_t>(index, 0, grid_.width() - 1);
    return grid_.lead(lead)[static_cast<std::size_t>(inside)];
}

double MeanBeats::member(std::size_t i, std::size_t live, int column) const noexcept {
    return value(live_[live], members_[i] + column - kBeatBefore);
}

/// Correlation of the QRS complexes around two grid indices over all leads.
double MeanBeats::similarity(std::int64_t a, std::int64_t b) const noexcept {
    double ab = 0.0;
    double aa = 0.0;
    double bb = 0.0;
    for (const std::size_t lead : live_) {
        double sum_a = 0.0;
        double sum_b = 0.0;
        double lead_ab = 0.0;
        double lead_aa = 0.0;
        double lead_bb = 0.0;
        for (std::int64_t k = -kQrsBefore; k <= kQrsAfter; ++k) {
            const double x = value(lead, a + k) / qrs_amplitude_[lead];
            const double y = value(lead, b + k) / qrs_amplitude_[lead];
            sum_a += x;
            sum_b += y;
            lead_ab += x * y;
            lead_aa += x * x;
            lead_bb += y * y;
        }
        ab += lead_ab - sum_a * sum_b / kQrsWidth;
        aa += lead_aa - sum_a * sum_a / kQrsWidth;
        bb += lead_bb - sum_b * sum_b / kQrsWidth;
    }
    return aa > 0.0 && bb > 0.0 ? ab / std::sqrt(aa * bb) : 0.0;
}

void MeanBeats::find_members(std::size_t beat) {
    members_.assign(1, r_peaks_[beat]);
    const std::size_t from = beat > kNeighbours ? beat - kNeighbours : 0;
    const std::size_t to = std::min(r_peaks_.size() - 1, beat + kNeighbours);
    for (std::size_t other = from; other <= to; ++other) {
        if (other == beat) continue;
        double best = kLeastSimilarity;
        std::int64_t aligned = -1;
        for (int shift = -kMostShift; shift <= kMostShift; ++shift) {
            const double similar = similarity(r_peaks_[beat], r_peaks_[other] + shift);
            if (similar > best) {
                best = similar;
                aligned = r_peaks_[other] + shift;
            }
        }
        if (aligned >= 0) members_.push_back(aligned);
    }
}

void MeanBeats::average() {
    const double sum_of_weights = kOwnWeight + static_cast<double>(members_.size() - 1);
    for (std::size_t live = 0; live < live_.size(); ++live) {
        double* const mean = means_.data() + live * kBeatWidth;
        std::fill_n(mean, kBeatWidth, 0.0);
        for (std::size_t i = 0; i < members_.size(); ++i) {
            const double weight = (i == 0 ? kOwnWeight : 1.0) / sum_of_weights;
            for (int k = 0; k < kBeatWidth; ++k) mean[k] += weight * member(i, live, k);
        }
        double* const slope = slopes_.data() + live * kBeatWidth;
        std::fill_n(slope, kBeatWidth, 0.0);
        for (int k = 2; k < kBeatWidth - 2; ++k) {
            slope[k] = (mean[k + 1] - mean[k - 1] + mean[k + 2] - mean[k - 2]) / 6.0;
        }
    }
}

double MeanBeats::irregularity(std::size_t beat) const noexcept {
    const std::size_t from = beat > kNeighbours ? beat - kNeighbours : 0;
    const std::size_t to = std::min(r_peaks_.size() - 1, beat + kNeighbours);
    double changes = 0.0;
    double sum = 0.0;
    for (std::size_t i = from + 2; i <= to; ++i) {
        const auto rr = static_cast<double>(r_peaks_[i] - r_peaks_[i - 1]);
        const auto before = static_cast<double>(r_peaks_[i - 1] - r_peaks_[i - 2]);
        changes += std::abs(rr - before);
        sum += rr;
    }
    return sum > 0.0 ? changes / sum : 0.0;
}

void MeanBeats::select(std::size_t beat) {
    const std::int64_t r_peak = r_peaks_[beat];
    rr_irregularity_ = irregularity(beat);
    live_.clear();
    for (std::size_t lead = 0; lead < grid_.n_leads(); ++lead) {
        const double least = std::max(kFlatMv, kLeastOfTypical * qrs_amplitude_[lead]);
        if (qrs_amplitude_[lead] > kFlatMv && amplitude(lead, r_peak) > least) {
            live_.push_back(lead);
        }
    }
    find_members(beat);
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
