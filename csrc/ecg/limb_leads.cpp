#include "ecg/limb_leads.hpp"

#include <cmath>
#include <stdexcept>
#include <vector>

namespace ecg {
namespace {

bool all_finite(std::span<const WeightedLead> leads, std::size_t i) {
    double sum = 0.0;
    for (const auto& lead : leads) sum += lead.samples_mv[i] - lead.samples_mv[i];
    return sum == 0.0;  // infinity - infinity is NaN
}

}  // namespace

LeadSum sum_of_leads(std::span<const WeightedLead> leads) {
    LeadSum result;
    if (leads.empty()) return result;
    const std::size_t n = leads.front().samples_mv.size();
    for (const auto& lead : leads) {
        if (lead.samples_mv.size() != n) {
            throw std::invalid_argument("the leads must have the same number of samples");
        }
    }
    std::vector<double> means(leads.size(), 0.0);
    for (std::size_t i = 0; i < n; ++i) {
        if (!all_finite(leads, i)) continue;
        ++result.n_samples;
        for (std::size_t k = 0; k < leads.size(); ++k) means[k] += leads[k].samples_mv[i];
    }
    if (result.n_samples == 0) return result;
    const auto n_samples = static_cast<double>(result.n_samples);
    for (double& mean : means) mean /= n_samples;
    double sum_power = 0.0;
    double own_power = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        if (!all_finite(leads, i)) continue;
        double sum = 0.0;
        for (std::size_t k = 0; k < leads.size(); ++k) {
            const double x = leads[k].weight * (leads[k].samples_mv[i] - means[k]);
            sum += x;
            own_power += x * x;
        }
        sum_power += sum * sum;
    }
    result.sum_mv = std::sqrt(sum_power / n_samples);
    result.unrelated_mv = std::sqrt(own_power / n_samples);
    return result;
}

}  // namespace ecg
