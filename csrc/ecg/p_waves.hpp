#pragma once

#include "ecg/qrs_waves.hpp"
#include "ecg/wave.hpp"

namespace ecg {

/// Onset, peak and offset of the P wave in every lead of the selected beat; empty when it has
/// none. A bump counts as P only when it recurs at the same time before other beats with the
/// same QRS complex; `t_end` is the column of the end of the T wave before.
[[nodiscard]] WaveOfLeads delineate_p(const MeanBeats& beats, const QrsWaves& qrs, double t_end);

}  // namespace ecg
