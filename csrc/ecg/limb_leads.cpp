#include "ecg/limb_leads.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <tuple>

namespace ecg {
namespace {

constexpr std::size_t kTerms = std::tuple_size_v<ThreeLeads>;

/// First and second moment of a sequence, whose variance is wanted.
struct Moments {
    double sum = 0.0;
    double squares = 0.0;

    void add(double x) noexcept {
        sum += x;
        squares += x * x;
    }

    [[nodiscard]] double variance(double n) const noexcept {
        return std::max(0.0, squares / n - (sum / n) * (sum / n));
    }
};

}  // namespace

LeadSum sum_of_leads(const ThreeLeads& leads) {
    LeadSum result;
    const std::size_t n = leads.front().samples_mv.size();
    // Offsets of electrodes are far larger than the ECG: the first value of each is taken away.
    std::array<double, kTerms> offsets{};
    for (std::size_t k = 0; k < kTerms; ++k) {
        const auto& lead = leads[k];
        if (lead.samples_mv.size() != n) {
            throw std::invalid_argument("the leads must have the same number of samples");
        }
        const auto first =
            std::ranges::find_if(lead.samples_mv, [](double x) { return std::isfinite(x); });
        if (first != lead.samples_mv.end()) offsets[k] = *first;
    }
    std::array<double, kTerms> values{};
    std::array<Moments, kTerms> own;
    Moments of_sum;
    for (std::size_t i = 0; i < n; ++i) {
        double sum = 0.0;
        for (std::size_t k = 0; k < kTerms; ++k) {
            values[k] = leads[k].weight * (leads[k].samples_mv[i] - offsets[k]);
            sum += values[k];
        }
        if (!std::isfinite(sum)) continue;
        ++result.n_samples;
        of_sum.add(sum);
        for (std::size_t k = 0; k < kTerms; ++k) own[k].add(values[k]);
    }
    if (result.n_samples == 0) return result;
    const auto n_samples = static_cast<double>(result.n_samples);
    double unrelated = 0.0;
    for (const Moments& moments : own) unrelated += moments.variance(n_samples);
    result.sum_mv = std::sqrt(of_sum.variance(n_samples));
    result.unrelated_mv = std::sqrt(unrelated);
    return result;
}

}  // namespace ecg
