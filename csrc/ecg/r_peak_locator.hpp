#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ecg/sample_history.hpp"
#include "ecg/units.hpp"

namespace ecg {

/// Finds the R peak of one lead near a given time: the greatest deflection of the lightly
/// smoothed signal from the baseline around the complex, whatever its sign. Where both signs are
/// about as great it stays with the one that dominated the beats before.
class RPeakLocator {
  public:
    explicit RPeakLocator(SamplingRate rate);

    /// Index of the R peak at most 80 ms from `near`, in a recording of `n_samples` so far; where
    /// the lead is flat, `near` itself. Nothing where the recording begins or ends before the
    /// deflection has come half-way back: what it would have become is not known.
    std::optional<std::int64_t> locate(const SampleHistory<double>& lead_mv, std::int64_t near,
                                       std::int64_t n_samples);

  private:
    struct Line {
        std::int64_t origin;
        double level;  // mV, at the origin
        double slope;  // mV a sample
    };
    [[nodiscard]] Line baseline(const SampleHistory<double>& lead_mv, std::int64_t near,
                                std::int64_t n_samples) const;
    [[nodiscard]] std::span<const double> deflections(const SampleHistory<double>& lead_mv,
                                                      std::int64_t first, std::int64_t last,
                                                      const Line& baseline);

    std::int64_t half_search_;
    std::int64_t half_window_;
    std::int64_t half_edge_;
    std::int64_t half_smooth_;
    std::vector<double> deflections_;
    double dominance_ = 0.0;
};

}  // namespace ecg
