#include "ecg/beat_quality.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

namespace ecg {
namespace {

// What is compared: a wide QRS complex, sampled at this rate or a little above.
constexpr double kReachSeconds = 0.100;
constexpr double kShapeRateHz = 250.0;
// Slopes over this time: wander and slow artefacts, which all look alike, have next to none.
constexpr double kSlopeSeconds = 0.016;
// Beats before and after that are compared; two of them must look alike, as noise finds one
// likeness by chance.
constexpr std::size_t kNeighbours = 8;
// Likeness to the second most similar neighbour: 0.7 is common between noises of the QRS band,
// 0.95 is usual between beats of one kind.
constexpr float kUnlike = 0.70F;
constexpr float kAlike = 0.95F;
// A beat like no other, that towers over its surroundings, may be ectopic, or an artefact.
constexpr float kLoneBeat = 0.5F;

/// The two largest of the values shown to it.
struct TwoBest {
    float best = 0.0F;
    float second = 0.0F;

    void show(float value) noexcept {
        if (value > best) {
            second = best;
            best = value;
        } else if (value > second) {
            second = value;
        }
    }
};

/// Slopes of the QRS complexes of one lead, for the last few beats.
class Shapes {
  public:
    Shapes(std::span<const double> lead_mv, SamplingRate rate)
        : lead_mv_(lead_mv),
          stride_(std::max<std::int64_t>(1, std::llround(rate.hz() / kShapeRateHz))),
          reach_(rate.samples_in(Seconds{kReachSeconds}) / stride_),
          slope_(std::max<std::int64_t>(1, rate.samples_in(Seconds{kSlopeSeconds}) / stride_)),
          width_(static_cast<std::size_t>(2 * reach_ + 1)),
          samples_(static_cast<std::size_t>(2 * (reach_ + slope_) + 1)),
          shapes_((kNeighbours + 1) * width_) {}

    /// Reads the shape of a beat; a flat one, or one with missing samples, is like none.
    void read(std::size_t beat, std::int64_t r_peak) {
        const auto n = static_cast<std::int64_t>(lead_mv_.size());
        const std::int64_t from = r_peak - (reach_ + slope_) * stride_;
        for (std::size_t i = 0; i < samples_.size(); ++i) {
            const std::int64_t at = from + static_cast<std::int64_t>(i) * stride_;
            samples_[i] =
                lead_mv_[static_cast<std::size_t>(std::clamp<std::int64_t>(at, 0, n - 1))];
        }
        const auto shape = of(beat);
        const auto width = static_cast<std::size_t>(slope_);
        double power = 0.0;
        for (std::size_t i = 0; i < width_; ++i) {
            double difference = 0.0;
            for (std::size_t k = 0; k < width; ++k) {
                difference += samples_[i + width + 1 + k] - samples_[i + k];
            }
            shape[i] = difference;
            power += difference * difference;
        }
        powers_[beat % (kNeighbours + 1)] = power;
    }

    /// Correlation of slopes times what unequal sizes leave of it: 1 for the same complex.
    float likeness(std::size_t a, std::size_t b) {
        const auto first = of(a);
        const auto second = of(b);
        double sum = 0.0;
        for (std::size_t i = 0; i < width_; ++i) sum += first[i] * second[i];
        const double powers = powers_[a % (kNeighbours + 1)] + powers_[b % (kNeighbours + 1)];
        const double likeness = 2.0 * sum / powers;
        return std::isfinite(likeness) ? static_cast<float>(likeness) : 0.0F;
    }

  private:
    std::span<double> of(std::size_t beat) {
        return std::span(shapes_).subspan(beat % (kNeighbours + 1) * width_, width_);
    }

    std::span<const double> lead_mv_;
    std::int64_t stride_;
    std::int64_t reach_;
    std::int64_t slope_;
    std::size_t width_;
    std::vector<double> samples_;
    std::vector<double> shapes_;
    std::array<double, kNeighbours + 1> powers_{};
};

/// How alike each beat is to the second most similar of its neighbours, in one lead.
std::vector<TwoBest> likenesses(std::span<const double> lead_mv, SamplingRate rate,
                                std::span<const std::int64_t> r_peaks) {
    Shapes shapes(lead_mv, rate);
    std::vector<TwoBest> found(r_peaks.size());
    for (std::size_t beat = 0; beat < r_peaks.size(); ++beat) {
        shapes.read(beat, r_peaks[beat]);
        for (std::size_t other = beat - std::min(beat, kNeighbours); other < beat; ++other) {
            const float likeness = shapes.likeness(beat, other);
            found[beat].show(likeness);
            found[other].show(likeness);
        }
    }
    return found;
}

void require(bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(message);
}

void check(Leads leads_mv, SamplingRate rate, std::span<const std::int64_t> r_peaks,
           std::span<const float> contrast) {
    const std::size_t n_samples = leads_mv.empty() ? 0 : leads_mv.front().size();
    const std::size_t width = std::min(quality_window_samples(rate), n_samples);
    const std::size_t n_windows = width == 0 ? 0 : n_quality_windows(n_samples, width);
    const std::size_t n_values = leads_mv.size() * n_windows;
    require(contrast.size() == n_values, "the windows judged must be those of the recording");
    std::int64_t previous = -1;
    for (const std::int64_t r_peak : r_peaks) {
        require(r_peak > previous && r_peak < static_cast<std::int64_t>(n_samples),
                "R peaks must increase strictly and lie inside the recording");
        previous = r_peak;
    }
}

}  // namespace

std::vector<float> beat_quality(Leads leads_mv, SamplingRate rate,
                                std::span<const std::int64_t> r_peaks,
                                std::span<const float> contrast, ThreadCount threads) {
    check(leads_mv, rate, r_peaks, contrast);
    std::vector<std::vector<TwoBest>> alike(leads_mv.size());
    fan_out(leads_mv.size(), threads, [&](std::size_t lead, std::size_t /*thread*/) {
        alike[lead] = likenesses(leads_mv[lead], rate, r_peaks);
    });
    std::vector<float> quality(r_peaks.size(), 0.0F);
    const std::size_t width = quality_window_samples(rate);
    for (std::size_t lead = 0; lead < leads_mv.size(); ++lead) {
        const std::size_t from = lead * (contrast.size() / leads_mv.size());
        for (std::size_t beat = 0; beat < r_peaks.size(); ++beat) {
            const std::size_t w = from + static_cast<std::size_t>(r_peaks[beat]) / width;
            const float likeness = (alike[lead][beat].second - kUnlike) / (kAlike - kUnlike);
            const float alone = kLoneBeat * contrast[w];
            quality[beat] = std::max({quality[beat], alone, std::min(likeness, 1.0F)});
        }
    }
    return quality;
}

}  // namespace ecg
