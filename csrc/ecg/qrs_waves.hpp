#pragma once

#include "ecg/wave.hpp"

namespace ecg {

/// Onset, peak and offset of the QRS complex in every lead of the selected beat. The activity of
/// all leads bounds it; each lead may differ a little. `bounds` are those common to all.
struct QrsWaves {
    Wave bounds;
    WaveOfLeads leads;
};

[[nodiscard]] QrsWaves delineate_qrs(const MeanBeats& beats);

}  // namespace ecg
