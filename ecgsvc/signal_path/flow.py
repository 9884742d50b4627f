"""From samples to findings; the only module that knows the order of these stages.

Quality → R peaks → beat classes → waves → measurements → rhythm → findings → conclusion.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ecgsvc import dsp, interpretation
from ecgsvc.domain.analysis import Analysis, ModelIdentity
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.diagnosis import SUPERCLASS_WORDS, DiagnosisCall
from ecgsvc.domain.findings import Evidence
from ecgsvc.domain.interval_check import IntervalCrossCheck
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.quality import QualityProblem, SignalQuality
from ecgsvc.domain.rhythm import RhythmReading
from ecgsvc.domain.rhythm_statistics import RhythmStatistics
from ecgsvc.domain.waveform import Recording, SampleIndices, Waveform
from ecgsvc.domain.waves import GlobalWaves, LeadWaves
from ecgsvc.inference import choose_lead
from ecgsvc.signal_path.cancelling import never, stop_if
from ecgsvc.signal_path.stages import (
    BeatClassifier,
    DiagnosisReader,
    Explainer,
    IntervalEstimator,
    MalignantRhythmDetector,
    PlugIn,
    RhythmClassifier,
    WaveReader,
)

SWAPPED = frozenset(
    {QualityProblem.ARM_ELECTRODES_SWAPPED, QualityProblem.RIGHT_ARM_AND_LEG_SWAPPED}
)
NO_DIAGNOSIS = Undetermined("diagnosis", "no diagnosis model is installed")


def find_r_peaks(waveform: Waveform, quality: SignalQuality) -> SampleIndices:
    """R peaks from all leads together, placed on the lead that the classifier reads.

    Also leads that are partly lost are heard: the detector weighs them as it goes.
    """
    lead = choose_lead(waveform.leads, quality.usable_leads) or waveform.leads[0]
    return dsp.detect_r_peaks(
        waveform.samples_mv,
        waveform.sampling_rate_hz,
        fiducial_lead=waveform.leads.index(lead),
    )


class SignalPath:
    """From samples to findings; needs no FHIR and no store.

    Parameters
    ----------
    classifier, rhythm_classifier, malignant_detector
        Name beats and rhythms; shared by all threads. Without the last two the rhythm is
        what rules find in the beats.
    wave_reader
        Corrects the signal core's wave boundaries, which otherwise stand.
    diagnosis_reader, interval_estimator
        Diagnose, and check the measured intervals; without them nobody does.
    explainer
        Says what models looked at, when that is asked.
    plug_ins
        The hospital's own models.
    threads
        How many work at the leads and stretches of one recording, as far as that pays;
        nothing that is found depends on it.
    """

    def __init__(
        self,
        classifier: BeatClassifier,
        rhythm_classifier: RhythmClassifier | None = None,
        malignant_detector: MalignantRhythmDetector | None = None,
        *,
        wave_reader: WaveReader | None = None,
        diagnosis_reader: DiagnosisReader | None = None,
        interval_estimator: IntervalEstimator | None = None,
        explainer: Explainer | None = None,
        plug_ins: Sequence[PlugIn] = (),
        threads: int = 1,
    ) -> None:
        self._classifier = classifier
        self._rhythm_classifier = rhythm_classifier
        self._malignant_detector = malignant_detector
        self._wave_reader = wave_reader
        self._diagnosis_reader = diagnosis_reader
        self._interval_estimator = interval_estimator
        self._explainer = explainer
        self._plug_ins = tuple(plug_ins)
        self._threads = threads
        models = (
            classifier, wave_reader, interval_estimator, rhythm_classifier,
            malignant_detector, diagnosis_reader,
        )  # fmt: skip
        self._models = tuple(model.identity for model in models if model is not None)

    @property
    def models(self) -> tuple[ModelIdentity, ...]:
        """The models behind every analysis, the hospital's own last."""
        return (*self._models, *(each.identity for each in self._plug_ins))

    def analyse(
        self,
        recording: Recording,
        *,
        explain: bool = False,
        cancelled: Callable[[], bool] = never,
    ) -> Analysis:
        """Analyse one recording of any length.

        Noise is described, not refused: leads that cannot be relied upon take no part.
        `explain` adds what the models looked at and changes nothing else.

        Raises
        ------
        DeadlineExceeded
            When `cancelled` turns true between two stages.
        ModelUnavailable
            When a model cannot run.
        """
        waveform = recording.waveform
        quality = dsp.assess_quality(waveform, threads=self._threads)
        usable = waveform.select(quality.usable_leads)
        stop_if(cancelled)
        r_peaks = find_r_peaks(waveform, quality)
        stop_if(cancelled)
        beat_quality = dsp.beat_quality(waveform, r_peaks, quality, threads=self._threads)
        beats = replace(self._classifier.classify(usable, r_peaks), quality=beat_quality)
        stop_if(cancelled)
        marks = dsp.delineate_leads(usable, r_peaks, threads=self._threads)
        waves, global_waves = self._read_waves(usable, r_peaks, marks)
        stop_if(cancelled)
        quality = _with_swapped_electrodes(quality, waveform, marks)
        measurements, not_measured = dsp.measure(waveform, beats, waves, global_waves)
        interval_check = self._check_intervals(usable, r_peaks, measurements)
        diagnosis = self._diagnose(recording, usable, quality)
        stop_if(cancelled)
        rhythm_statistics, not_counted = dsp.rhythm_statistics(
            waveform, beats, quality, beat_quality
        )
        stop_if(cancelled)
        rhythm = self._read_rhythm(
            waveform,
            quality,
            beats,
            rhythm_statistics,
            interpretation.sinus_p_waves(beats, waves, measurements),
        )
        morphology = dsp.measure_morphology(waveform, beats, waves, global_waves)
        ecg = interpretation.TwelveLeads(
            measurements, {each.lead: each for each in morphology}, rhythm.label,
            recording.age_years, recording.sex, dsp.paced_share(usable, r_peaks),
        )  # fmt: skip
        reading = interpretation.find(
            rhythm, beats, ecg,
            sampling_rate_hz=waveform.sampling_rate_hz, quality=quality,
            diagnosis=diagnosis, interval_check=interval_check,
        )  # fmt: skip
        plug_ins = tuple(
            each.answer(recording, usable, measurements) for each in self._plug_ins
        )
        stop_if(cancelled)
        sentences = interpretation.conclude(
            quality,
            beats,
            measurements,
            reading,
            rhythm,
            rhythm_statistics,
            diagnosis,
            plug_ins,
        )
        explanation = None
        if explain and self._explainer is not None:
            stop_if(cancelled)
            explanation = self._explainer.explain(usable, beats, rhythm.windows)
        return Analysis(
            waveform=waveform,
            quality=quality,
            beats=beats,
            waves=waves,
            measurements=measurements,
            findings=reading.findings,
            conclusion=interpretation.conclusion_of(sentences),
            undetermined=(
                *_silent_leads(waveform, usable),
                *not_measured,
                *not_counted,
                *reading.undetermined,
                *_open_questions(rhythm, beats),
                *_open_diagnoses(diagnosis),
            ),
            models=self._models,
            beat_quality=beat_quality,
            rhythm_statistics=rhythm_statistics,
            rhythm=rhythm,
            explanation=explanation,
            diagnosis=diagnosis,
            interval_check=interval_check,
            morphology=morphology,
            paced_share=ecg.paced_share,
            contradictions=reading.contradictions,
            reservations=reading.reservations,
            sentences=sentences,
            plug_ins=plug_ins,
        )

    def _check_intervals(
        self, waveform: Waveform, r_peaks: SampleIndices, measured: Measurements
    ) -> IntervalCrossCheck | None:
        if self._interval_estimator is None:
            return None
        return self._interval_estimator.check(waveform, r_peaks, measured)

    def _diagnose(
        self, recording: Recording, usable: Waveform, quality: SignalQuality
    ) -> DiagnosisCall | None:
        """Ask the network; what it says of swapped electrodes cannot be relied upon."""
        if self._diagnosis_reader is None:
            return None
        call = self._diagnosis_reader.read(usable, recording.age_years, recording.sex)
        if call.reliable and SWAPPED.intersection(quality.problems):
            return replace(call, reason="limb electrodes seem to be swapped")
        return call

    def _read_rhythm(
        self,
        waveform: Waveform,
        quality: SignalQuality,
        beats: ClassifiedBeats,
        statistics: RhythmStatistics,
        p_waves: tuple[Evidence, ...],
    ) -> RhythmReading:
        call = malignant = None
        if self._rhythm_classifier is not None:
            call = self._rhythm_classifier.classify(
                waveform.select(quality.usable_leads), beats, quality
            )
        if self._malignant_detector is not None:
            malignant = self._malignant_detector.detect(
                waveform, beats.r_peak_indices, quality
            )
        return interpretation.read_rhythm(
            waveform, beats, statistics, call=call, malignant=malignant, p_waves=p_waves
        )

    def _read_waves(
        self, waveform: Waveform, r_peaks: SampleIndices, marks: tuple[LeadWaves, ...]
    ) -> tuple[tuple[LeadWaves, ...], GlobalWaves]:
        """Correct the core's marks, on which the tests of the electrodes rest."""
        global_marks = dsp.global_waves(marks)
        if self._wave_reader is None:
            return marks, global_marks
        return self._wave_reader.read(
            waveform, r_peaks, marks, global_marks, threads=self._threads
        )


