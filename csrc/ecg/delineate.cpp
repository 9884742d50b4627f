#include "ecg/delineate.hpp"

#include <algorithm>
#include <cmath>

#include "ecg/beat_ring.hpp"
#include "ecg/lead_grid.hpp"
#include "ecg/mean_beat.hpp"
#include "ecg/p_waves.hpp"
#include "ecg/qrs_waves.hpp"
#include "ecg/r_peak_list.hpp"
#include "ecg/t_waves.hpp"

namespace ecg {
namespace {

using Leads = std::span<const std::span<const double>>;

constexpr std::size_t kP = 0;
constexpr std::size_t kQrs = 1;
constexpr std::size_t kT = 2;

// Between the usual 0.5-40 Hz and less noise; chosen with the wave bounds on LUDB.
constexpr Band kBand{Hertz{0.435}, Hertz{32.2}};

// Without a T wave before, P is looked for from 160 ms after the R peak before on.
constexpr int kShortestQt = 40;
// A T wave ends, and a P wave begins, within this of their R peaks: no beat farther off matters.
constexpr std::int64_t kFarthestBefore = 300;

// A piece filters again what the one before had filtered: few of them, yet enough that no thread
// waits long for another.
constexpr std::size_t kPiecesOfThread = 4;
constexpr std::size_t kLeastBeatsOfPiece = 256;

/// Median of each row of `n` values, which it puts in another order.
std::vector<double> medians(std::span<double> values, std::size_t n) {
    std::vector<double> found(values.size() / n);
    for (std::size_t row = 0; row < found.size(); ++row) {
        const auto from = values.begin() + static_cast<std::ptrdiff_t>(row * n);
        const auto middle = from + static_cast<std::ptrdiff_t>(n / 2);
        std::nth_element(from, middle, from + static_cast<std::ptrdiff_t>(n));
        found[row] = *middle;
    }
    return found;
}

/// What all beats of a recording share.
class Delineator {
  public:
    Delineator(Leads leads_mv, SamplingRate rate, std::span<const std::int64_t> r_peaks,
               ThreadCount threads)
        : leads_mv_(leads_mv),
          threads_(threads),
          grid_(leads_mv, rate, kBand, threads),
          on_grid_(r_peaks.size()) {
        std::ranges::transform(r_peaks, on_grid_.begin(), [&](std::int64_t r_peak) {
            const double index = static_cast<double>(r_peak) / grid_.samples_per_cell();
            return std::min<std::int64_t>(std::llround(index), grid_.width() - 1);
        });
    }

    [[nodiscard]] std::vector<std::int64_t> run() {
        std::vector<GridStretch> stretches(threads_.value(), GridStretch(grid_));  // one a thread
        measure_typical_amplitudes(stretches);
        points_.assign(leads_mv_.size() * on_grid_.size() * kWaveKinds * kWavePoints, kAbsent);
        over_pieces(stretches, [&](GridStretch& stretch, std::size_t first, std::size_t last) {
            delineate_beats(stretch, first, last);
        });
        return std::move(points_);
    }

  private:
    /// Calls work(stretch, first, last) for runs of beats that follow one another, each thread with
    /// a stretch of its own.
    template <typename Work>
    void over_pieces(std::span<GridStretch> stretches, const Work& work) const {
        const std::size_t n = on_grid_.size();
        const std::size_t most = threads_.value() == 1 ? 1 : kPiecesOfThread * threads_.value();
        const std::size_t n_pieces = std::clamp<std::size_t>(n / kLeastBeatsOfPiece, 1, most);
        fan_out(n_pieces, threads_, [&](std::size_t piece, std::size_t thread) {
            work(stretches[thread], piece * n / n_pieces, (piece + 1) * n / n_pieces);
        });
    }

    void measure_typical_amplitudes(std::span<GridStretch> stretches) {
        std::vector<double> amplitudes(leads_mv_.size() * on_grid_.size());
        over_pieces(stretches, [&](GridStretch& stretch, std::size_t first, std::size_t last) {
            for (std::size_t beat = first; beat < last; ++beat) {
                for (std::size_t lead = 0; lead < leads_mv_.size(); ++lead) {
                    amplitudes[lead * on_grid_.size() + beat] =
                        qrs_amplitude(stretch, lead, on_grid_[beat]);
                }
            }
        });
        typical_mv_ = medians(amplitudes, on_grid_.size());
    }

    void delineate_beats(GridStretch& stretch, std::size_t first, std::size_t last) {
        MeanBeats beats(grid_, stretch, on_grid_, typical_mv_);
        std::size_t beat = first;
        while (beat > 0 && on_grid_[first] - on_grid_[beat - 1] < kFarthestBefore) --beat;
        double t_end = -1e9;  // grid index
        for (; beat < last; ++beat) {
            beats.select(beat);
            if (beats.n_leads() == 0) continue;
            const auto origin = static_cast<double>(on_grid_[beat] - kBeatBefore);
            const QrsWaves qrs = delineate_qrs(beats);
            const WaveOfLeads p = delineate_p(beats, qrs, t_end - origin);
            const WaveOfLeads t = delineate_t(beats, qrs);
            t_end = t.empty() ? static_cast<double>(on_grid_[beat] + kShortestQt)
                              : origin + median_of(t, &Wave::offset);
            if (beat < first) continue;
            write(beat, kQrs, beats, qrs.leads, origin);
            write(beat, kP, beats, p, origin);
            write(beat, kT, beats, t, origin);
        }
    }

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
            if (grid_.has_gaps(lead)) {
                const auto missing = [](double x) { return !std::isfinite(x); };
                const auto from = leads_mv_[lead].begin() + onset;
                if (std::any_of(from, from + (offset - onset + 1), missing)) continue;
            }
            std::int64_t* const out =
                points_.data() +
                ((lead * on_grid_.size() + beat) * kWaveKinds + kind) * kWavePoints;
            out[0] = onset;
            out[1] = peak;
            out[2] = offset;
        }
    }

    [[nodiscard]] std::int64_t native(double grid_index) const {
        return std::llround(grid_index * grid_.samples_per_cell());
    }

    Leads leads_mv_;
    ThreadCount threads_;
    LeadGrid grid_;
    std::vector<std::int64_t> on_grid_;
    std::vector<double> typical_mv_;
    std::vector<std::int64_t> points_;
};

}  // namespace

std::vector<std::int64_t> delineate(Leads leads_mv, SamplingRate rate,
                                    std::span<const std::int64_t> r_peaks, ThreadCount threads) {
    check_r_peaks(leads_mv, r_peaks);
    if (leads_mv.empty() || r_peaks.empty()) return {};
    return Delineator(leads_mv, rate, r_peaks, threads).run();
}

}  // namespace ecg
