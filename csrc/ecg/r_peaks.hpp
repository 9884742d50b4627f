#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ecg/beat_decision.hpp"
#include "ecg/detector_constants.hpp"
#include "ecg/qrs_envelope.hpp"
#include "ecg/r_peak_locator.hpp"
#include "ecg/units.hpp"

namespace ecg {

/// Leads side by side in time: the same number of samples each, in mV, not finite = missing.
using Leads = std::span<const std::span<const double>>;

/// Lowest sampling rate at which R peaks are looked for.
inline constexpr double kLowestRPeakRateHz = 50.0;

/// R peaks of several leads as the samples arrive, in chunks of any size: the beats do not
/// depend on how the signal is cut. Memory is constant; a beat is reported within 0.5 s, small
/// ones found when a pause is noticed later; the first ones after the learning time of 3 s.
class RPeakDetector {
  public:
    /// `fiducial_lead` is the one whose R peaks are reported. No lead, no such lead or a rate
    /// below 50 Hz: std::invalid_argument.
    RPeakDetector(std::size_t n_leads, SamplingRate rate, std::size_t fiducial_lead,
                  const DetectorConstants& constants = {});

    /// Takes the next samples of every lead and appends the new R peaks, as sample indices since
    /// the first chunk, strictly increasing. Another number of leads, or leads of unequal
    /// length: std::invalid_argument.
    void push(Leads chunk_mv, std::vector<std::int64_t>& r_peaks);

    /// The signal has ended: appends the R peaks still pending. Push nothing after.
    void finish(std::vector<std::int64_t>& r_peaks);

  private:
    void push_block(Leads chunk_mv, std::size_t from, std::size_t n,
                    std::vector<std::int64_t>& r_peaks);
    void report(std::vector<std::int64_t>& r_peaks);

    double samples_per_cell_;
    std::size_t fiducial_lead_;
    std::vector<QrsEnvelope> envelopes_;
    BeatDecision decision_;
    RPeakLocator locator_;
    std::int64_t n_samples_ = 0;
    std::int64_t last_r_peak_ = -1;
    std::vector<QrsEnvelope::Block> blocks_;
    std::vector<std::int64_t> beats_;
};

/// R peaks of a whole recording: the detector fed once. Shorter than one second: none.
[[nodiscard]] std::vector<std::int64_t> detect_r_peaks(Leads leads_mv, SamplingRate rate,
                                                       std::size_t fiducial_lead,
                                                       const DetectorConstants& constants = {});

}  // namespace ecg
