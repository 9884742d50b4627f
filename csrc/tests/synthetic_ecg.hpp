#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// A plain ECG with known beats: P, QRS and T as Gaussian bumps.
struct SyntheticEcg {
    double rate_hz = 360.0;
    double duration_s = 20.0;
    double rr_s = 0.8;
    double amplitude_mv = 1.0;
    double offset_mv = 0.0;

    [[nodiscard]] std::vector<double> beat_times() const {
        const double n_beats = std::max(0.0, std::ceil((duration_s - 1.2) / rr_s));
        std::vector<double> times(static_cast<std::size_t>(n_beats));
        for (std::size_t i = 0; i < times.size(); ++i) {
            times[i] = 0.6 + static_cast<double>(i) * rr_s;
        }
        return times;
    }

    [[nodiscard]] std::vector<double> samples_mv() const {
        std::vector<double> samples(static_cast<std::size_t>(duration_s * rate_hz), offset_mv);
        for (const double t : beat_times()) {
            add(samples, t - 0.16, 0.020, 0.12);
            add(samples, t - 0.024, 0.008, -0.12);
            add(samples, t, 0.010, 1.0);
            add(samples, t + 0.026, 0.009, -0.22);
            add(samples, t + 0.26, 0.040, 0.28);
        }
        return samples;
    }

  private:
    void add(std::vector<double>& samples, double centre, double width, double height) const {
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const double u = (static_cast<double>(i) / rate_hz - centre) / width;
            if (std::abs(u) < 6.0) samples[i] += amplitude_mv * height * std::exp(-0.5 * u * u);
        }
    }
};

/// Uniform noise in [-1, 1), the same on every machine.
class Noise {
  public:
    explicit Noise(std::uint64_t seed) : state_(seed) {}

    double operator()() noexcept {
        state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
        return static_cast<double>(state_ >> 11U) / 4503599627370496.0 - 1.0;
    }

  private:
    std::uint64_t state_;
};

inline std::vector<std::span<const double>> rows(const std::vector<std::vector<double>>& leads) {
    return {leads.begin(), leads.end()};
}