def _with_swapped_electrodes(
    quality: SignalQuality, waveform: Waveform, waves: tuple[LeadWaves, ...]
) -> SignalQuality:
    swap = dsp.swapped_limb_electrodes(waveform, waves)
    return replace(quality, problems=(*quality.problems, swap)) if swap else quality


def _open_questions(
    rhythm: RhythmReading, beats: ClassifiedBeats
) -> tuple[Undetermined, ...]:
    questions = [Undetermined("rhythm", rhythm.reason)] if rhythm.reason else []
    if beats.n_unsure:
        reason = (
            f"the class of {beats.n_unsure} of {beats.n_beats} beats is not sure "
            f"(probability below {beats.least_probability:.2f}, or noise)"
        )
        questions.append(Undetermined("beats", reason))
    return tuple(questions)


def _open_diagnoses(call: DiagnosisCall | None) -> tuple[Undetermined, ...]:
    """Why there is no diagnosis, or which superclasses are neither present nor absent."""
    if call is None:
        return (NO_DIAGNOSIS,)
    if call.reason:
        return (Undetermined("diagnosis", call.reason),)
    return tuple(
        Undetermined(
            f"diagnosis.superclasses.{each}",
            f"{SUPERCLASS_WORDS[each]} can be neither stated nor ruled out with 90 % "
            "confidence",
        )
        for each, said in call.superclasses.items()
        if said.answer is None
    )


def _silent_leads(waveform: Waveform, usable: Waveform) -> tuple[Undetermined, ...]:
    return tuple(
        Undetermined(
            f"waves.{lead}", "this lead is flat, mostly missing or no electrocardiogram"
        )
        for lead in waveform.leads
        if lead not in usable.leads
    )
