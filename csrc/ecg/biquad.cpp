#include "ecg/biquad.hpp"

#include <cmath>
#include <complex>
#include <numbers>
#include <stdexcept>

namespace ecg {
namespace {

using Complex = std::complex<double>;

/// Nearer to either end of the spectrum a pole is no longer told apart from the unit circle.
constexpr double kLowestEdge = 1e-5;
constexpr double kHighestEdge = 0.999;

void require_edge(Hertz edge, SamplingRate rate) {
    const double part = edge.value / rate.nyquist_hz();
    if (!(part >= kLowestEdge && part <= kHighestEdge)) {
        throw std::invalid_argument(
            "a filter edge must lie above 0 Hz and below half the sampling rate");
    }
}

double radians_per_sample(Hertz frequency, SamplingRate rate) {
    return 2.0 * std::numbers::pi * frequency.value / rate.hz();
}

/// Analogue frequency whose bilinear image is `edge`, in units of twice the sampling rate.
double prewarped(Hertz edge, SamplingRate rate) {
    return std::tan(radians_per_sample(edge, rate) / 2.0);
}

/// Poles of the analogue prototype in the upper half plane, a real one last.
std::vector<Complex> prototype_poles(int order) {
    std::vector<Complex> poles;
    for (int k = 0; k < order / 2; ++k) {
        const double angle = std::numbers::pi * (2.0 * k + 1.0 + order) / (2.0 * order);
        poles.push_back(std::polar(1.0, angle));
    }
    if (order % 2 == 1) poles.emplace_back(-1.0, 0.0);
    return poles;
}

Complex bilinear(Complex s) {
    return (1.0 + s) / (1.0 - s);
}

Complex response(const Biquad& section, double omega) {
    const Complex z = std::polar(1.0, -omega);
    return (section.b0 + z * (section.b1 + z * section.b2)) /
           (1.0 + z * (section.a1 + z * section.a2));
}

/// A section with two poles (conjugate, or both real), zeros at 0 Hz and Nyquist, and gain 1 at
/// `omega`.
Biquad section_of(Complex pole, Complex other, double omega) {
    const Biquad shape{1.0, 0.0, -1.0, -(pole + other).real(), (pole * other).real()};
    const double gain = 1.0 / std::abs(response(shape, omega));
    return {gain, 0.0, -gain, shape.a1, shape.a2};
}

}  // namespace

std::vector<Biquad> butterworth_band_pass(int order, Hertz low, Hertz high, SamplingRate rate) {
    if (order < 1 || order > kMaxButterworthOrder) {
        throw std::invalid_argument("the order of a Butterworth filter must be 1 to 8");
    }
    require_edge(low, rate);
    require_edge(high, rate);
    if (low.value >= high.value) {
        throw std::invalid_argument("the lower edge of a band must lie below the upper one");
    }
    const double low_edge = prewarped(low, rate);
    const double high_edge = prewarped(high, rate);
    const double centre_squared = low_edge * high_edge;
    const double half_width = (high_edge - low_edge) / 2.0;
    const double centre = 2.0 * std::atan(std::sqrt(centre_squared));

    std::vector<Biquad> sections;
    for (const Complex prototype : prototype_poles(order)) {
        // s -> (s^2 + w0^2) / (s * width): each prototype pole becomes two, of product w0^2; the
        // nearer one from that product, as the difference would cancel in a wide band.
        const Complex middle = half_width * prototype;
        const Complex offset = std::sqrt(middle * middle - centre_squared);
        const Complex far = std::abs(middle + offset) > std::abs(middle - offset) ? middle + offset
                                                                                  : middle - offset;
        const Complex first = bilinear(far);
        const Complex second = bilinear(centre_squared / far);
        if (prototype.imag() == 0.0) {
            sections.push_back(section_of(first, second, centre));
        } else {
            for (const Complex pole : {first, second}) {
                sections.push_back(section_of(pole, std::conj(pole), centre));
            }
        }
    }
    return sections;
}

Biquad notch_section(Hertz centre, double q, SamplingRate rate) {
    require_edge(centre, rate);
    if (!(q > 0.0) || !std::isfinite(q)) {
        throw std::invalid_argument("the quality factor of a notch must be positive");
    }
    const double omega = radians_per_sample(centre, rate);
    if (omega / q >= std::numbers::pi) {
        throw std::invalid_argument(
            "the notch is wider than the band up to half the sampling rate");
    }
    const double gain = 1.0 / (1.0 + std::tan(omega / q / 2.0));
    const double b1 = -2.0 * gain * std::cos(omega);
    return {gain, b1, gain, b1, 2.0 * gain - 1.0};
}

}  // namespace ecg
