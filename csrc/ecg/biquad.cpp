#include "ecg/biquad.hpp"

#include <cmath>
#include <complex>
#include <numbers>
#include <stdexcept>

namespace ecg {
namespace {

using Complex = std::complex<double>;

enum class Numerator { low_pass, high_pass, band_pass };

void require_inside_nyquist(Hertz edge, SamplingRate rate) {
    if (!(edge.value > 0.0) || edge.value >= rate.nyquist_hz()) {
        throw std::invalid_argument(
            "a filter edge must lie above 0 Hz and below half the sampling rate");
    }
}

void require_order(int order) {
    if (order < 1 || order > kMaxButterworthOrder) {
        throw std::invalid_argument("the order of a Butterworth filter must be 1 to 8");
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

/// A section with two poles (conjugate, or both real) and gain 1 at `omega`.
Biquad section_of(Complex pole, Complex other, Numerator numerator, double omega) {
    Biquad section{1.0, 0.0, -1.0, -(pole + other).real(), (pole * other).real()};
    if (numerator == Numerator::low_pass) section = {1.0, 2.0, 1.0, section.a1, section.a2};
    if (numerator == Numerator::high_pass) section = {1.0, -2.0, 1.0, section.a1, section.a2};
    const double gain = 1.0 / std::abs(response(section, omega));
    section.b0 *= gain;
    section.b1 *= gain;
    section.b2 *= gain;
    return section;
}

/// A section with one real pole; `sign` +1 for low pass, -1 for high pass.
Biquad first_order_section(double pole, double sign) {
    const double gain = (1.0 - sign * pole) / 2.0;
    return {gain, sign * gain, 0.0, -pole, 0.0};
}

/// Low and high pass share their poles: s -> w/s maps the unit circle onto itself.
std::vector<Biquad> one_sided(int order, Hertz cutoff, SamplingRate rate, Numerator numerator) {
    require_order(order);
    require_inside_nyquist(cutoff, rate);
    const double edge = prewarped(cutoff, rate);
    const bool low = numerator == Numerator::low_pass;
    std::vector<Biquad> sections;
    for (const Complex prototype : prototype_poles(order)) {
        const Complex pole = bilinear(edge * prototype);
        if (prototype.imag() == 0.0) {
            sections.push_back(first_order_section(pole.real(), low ? 1.0 : -1.0));
        } else {
            const double unit_gain_at = low ? 0.0 : std::numbers::pi;
            sections.push_back(section_of(pole, std::conj(pole), numerator, unit_gain_at));
        }
    }
    return sections;
}

}  // namespace

std::vector<Biquad> butterworth_low_pass(int order, Hertz cutoff, SamplingRate rate) {
    return one_sided(order, cutoff, rate, Numerator::low_pass);
}

std::vector<Biquad> butterworth_high_pass(int order, Hertz cutoff, SamplingRate rate) {
    return one_sided(order, cutoff, rate, Numerator::high_pass);
}

std::vector<Biquad> butterworth_band_pass(int order, Hertz low, Hertz high, SamplingRate rate) {
    require_order(order);
    require_inside_nyquist(low, rate);
    require_inside_nyquist(high, rate);
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
        // s -> (s^2 + w0^2) / (s * width): each prototype pole becomes two.
        const Complex middle = half_width * prototype;
        const Complex offset = std::sqrt(middle * middle - centre_squared);
        const Complex first = bilinear(middle + offset);
        const Complex second = bilinear(middle - offset);
        if (prototype.imag() == 0.0) {
            sections.push_back(section_of(first, second, Numerator::band_pass, centre));
        } else {
            for (const Complex pole : {first, second}) {
                sections.push_back(section_of(pole, std::conj(pole), Numerator::band_pass, centre));
            }
        }
    }
    return sections;
}

Biquad notch_section(Hertz centre, double q, SamplingRate rate) {
    require_inside_nyquist(centre, rate);
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
