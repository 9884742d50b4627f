#pragma once

#include "ecg/qrs_waves.hpp"
#include "ecg/wave.hpp"

namespace ecg {

/// Onset, peak and offset of the T wave in every lead of the selected beat; empty when it has
/// none. It is looked for between its QRS complex and the next.
[[nodiscard]] WaveOfLeads delineate_t(const MeanBeats& beats, const QrsWaves& qrs);

}  // namespace ecg
