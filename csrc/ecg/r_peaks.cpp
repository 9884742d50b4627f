#include "ecg/r_peaks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace ecg {
namespace {

// Beats are looked for at most BeatDecision::kMemory back; the locator also needs its window.
constexpr double kLocatorMemorySeconds =
    static_cast<double>(BeatDecision::kMemory + QrsEnvelope::kDelay) / kEnvelopeRateHz + 1.0;

/// Asks for samples that will be read soon; half a block at once, because no more can be under way.
void fetch(std::span<const double> samples) {
    constexpr std::size_t kCacheLine = 64 / sizeof(double);
    for (std::size_t i = 0; i < samples.size(); i += kCacheLine) {
        __builtin_prefetch(samples.data() + i);
    }
}

}  // namespace

RPeakDetector::RPeakDetector(std::size_t n_leads, SamplingRate rate, std::size_t fiducial_lead,
                             const DetectorConstants& constants)
    : samples_per_cell_(rate.hz() / kEnvelopeRateHz),
      fiducial_lead_(fiducial_lead),
      decision_(n_leads, QrsEnvelope::most_cells(rate), constants),
      locator_(rate),
      blocks_(n_leads) {
    if (rate.hz() < kLowestRPeakRateHz) {
        throw std::invalid_argument("R peaks need a sampling rate of at least 50 Hz");
    }
    if (fiducial_lead >= n_leads) {
        throw std::invalid_argument("the fiducial lead must be one of the leads");
    }
    for (std::size_t i = 0; i < n_leads; ++i) {
        envelopes_.emplace_back(rate, i == fiducial_lead ? kLocatorMemorySeconds : 0.0);
    }
}

void RPeakDetector::push(Leads chunk_mv, std::vector<std::int64_t>& r_peaks) {
    if (chunk_mv.size() != envelopes_.size()) {
        throw std::invalid_argument("every chunk must have the same number of leads");
    }
    const std::size_t n = chunk_mv.front().size();
    if (std::ranges::any_of(chunk_mv, [n](const auto& lead) { return lead.size() != n; })) {
        throw std::invalid_argument("all leads of a chunk must have the same length");
    }
    for (std::size_t from = 0; from < n; from += QrsEnvelope::kMaxBlock) {
        const std::size_t n_block = std::min(QrsEnvelope::kMaxBlock, n - from);
        n_samples_ += static_cast<std::int64_t>(n_block);
        push_block(chunk_mv, from, n_block, r_peaks);
    }
}

void RPeakDetector::push_block(Leads chunk_mv, std::size_t from, std::size_t n,
                               std::vector<std::int64_t>& r_peaks) {
    for (std::size_t i = 0; i < chunk_mv.size(); ++i) {
        const auto ahead = chunk_mv[i].subspan(from + n);
        const std::size_t half = std::min(QrsEnvelope::kMaxBlock / 2, ahead.size());
        fetch(ahead.first(half));
        blocks_[i] = envelopes_[i].push(chunk_mv[i].subspan(from, n));
        fetch(ahead.subspan(half, std::min(half, ahead.size() - half)));
    }
    decision_.push(blocks_, beats_);
    report(r_peaks);
}

void RPeakDetector::finish(std::vector<std::int64_t>& r_peaks) {
    // Missing samples hold the last value: they bring the envelope's delay to its end.
    std::array<double, QrsEnvelope::kMaxBlock> missing{};
    missing.fill(std::numeric_limits<double>::quiet_NaN());
    const std::vector<std::span<const double>> chunk(envelopes_.size(), missing);
    const double n_flush = std::ceil(static_cast<double>(QrsEnvelope::kDelay) * samples_per_cell_);
    for (auto left = static_cast<std::size_t>(n_flush) + 1; left > 0;) {
        const std::size_t n = std::min(missing.size(), left);
        push_block(chunk, 0, n, r_peaks);
        left -= n;
    }
    decision_.finish(beats_);
    report(r_peaks);
}

void RPeakDetector::report(std::vector<std::int64_t>& r_peaks) {
    for (const std::int64_t beat : beats_) {
        const double centre =
            (static_cast<double>(beat - QrsEnvelope::kDelay) + 0.5) * samples_per_cell_ - 0.5;
        const auto near = static_cast<std::int64_t>(std::lround(std::max(centre, 0.0)));
        const auto r_peak =
            locator_.locate(envelopes_[fiducial_lead_].samples_mv(), near, n_samples_);
        if (!r_peak || *r_peak <= last_r_peak_ || *r_peak >= n_samples_) continue;
        last_r_peak_ = *r_peak;
        r_peaks.push_back(*r_peak);
    }
    beats_.clear();
}

std::vector<std::int64_t> detect_r_peaks(Leads leads_mv, SamplingRate rate,
                                         std::size_t fiducial_lead,
                                         const DetectorConstants& constants) {
    RPeakDetector detector(leads_mv.size(), rate, fiducial_lead, constants);
    std::vector<std::int64_t> r_peaks;
    detector.push(leads_mv, r_peaks);
    detector.finish(r_peaks);
    return r_peaks;
}

}  // namespace ecg
