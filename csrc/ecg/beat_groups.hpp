#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ecg {

/// Some beats in all leads, row-major (beat, lead, column), as `cut_beats` gives them: finite.
struct CutsView {
    std::span<const float> values_mv;
    std::size_t n_beats;
    std::size_t n_leads;
    std::size_t width;

    [[nodiscard]] std::span<const float> of(std::size_t beat, std::size_t lead) const noexcept {
        return values_mv.subspan((beat * n_leads + lead) * width, width);
    }
};

/// Which beats have one QRS shape.
struct BeatGroups {
    std::vector<std::int64_t> leads;   ///< those that show the beats
    std::vector<std::int64_t> groups;  ///< (beat): its group, -1 for none; group 0 came first
    std::vector<std::int64_t> shifts;  ///< (beat): columns to read it later, to lie on the others
};

/// Puts beats together whose QRS complexes correlate by `least_similarity` or more over all leads.
/// The beat that most others are like leads a group; those like it, read up to kMostShift columns
/// earlier or later, are in it; so on with the rest. Beats that no lead shows, or left over, are in
/// none. Column `r_column` holds the R peaks, with room for the QRS complex and the shifts around
/// it: else std::invalid_argument.
[[nodiscard]] BeatGroups group_beats(const CutsView& cuts, std::int64_t r_column,
                                     double least_similarity, std::size_t most_groups);

/// The columns of an average: how many, and which of them hold the QRS complex.
struct AverageShape {
    std::size_t width;
    std::size_t qrs_from;
    std::size_t qrs_to;
};

/// Mean and standard deviation of some beats, row-major (lead, column), in units of the range of
/// the mean's QRS complex, 0.1 µV at least; each lead's mean about its median.
struct AverageBeat {
    std::vector<float> mean;
    std::vector<float> spread;
};

/// Averages some beats in some leads, each read from column `starts` on. A column counts where it
/// is `inside` (as of BeatCuts); where it is so for no beat, the mean is 0 mV. Beats, leads or
/// columns that are not there: std::invalid_argument.
[[nodiscard]] AverageBeat average_beats(const CutsView& cuts, std::span<const std::int64_t> inside,
                                        std::span<const std::int64_t> leads,
                                        std::span<const std::int64_t> beats,
                                        std::span<const std::int64_t> starts, AverageShape shape);

}  // namespace ecg
