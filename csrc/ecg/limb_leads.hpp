#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace ecg {

struct WeightedLead {
    std::span<const double> samples_mv;
    double weight;
};

using ThreeLeads = std::array<WeightedLead, 3>;

/// RMS values in mV where all leads have a finite sample, each lead without its mean there.
struct LeadSum {
    double sum_mv = 0.0;        ///< of the weighted sum
    double unrelated_mv = 0.0;  ///< that it would have if the leads had nothing in common
    std::size_t n_samples = 0;  ///< samples it rests on
};

/// How near a weighted sum of three leads is to zero. Leads of unequal length:
/// std::invalid_argument.
[[nodiscard]] LeadSum sum_of_leads(const ThreeLeads& leads);

}  // namespace ecg
