#include "ecg/windowed_sinc.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace ecg {
namespace {

constexpr double kKaiserBeta = 5.0;
constexpr std::size_t kPlaces = 256;

/// Modified Bessel function of the first kind, order zero, by its power series.
double bessel_i0(double x) {
    double term = 1.0;
    double sum = 1.0;
    for (int k = 1; term > sum * std::numeric_limits<double>::epsilon(); ++k) {
        const double factor = x / (2.0 * k);
        term *= factor * factor;
        sum += term;
    }
    return sum;
}

}  // namespace

double windowed_sinc(double offset, double period, double half_length) {
    const double position = offset / half_length;
    if (std::abs(position) > 1.0) return 0.0;
    const double angle = std::numbers::pi * offset / period;
    const double sinc = offset == 0.0 ? 1.0 : std::sin(angle) / angle;
    return sinc * bessel_i0(kKaiserBeta * std::sqrt(1.0 - position * position));
}

BetweenSamples::BetweenSamples() : weights_(kPlaces + 1) {
    for (std::size_t place = 0; place < weights_.size(); ++place) {
        Weights& weights = weights_[place];
        const double share = static_cast<double>(place) / kPlaces;
        for (std::size_t i = 0; i < weights.size(); ++i) {
            const double offset = share + static_cast<double>(kReach - 1) - static_cast<double>(i);
            weights[i] = windowed_sinc(offset, 1.0, static_cast<double>(kReach));
        }
        const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
        for (double& weight : weights) weight /= sum;
    }
}

const BetweenSamples::Weights& BetweenSamples::at(double share) const noexcept {
    return weights_[static_cast<std::size_t>(std::lround(share * kPlaces))];
}

}  // namespace ecg
