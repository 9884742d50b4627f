#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/sample_history.hpp"
#include "ecg/units.hpp"

namespace ecg {

/// Rate of the QRS envelope and of everything decided on it: the detector's constants are
/// numbers of envelope samples (4 ms), whatever the rate of the recording.
inline constexpr double kEnvelopeRateHz = 250.0;

/// How much QRS-like activity a lead shows, in about mV: causal, linear phase, the same for
/// either polarity, blind to offset, slow baseline wander and mains. A missing sample (not
/// finite) holds the last value; after a long gap the signal goes on where it stopped.
class QrsEnvelope {
  public:
    explicit QrsEnvelope(SamplingRate rate);

    /// Most native samples one call of push may bring.
    static constexpr std::size_t kMaxBlock = 128;
    /// Envelope samples by which the output lags behind the activity it measures.
    static constexpr std::int64_t kDelay = 26;

    /// Envelope samples, and the slope of the smoothed lead at the same times, for comparing
    /// shapes; both of the same length.
    struct Block {
        std::span<const double> envelope;
        std::span<const double> slope;
    };

    /// Takes the next samples in mV; what comes out is valid until the next call.
    Block push(std::span<const double> samples_mv);

  private:
    double without_steps(double sample_mv) noexcept;
    std::size_t average_into_cells(std::span<const double> samples_mv);

    double samples_per_cell_;
    std::int64_t max_hold_samples_;
    double previous_mv_ = 0.0;
    double offset_mv_ = 0.0;
    std::int64_t n_missing_;
    std::int64_t n_samples_ = 0;
    std::int64_t n_cells_ = 0;
    double cell_sum_ = 0.0;
    std::size_t max_cells_;
    std::vector<double> new_cells_;
    SampleHistory cells_;
    SampleHistory smooth_;
    SampleHistory magnitude_;
    SampleHistory partial_sum_;
    std::vector<double> envelope_;
    std::vector<double> slope_;
};

}  // namespace ecg
