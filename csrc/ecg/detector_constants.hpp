#pragma once

namespace ecg {

/// What decides most about which candidates are beats, and is therefore fitted to annotated
/// records (`ecgsvc train r-peaks`); everything else stands in the sources as a round value.
/// Heights are those of the fused envelope, in which a usual beat is about 1 high.
struct DetectorConstants {
    /// The threshold is this share of the way from noise to beat level: soon after a beat ...
    double early_share = 0.5;
    /// ... and from one RR interval after it on.
    double late_share = 0.35;
    /// Soon after a beat, a candidate this high beside a usual beat is no T wave.
    double surely_no_t_wave = 0.9;
    /// A height counts exp(shape_gain * (likeness - usual_likeness)) times, where the likeness is
    /// its shape's correlation with the recent beats; a third of the gain below the usual one.
    double shape_gain = 1.0;
    double usual_likeness = 0.65;
    /// Search back, after a pause of so many RR intervals, for what was passed over ...
    double search_back_rr = 1.5;
    /// ... and has at least this share of a usual beat.
    double search_back_share = 0.25;
};

}  // namespace ecg
