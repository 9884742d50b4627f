#include "ecg/beat_groups.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "ecg/beat_ring.hpp"
#include "ecg/lanes.hpp"

namespace ecg {
namespace {

constexpr float kFlatMv = 1e-4F;

/// Dot product in eight running sums: fixed order of addition, and the loop vectorises.
float dot(std::span<const float> a, std::span<const float> b) {
    constexpr std::size_t kSums = 8;
    std::array<float, kSums> sums{};
    const std::size_t whole = a.size() / kSums * kSums;
    for (std::size_t i = 0; i < whole; i += kSums) {
        for (std::size_t j = 0; j < kSums; ++j) sums[j] += a[i + j] * b[i + j];
    }
    for (std::size_t i = whole; i < a.size(); ++i) sums[0] += a[i] * b[i];
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) +
           ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

/// QRS complexes of all beats in the leads that show them.
class QrsComplexes {
  public:
    QrsComplexes(const CutsView& cuts, std::size_t r_column)
        : cuts_(cuts), first_column_(r_column - BeatRing::kQrsBefore - kMostShift) {
        for (std::size_t lead = 0; lead < cuts.n_leads; ++lead) {
            const float typical_mv = typical_amplitude(lead);
            if (typical_mv <= kFlatMv) continue;
            leads_.push_back(lead);
            scales_.push_back(1.0F / typical_mv);
        }
        units_.resize(cuts.n_beats * length());
        for (std::size_t beat = 0; beat < cuts.n_beats; ++beat) write_unit(beat);
    }

    [[nodiscard]] const std::vector<std::size_t>& leads() const noexcept { return leads_; }

    /// Correlation of two beats over all leads, both read at their R peaks.
    [[nodiscard]] float similarity(std::size_t a, std::size_t b) const {
        return dot(unit(a), unit(b));
    }

    struct Alignment {
        float similarity;
        int shift;
    };

    /// Where `other` is most similar to `reference`.
    [[nodiscard]] Alignment align(std::size_t reference, std::size_t other) const {
        std::array<Float4, kVectors> common{};
        std::array<Float4, kVectors> power{};
        for (std::size_t l = 0; l < leads_.size(); ++l) {
            const float* const own = unit(reference).data() + l * kWidth;
            const float* const values = qrs(other, leads_[l]).data();
            const float scale = scales_[l];
            for (std::size_t v = 0; v < kVectors; ++v) {
                Float4 products{};
                Float4 sums{};
                Float4 squares{};
                for (std::size_t k = 0; k < kWidth; ++k) {
                    const auto x = load<Float4>(values + k + 4 * v);
                    products += own[k] * x;
                    sums += x;
                    squares += x * x;
                }
                // A unit has no mean, so that the other's counts only for its power.
                common[v] += scale * products;
                power[v] += scale * scale * (squares - sums * sums / static_cast<float>(kWidth));
            }
        }
        Alignment best{-1.0F, 0};
        for (int s = 0; s < BeatRing::kShifts; ++s) {
            const std::size_t v = static_cast<std::size_t>(s) / 4;
            if (!(power[v][s % 4] > 0.0F)) continue;
            const float found = common[v][s % 4] / std::sqrt(power[v][s % 4]);
            if (found > best.similarity) best = {found, s - kMostShift};
        }
        return best;
    }

  private:
    static constexpr std::size_t kWidth = BeatRing::kQrsWidth;
    static constexpr std::size_t kVectors = 3;
    static constexpr std::size_t kLanes = 4 * kVectors;  // shifts, filled up to whole vectors
    static_assert(kLanes >= BeatRing::kShifts);

    [[nodiscard]] std::size_t length() const noexcept { return leads_.size() * kWidth; }
    [[nodiscard]] std::span<const float> unit(std::size_t beat) const {
        return std::span(units_).subspan(beat * length(), length());
    }
    /// The QRS complex with what the shifts reach on either side.
    [[nodiscard]] std::span<const float> qrs(std::size_t beat, std::size_t lead) const {
        return cuts_.of(beat, lead).subspan(first_column_, kWidth + kLanes - 1);
    }

