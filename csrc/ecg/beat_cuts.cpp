#include "ecg/beat_cuts.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "ecg/r_peak_list.hpp"

namespace ecg {

BeatCuts cut_beats(std::span<const std::span<const double>> leads_mv, SamplingRate rate,
                   std::span<const std::int64_t> r_peaks, CutShape shape, Band band) {
    check_r_peaks(leads_mv, r_peaks);
    const auto within_reach = [](std::int64_t n) { return n >= 0 && n <= GridStretch::kReach; };
    if (!within_reach(shape.before) || !within_reach(shape.after)) {
        throw std::invalid_argument("beats can be cut by 192 columns of 4 ms on either side");
    }
    const LeadGrid grid(leads_mv, rate, band);
    GridStretch stretch(grid);
    const auto width = static_cast<std::int64_t>(shape.width());
    BeatCuts cuts;
    cuts.values_mv.resize(r_peaks.size() * leads_mv.size() * shape.width());
    cuts.inside.reserve(2 * r_peaks.size());
    cuts.anchors.reserve(r_peaks.size());
    auto out = cuts.values_mv.begin();
    for (const std::int64_t r_peak : r_peaks) {
        const std::int64_t nearest =
            std::llround(static_cast<double>(r_peak) / grid.samples_per_cell());
        const std::int64_t cell = std::clamp<std::int64_t>(nearest, 0, grid.width() - 1);
        for (std::size_t lead = 0; lead < leads_mv.size(); ++lead) {
            out = std::ranges::transform(stretch.around(lead, cell, shape.before, shape.after), out,
                                         [](double x) { return static_cast<float>(x); })
                      .out;
        }
        const std::int64_t first = cell - shape.before;
        cuts.inside.push_back(std::clamp<std::int64_t>(-first, 0, width));
        cuts.inside.push_back(std::clamp<std::int64_t>(grid.width() - first, 0, width));
        cuts.anchors.push_back(static_cast<double>(cell) * grid.samples_per_cell());
    }
    return cuts;
}

}  // namespace ecg
