#include "ecg/pacing_spikes.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace ecg {
namespace {

constexpr double kLowestRateHz = 240.0;
// A spike is over this soon after its first step; around it the signal must be quiet for longer.
constexpr double kSpikeSeconds = 0.005;
constexpr double kQuietSeconds = 0.014;
// Least step, as a share of a lead's range, and how much it must exceed those around the spike.
constexpr double kLeastStep = 0.10;
constexpr double kLeastContrast = 4.0;

/// Squared steps from sample to sample, each lead's relative to its range, summed over leads.
void sum_steps(std::span<const std::vector<double>> stretches, std::span<const BridgedLead> leads,
               std::vector<double>& steps) {
    steps.assign(stretches.front().size(), 0.0);
    for (std::size_t k = 0; k < leads.size(); ++k) {
        const double range = leads[k].highest() - leads[k].lowest();
        if (range <= 0.0) continue;
        const double scale = 1.0 / range;
        const auto& stretch = stretches[k];
        for (std::size_t i = 1; i < stretch.size(); ++i) {
            const double step = (stretch[i] - stretch[i - 1]) * scale;
            steps[i] += step * step;
        }
    }
}

void bridge(std::vector<double>& lead, std::size_t from, std::size_t to) {
    for (std::size_t i = from + 1; i < to; ++i) {
        const double share = static_cast<double>(i - from) / static_cast<double>(to - from);
        lead[i] = std::lerp(lead[from], lead[to], share);
    }
}

}  // namespace

void remove_pacing_spikes(std::span<std::vector<double>> stretches,
                          std::span<const BridgedLead> leads, SamplingRate rate,
                          std::vector<double>& steps) {
    if (leads.empty() || rate.hz() < kLowestRateHz) return;
    const auto spike = static_cast<std::size_t>(rate.samples_in(Seconds{kSpikeSeconds}));
    const auto quiet = static_cast<std::size_t>(rate.samples_in(Seconds{kQuietSeconds}));
    sum_steps(stretches, leads, steps);
    // Squares are compared: a mean square over leads against the squared limits.
    const double least_step = kLeastStep * kLeastStep * static_cast<double>(leads.size());
    constexpr double kContrastSquared = kLeastContrast * kLeastContrast;
    for (std::size_t i = quiet; i + spike + quiet < steps.size(); ++i) {
        if (steps[i] < least_step) continue;
        const double* const step = steps.data() + i;
        const double before = *std::max_element(step - quiet + 1, step - 1);
        const double after = *std::max_element(step + spike, step + spike + quiet);
        if (steps[i] < kContrastSquared * std::max(before, after)) continue;
        for (auto& lead : stretches) bridge(lead, i - 2, i + spike);
        i += spike;
    }
}

}  // namespace ecg
