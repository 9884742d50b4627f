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

/// What is remembered of an envelope, or of the slope at the same times.
using EnvelopeHistory = SampleHistory<float>;

/// How much QRS-like activity a lead shows, in about mV: causal, linear phase, the same for
/// either polarity, blind to offset, slow baseline wander and mains. A missing sample (not
/// finite) holds the last value; after a long gap the signal goes on where it stopped.
class QrsEnvelope {
  public:
    /// Remembers the samples of the last `memory_seconds`.
    QrsEnvelope(SamplingRate rate, double memory_seconds);

    /// Most native samples one call of push may bring.
    static constexpr std::size_t kMaxBlock = 256;
    /// Envelope samples by which the output lags behind the activity it measures.
    static constexpr std::int64_t kDelay = 26;

    /// Most envelope samples that come out of one call of push.
    [[nodiscard]] static std::size_t most_cells(SamplingRate rate);

    /// Envelope samples, and the slope of the smoothed lead at the same times, for comparing
    /// shapes; both of the same length.
    struct Block {
        std::span<const float> envelope;
        std::span<const float> slope;
    };

    /// Takes the next samples in mV; what comes out is valid until the next call.
    Block push(std::span<const double> samples_mv);

    /// The samples as the envelope sees them: none missing, and no step where a long gap was.
    [[nodiscard]] const SampleHistory<double>& samples_mv() const noexcept { return samples_; }

  private:
    void clean(std::span<const double> samples_mv, double* cleaned);
    double without_step(double sample_mv) noexcept;
    std::size_t find_cells(std::size_t n_samples);
    void average_cells(std::size_t n, float* means) const;

    double samples_per_cell_;
    std::int64_t max_hold_samples_;
    double previous_mv_ = 0.0;
    double offset_mv_ = 0.0;
    std::int64_t n_missing_;
    std::int64_t n_cells_ = 0;
    std::size_t max_cells_;
    SampleHistory<double> samples_;
    std::int64_t cell_origin_ = 0;
    std::vector<std::int32_t> first_sample_;  // of each new cell and of the next, since the origin
    std::vector<double> begun_;               // share of that sample that lies before
    SampleHistory<float> cells_;
    SampleHistory<float> smooth_;
    SampleHistory<float> magnitude_;
    SampleHistory<float> partial_sum_;
    std::vector<float> envelope_;
    std::vector<float> slope_;
};

}  // namespace ecg