    /// Median over the beats of the range of the QRS complex.
    [[nodiscard]] float typical_amplitude(std::size_t lead) const {
        std::vector<float> ranges(cuts_.n_beats);
        for (std::size_t beat = 0; beat < cuts_.n_beats; ++beat) {
            const auto values = qrs(beat, lead).subspan(kMostShift, kWidth);
            float low = values.front();
            float high = low;
            for (const float x : values) {
                low = x < low ? x : low;
                high = x > high ? x : high;
            }
            ranges[beat] = high > low ? high - low : 0.0F;
        }
        const auto middle = ranges.begin() + static_cast<std::ptrdiff_t>(ranges.size() / 2);
        std::ranges::nth_element(ranges, middle);
        return *middle;
    }

    /// Each lead about its mean, all of them together of length one.
    void write_unit(std::size_t beat) {
        const std::span<float> unit = std::span(units_).subspan(beat * length(), length());
        auto at = unit.begin();
        for (std::size_t l = 0; l < leads_.size(); ++l) {
            const auto values = qrs(beat, leads_[l]).subspan(kMostShift, kWidth);
            const float mean = std::accumulate(values.begin(), values.end(), 0.0F) / kWidth;
            const float scale = scales_[l];
            at =
                std::ranges::transform(values, at, [&](float x) { return (x - mean) * scale; }).out;
        }
        const float norm = std::sqrt(dot(unit, unit));
        if (!(norm > 0.0F)) return;
        for (float& x : unit) x /= norm;
    }

