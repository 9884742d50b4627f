#include "ecg/wave.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace ecg {

double median_of(const WaveOfLeads& waves, double Wave::* field) {
    std::array<double, 16> few{};
    std::vector<double> many(waves.size() > few.size() ? waves.size() : 0);
    const auto values = many.empty() ? std::span(few).first(waves.size()) : std::span(many);
    std::ranges::transform(waves, values.begin(), [field](const Wave& w) { return w.*field; });
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

void agree(WaveOfLeads& waves, double Wave::* field, Agreement agreement) {
    const double median = median_of(waves, field);
    for (Wave& wave : waves) {
        wave.*field = std::lerp(median, wave.*field, agreement.own_share) + agreement.bias;
    }
}

double bump(std::span<const double> lead, int column, int reach, int from, int to) {
    const auto at = [lead](int k) { return lead[static_cast<std::size_t>(k)]; };
    return 2.0 * at(column) - at(std::max(column - reach, from)) - at(std::min(column + reach, to));
}

Bump greatest_bump(const MeanBeats& beats, int reach, int from, int to, int flank_from,
                   int flank_to) {
    Bump greatest{from, -1.0};
    for (int k = from; k <= to; ++k) {
        double sum = 0.0;
        for (std::size_t lead = 0; lead < beats.n_leads(); ++lead) {
            const double height =
                bump(beats.mean(lead), k, reach, flank_from, flank_to) / beats.qrs_amplitude(lead);
            sum += height * height;
        }
        if (sum > greatest.height) greatest = {k, sum};
    }
    const double n_leads = static_cast<double>(beats.n_leads());
    greatest.height = std::sqrt(std::max(greatest.height, 0.0) / n_leads) / 2.0;
    return greatest;
}

Extremum extremum_near(std::span<const double> lead, int column, int half_width, int reach,
                       int from, int to, int flank_from, int flank_to) {
    Extremum extremum{column, 1.0};
    double greatest = -1.0;
    for (int k = std::max(from, column - half_width); k <= std::min(to, column + half_width); ++k) {
        const double height = bump(lead, k, reach, flank_from, flank_to);
        if (std::abs(height) > greatest) {
            greatest = std::abs(height);
            extremum = {k, height >= 0.0 ? 1.0 : -1.0};
        }
    }
    const auto height = [&](int k) { return extremum.sign * lead[static_cast<std::size_t>(k)]; };
    int& k = extremum.column;
    while (k < to && height(k + 1) > height(k)) ++k;
    while (k > from && height(k - 1) > height(k)) --k;
    return extremum;
}

}  // namespace ecg
