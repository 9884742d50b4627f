#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "ecg/mean_beat.hpp"

namespace ecg {

/// A wave in one lead of a beat window, as columns.
struct Wave {
    double onset;
    double peak;
    double offset;
};

/// One wave a lead, all absent (empty) or all there: leads see the same depolarisation.
using WaveOfLeads = std::vector<Wave>;

/// Median of a field over the waves; there must be some.
[[nodiscard]] double median_of(const WaveOfLeads& waves, double Wave::* field);

/// How much of its own judgement a lead keeps against the median of all leads, 0 to 1, and what
/// is then added (columns), so that the mean error against experts' marks is zero.
struct Agreement {
    double own_share;
    double bias;
};

/// Draws a field of the waves towards its median over leads.
void agree(WaveOfLeads& waves, double Wave::* field, Agreement agreement);

/// Second difference over +-reach columns, which a bump answers and a slope does not; columns are
/// kept inside [from, to].
[[nodiscard]] double bump(std::span<const double> lead, int column, int reach, int from, int to);

/// Root mean square over leads of their bump, each relative to its QRS amplitude, at its
/// greatest in [from, to].
struct Bump {
    int column;
    double height;
};
[[nodiscard]] Bump greatest_bump(const MeanBeats& beats, int reach, int from, int to,
                                 int flank_from, int flank_to);

/// The extremum of a lead that its bump near `column` belongs to, and its sign.
struct Extremum {
    int column;
    double sign;
};
[[nodiscard]] Extremum extremum_near(std::span<const double> lead, int column, int half_width,
                                     int reach, int from, int to, int flank_from, int flank_to);

}  // namespace ecg