    const CutsView& cuts_;
    std::size_t first_column_;
    std::vector<std::size_t> leads_;
    std::vector<float> scales_;
    std::vector<float> units_;  // (beat, lead, column)
};

/// Which beats are like which, both read at their R peaks: (beat, beat).
std::vector<std::uint8_t> likeness(const QrsComplexes& complexes, std::size_t n_beats,
                                   float least_similarity) {
    std::vector<std::uint8_t> alike(n_beats * n_beats, 1);
    for (std::size_t a = 0; a < n_beats; ++a) {
        for (std::size_t b = 0; b < a; ++b) {
            const bool same = complexes.similarity(a, b) >= least_similarity;
            alike[a * n_beats + b] = alike[b * n_beats + a] = same ? 1 : 0;
        }
    }
    return alike;
}

/// Of the beats in no group, the one that most of them are like, the first of equals; none are
/// left: n_beats.
std::size_t leader_of(std::span<const std::uint8_t> alike, std::span<const std::int64_t> groups) {
    const std::size_t n = groups.size();
    std::size_t leader = n;
    std::size_t most = 0;
    for (std::size_t beat = 0; beat < n; ++beat) {
        if (groups[beat] >= 0) continue;
        std::size_t n_alike = 0;
        for (std::size_t b = 0; b < n; ++b) n_alike += groups[b] < 0 ? alike[beat * n + b] : 0U;
        if (n_alike <= most) continue;
        most = n_alike;
        leader = beat;
    }
    return leader;
}

/// How a beat is read into the columns of a mean: which of them, and from which of its own on.
struct Reading {
    std::size_t beat;
    std::size_t start;
    std::size_t from;
    std::size_t to;
};

Reading reading_of(std::size_t beat, std::span<const std::int64_t> inside, std::int64_t start,
                   std::size_t width) {
    const auto column = [&](std::int64_t own) {
        const auto most = static_cast<std::int64_t>(width);
        return static_cast<std::size_t>(std::clamp<std::int64_t>(own - start, 0, most));
    };
    return {beat, static_cast<std::size_t>(start), column(inside[2 * beat]),
            column(inside[2 * beat + 1])};
}

void check_members(const CutsView& cuts, std::span<const std::int64_t> inside,
                   std::span<const std::int64_t> leads, std::span<const std::int64_t> beats,
                   std::span<const std::int64_t> starts, AverageShape shape) {
    const auto all_below = [](std::span<const std::int64_t> indices, std::size_t n) {
        return std::ranges::all_of(indices,
                                   [n](std::int64_t i) { return i >= 0 && std::cmp_less(i, n); });
    };
    if (inside.size() != 2 * cuts.n_beats || beats.size() != starts.size() ||
        shape.width > cuts.width || shape.qrs_from >= shape.qrs_to || shape.qrs_to > shape.width ||
        !all_below(leads, cuts.n_leads) || !all_below(beats, cuts.n_beats) ||
        !all_below(starts, cuts.width - shape.width + 1)) {
        throw std::invalid_argument("beats, leads and columns to average must be there");
    }
}

/// Puts a lead's mean about its median, and it and the spread in units of its QRS complex.
void make_relative(std::span<float> mean, std::span<float> spread, AverageShape shape,
                   std::vector<float>& scratch) {
    const auto qrs = mean.subspan(shape.qrs_from, shape.qrs_to - shape.qrs_from);
    const auto [low, high] = std::ranges::minmax(qrs);
    const float scale = 1.0F / std::max(high - low, kFlatMv);
    scratch.resize(mean.size());
    std::ranges::replace_copy_if(
        mean, scratch.begin(), [](float x) { return std::isnan(x); }, 0.0F);
    const auto middle = scratch.begin() + static_cast<std::ptrdiff_t>(scratch.size() / 2);
    std::ranges::nth_element(scratch, middle);
    const float baseline = *middle;
    for (float& x : mean) x = (x - baseline) * scale;
    for (float& x : spread) x *= scale;
}

}  // namespace

BeatGroups group_beats(const CutsView& cuts, std::int64_t r_column, double least_similarity,
                       std::size_t most_groups) {
    constexpr std::int64_t kBefore = BeatRing::kQrsBefore + kMostShift;
    constexpr std::int64_t kAfter = BeatRing::kQrsAfter + kMostShift + 3;
    if (r_column < kBefore || r_column + kAfter >= static_cast<std::int64_t>(cuts.width)) {
        throw std::invalid_argument("the QRS complexes must lie inside the columns");
    }
    const std::size_t n = cuts.n_beats;
    BeatGroups found{{}, std::vector<std::int64_t>(n, -1), std::vector<std::int64_t>(n, 0)};
    if (n == 0) return found;
    const QrsComplexes complexes(cuts, static_cast<std::size_t>(r_column));
    found.leads.assign(complexes.leads().begin(), complexes.leads().end());
    if (found.leads.empty()) return found;
    const auto least = static_cast<float>(least_similarity);
    const auto alike = likeness(complexes, n, least);
    for (std::size_t group = 0; group < most_groups; ++group) {
        const std::size_t leader = leader_of(alike, found.groups);
        if (leader == n) break;
        for (std::size_t beat = 0; beat < n; ++beat) {
            if (found.groups[beat] >= 0) continue;
            const auto [similarity, shift] = complexes.align(leader, beat);
            if (beat != leader && !(similarity >= least)) continue;
            found.groups[beat] = static_cast<std::int64_t>(group);
            found.shifts[beat] = beat == leader ? 0 : shift;
        }
    }
    return found;
}

AverageBeat average_beats(const CutsView& cuts, std::span<const std::int64_t> inside,
                          std::span<const std::int64_t> leads, std::span<const std::int64_t> beats,
                          std::span<const std::int64_t> starts, AverageShape shape) {
    check_members(cuts, inside, leads, beats, starts, shape);
    const std::size_t width = shape.width;
    std::vector<Reading> readings(beats.size());
    std::vector<float> weights(width, 0.0F);  // 1 / beats that have the column
    for (std::size_t i = 0; i < beats.size(); ++i) {
        readings[i] = reading_of(static_cast<std::size_t>(beats[i]), inside, starts[i], width);
        for (std::size_t k = readings[i].from; k < readings[i].to; ++k) weights[k] += 1.0F;
    }
    for (float& weight : weights) weight = weight > 0.0F ? 1.0F / weight : 0.0F;

    AverageBeat average{std::vector<float>(leads.size() * width, 0.0F),
                        std::vector<float>(leads.size() * width, 0.0F)};
    std::vector<float> scratch;
    for (std::size_t l = 0; l < leads.size(); ++l) {
        const std::span<float> mean = std::span(average.mean).subspan(l * width, width);
        const std::span<float> spread = std::span(average.spread).subspan(l * width, width);
        const auto over_beats = [&](const auto& add) {
            for (const auto& [beat, start, from, to] : readings) {
                const auto lead = static_cast<std::size_t>(leads[l]);
                const float* const values = cuts.of(beat, lead).data() + start;
                for (std::size_t k = from; k < to; ++k) add(k, values[k]);
            }
        };
        over_beats([&](std::size_t k, float x) { mean[k] += x; });
        for (std::size_t k = 0; k < width; ++k) mean[k] *= weights[k];
        over_beats([&](std::size_t k, float x) { spread[k] += (x - mean[k]) * (x - mean[k]); });
        for (std::size_t k = 0; k < width; ++k) spread[k] = std::sqrt(spread[k] * weights[k]);
        make_relative(mean, spread, shape, scratch);
    }
    return average;
}

}  // namespace ecg
