#include "ecg/p_waves.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace ecg {
namespace {

// Search: from 340 ms before R, or the end of the T wave, to 4 ms before the QRS onset.
constexpr int kLongestPr = 85;
constexpr double kIntoT = 1.9;
constexpr int kBeforeQrs = 1;
constexpr int kShortestWindow = 12;
// A P wave is a bump of +-48 ms of at least 2 % of the QRS amplitude.
constexpr int kReach = 12;
constexpr double kLeastHeight = 0.02;
constexpr int kLeadsApart = 18;
// It recurs (see Recurrence); where RR intervals change by more than 9 % from one to the next, as
// in fibrillation, it must do so more strictly.
constexpr int kHalfRecurring = 16;
constexpr std::size_t kFewestMembers = 3;
constexpr double kLeastCoherence = 0.65;
constexpr double kLeastCoherenceIrregular = 0.78;
constexpr double kIrregular = 0.09;
constexpr double kLeastOwn = 0.7;
// A beat without companions must show it this clearly.
constexpr double kLeastHeightAlone = 0.12;

constexpr int kFlank = 17;
constexpr int kLongestRise = 19;
constexpr double kOnsetShare = 0.141;
constexpr double kOffsetShare = 0.209;

constexpr Agreement kOnset{0.5, 1.07};
constexpr Agreement kPeak{0.919, 0.238};
constexpr Agreement kOffset{0.424, -3.19};

struct Window {
    int first;
    int last;
    int flank_first;
    int flank_last;
};

double at(std::span<const double> lead, int column) {
    return lead[static_cast<std::size_t>(column)];
}

/// How alike the beats are around a bump: `coherence` is the mean correlation of pairs of beats,
/// `own` the correlation of the selected beat with the mean of the others.
struct Recurrence {
    double coherence;
    double own;
};

/// A value for each column that recurrence is judged on.
using Heights = std::array<double, 2 * kHalfRecurring + 1>;

/// Bumps of one beat at `n` columns from `first` on.
Heights bumps(const float* lead, int first, int n, int flank_last) {
    static_assert(kBeatBefore - kLongestPr >= kReach);  // the left flank lies in the window
    const auto begin = static_cast<std::size_t>(first);
    const auto end = static_cast<std::size_t>(n);
    const auto with_flank = static_cast<std::size_t>(std::clamp(flank_last - kReach - first, 0, n));
    Heights heights;
    for (std::size_t i = 0; i < with_flank; ++i) {
        const float* const middle = lead + begin + i;
        heights[i] = 2.0F * middle[0] - middle[-kReach] - middle[kReach];
    }
    for (std::size_t i = with_flank; i < end; ++i) {
        const float* const middle = lead + begin + i;
        heights[i] = 2.0F * middle[0] - middle[-kReach] - lead[flank_last];
    }
    return heights;
}

Recurrence recurrence(const MeanBeats& beats, int column, const Window& window) {
    const int first = std::max(window.first, column - kHalfRecurring);
    const int n = std::min(window.last, column + kHalfRecurring) - first + 1;
    const std::size_t n_members = beats.n_members();
    double pairs = 0.0;
    double squares = 0.0;
    double own_others = 0.0;
    double own_square = 0.0;
    double others_square = 0.0;
    for (std::size_t lead = 0; lead < beats.n_leads(); ++lead) {
        const double amplitude = beats.qrs_amplitude(lead);
        const double weight = 1.0 / (amplitude * amplitude);
        Heights own;
        Heights sum{};
        Heights sum_of_squares{};
        for (std::size_t i = 0; i < n_members; ++i) {
            const Heights heights = bumps(beats.member(i, lead), first, n, window.flank_last);
            if (i == 0) own = heights;
            for (std::size_t k = 0; k < static_cast<std::size_t>(n); ++k) {
                sum[k] += heights[k];
                sum_of_squares[k] += heights[k] * heights[k];
            }
        }
        for (std::size_t k = 0; k < static_cast<std::size_t>(n); ++k) {
            const double others = sum[k] - own[k];
            pairs += weight * (sum[k] * sum[k] - sum_of_squares[k]);
            squares += weight * sum_of_squares[k];
            own_others += weight * own[k] * others;
            own_square += weight * own[k] * own[k];
            others_square += weight * others * others;
        }
    }
    if (n_members < 2 || squares <= 0.0 || own_square <= 0.0 || others_square <= 0.0) {
        return {0.0, 0.0};
    }
    return {pairs / (squares * static_cast<double>(n_members - 1)),
            own_others / std::sqrt(own_square * others_square)};
}

double find_onset(std::span<const double> slope, Extremum peak, int first) {
    int k = peak.column;
    double greatest = 0.0;
    for (int i = peak.column; i >= std::max(first, peak.column - kFlank); --i) {
        if (peak.sign * at(slope, i) > greatest) {
            greatest = peak.sign * at(slope, i);
            k = i;
        }
    }
    const int limit = std::max(first, peak.column - kLongestRise);
    while (k > limit && peak.sign * at(slope, k) > kOnsetShare * greatest) --k;
    return k;
}

double find_offset(std::span<const double> slope, Extremum peak, int last) {
    int k = peak.column;
    double greatest = 0.0;
    for (int i = peak.column; i <= std::min(last, peak.column + kFlank); ++i) {
        if (-peak.sign * at(slope, i) > greatest) {
            greatest = -peak.sign * at(slope, i);
            k = i;
        }
    }
    while (k < last && -peak.sign * at(slope, k) > kOffsetShare * greatest) ++k;
    return k;
}

}  // namespace

WaveOfLeads delineate_p(const MeanBeats& beats, const QrsWaves& qrs, double t_end) {
    const int qrs_onset = static_cast<int>(qrs.bounds.onset);
    const int earliest = std::max({kBeatBefore - kLongestPr, beats.first_column(), 2});
    const Window window{std::max(earliest, static_cast<int>(std::max(t_end - kIntoT, -1.0))),
                        qrs_onset - kBeforeQrs, 0, qrs_onset};
    if (window.last - window.first < kShortestWindow) return {};
    const Bump p = greatest_bump(beats, kReach, window.first, window.last, window.flank_first,
                                 window.flank_last);
    if (p.height <= kLeastHeight) return {};
    if (beats.n_members() >= kFewestMembers) {
        const Recurrence recurring = recurrence(beats, p.column, window);
        const bool irregular = beats.rr_irregularity() > kIrregular;
        const double least = irregular ? kLeastCoherenceIrregular : kLeastCoherence;
        if (recurring.coherence <= least || recurring.own <= kLeastOwn) return {};
    } else if (p.height <= kLeastHeightAlone) {
        return {};
    }

    WaveOfLeads waves(beats.n_leads());
    for (std::size_t lead = 0; lead < beats.n_leads(); ++lead) {
        const Extremum peak =
            extremum_near(beats.mean(lead), p.column, kLeadsApart, kReach, window.first,
                          window.last, window.flank_first, window.flank_last);
        const int first = std::max(beats.first_column(), 2);
        waves[lead] = {find_onset(beats.slope(lead), peak, first), static_cast<double>(peak.column),
                       find_offset(beats.slope(lead), peak, qrs_onset)};
    }
    agree(waves, &Wave::onset, kOnset);
    agree(waves, &Wave::peak, kPeak);
    agree(waves, &Wave::offset, kOffset);
    return waves;
}

}  // namespace ecg
