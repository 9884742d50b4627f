#include "ecg/delineate.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "ecg/lead_grid.hpp"
#include "ecg/mean_beat.hpp"
#include "ecg/p_waves.hpp"
#include "ecg/qrs_waves.hpp"
#include "ecg/t_waves.hpp"

namespace ecg {
namespace {

using Leads = std::span<const std::span<const double>>;

constexpr std::size_t kP = 0;
constexpr std::size_t kQrs = 1;
constexpr std::size_t kT = 2;

// Without a T wave before, P is looked for from 160 ms after the R peak before on.
constexpr int kShortestQt = 40;

void check(Leads leads_mv, std::span<const std::int64_t> r_peaks) {
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

/// Writes waves into the result, in native samples.
class Result {
  public:
    Result(Leads leads_mv, std::size_t n_beats, double samples_per_cell)
        : leads_mv_(leads_mv),
          n_beats_(n_beats),
          samples_per_cell_(samples_per_cell),
          points_(leads_mv.size() * n_beats * kWaveKinds * kWavePoints, kAbsent) {}

    /// `origin` is the grid index of column 0. A lead with a sample missing there, or whose
    /// points would lie outside the recording, is left absent.
    void write(std::size_t beat, std::size_t kind, const MeanBeats& beats, const WaveOfLeads& waves,
               double origin) {
        for (std::size_t i = 0; i < waves.size(); ++i) {
            const Wave& wave = waves[i];
            const std::size_t lead = beats.lead(i);
            const std::int64_t onset = native(origin + wave.onset);
            const std::int64_t peak = native(origin + wave.peak);
            const std::int64_t offset = native(origin + wave.offset);
            const auto n = static_cast<std::int64_t>(leads_mv_[lead].size());
            if (onset < 0 || offset >= n || onset > peak || peak > offset) continue;
            const auto missing = [](double x) { return !std::isfinite(x); };
            const auto from = leads_mv_[lead].begin() + onset;
            if (std::any_of(from, from + (offset - onset + 1), missing)) continue;
            std::int64_t* const out =
                points_.data() + ((lead * n_beats_ + beat) * kWaveKinds + kind) * kWavePoints;
            out[0] = onset;
            out[1] = peak;
            out[2] = offset;
        }
    }

    std::vector<std::int64_t> take() && { return std::move(points_); }

  private:
    [[nodiscard]] std::int64_t native(double grid_index) const {
        return std::llround(grid_index * samples_per_cell_);
    }

    Leads leads_mv_;
    std::size_t n_beats_;
    double samples_per_cell_;
    std::vector<std::int64_t> points_;
};

}  // namespace

std::vector<std::int64_t> delineate(Leads leads_mv, SamplingRate rate,
                                    std::span<const std::int64_t> r_peaks) {
    check(leads_mv, r_peaks);
    if (leads_mv.empty() || r_peaks.empty()) return {};
    const LeadGrid grid(leads_mv, rate);
    std::vector<std::int64_t> on_grid(r_peaks.size());
    std::ranges::transform(r_peaks, on_grid.begin(), [&](std::int64_t r_peak) {
        const double index = static_cast<double>(r_peak) / grid.samples_per_cell();
        return std::min<std::int64_t>(std::llround(index), grid.width() - 1);
    });
    MeanBeats beats(grid, on_grid);
    Result result(leads_mv, r_peaks.size(), grid.samples_per_cell());
    double t_end = -1e9;  // grid index
    for (std::size_t beat = 0; beat < r_peaks.size(); ++beat) {
        beats.select(beat);
        if (beats.n_leads() == 0) continue;
        const auto origin = static_cast<double>(on_grid[beat] - kBeatBefore);
        const QrsWaves qrs = delineate_qrs(beats);
        const WaveOfLeads p = delineate_p(beats, qrs, t_end - origin);
        const WaveOfLeads t = delineate_t(beats, qrs);
        result.write(beat, kQrs, beats, qrs.leads, origin);
        result.write(beat, kP, beats, p, origin);
        result.write(beat, kT, beats, t, origin);
        t_end = t.empty() ? static_cast<double>(on_grid[beat] + kShortestQt)
                          : origin + median_of(t, &Wave::offset);
    }
    return std::move(result).take();
}

}  // namespace ecg
