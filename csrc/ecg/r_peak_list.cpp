#include "ecg/r_peak_list.hpp"

#include <algorithm>
#include <stdexcept>

namespace ecg {

void check_r_peaks(std::span<const std::span<const double>> leads_mv,
                   std::span<const std::int64_t> r_peaks) {
    const std::size_t n = leads_mv.empty() ? 0 : leads_mv.front().size();
    if (std::ranges::any_of(leads_mv, [n](const auto& lead) { return lead.size() != n; })) {
        throw std::invalid_argument("all leads must have the same length");
    }
    std::int64_t previous = -1;
    for (const std::int64_t r_peak : r_peaks) {
        if (r_peak <= previous || r_peak >= static_cast<std::int64_t>(n)) {
            throw std::invalid_argument("R peaks must be strictly increasing and inside the leads");
        }
        previous = r_peak;
    }
}

}  // namespace ecg
