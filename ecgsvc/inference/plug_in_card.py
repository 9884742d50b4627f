"""The card of a hospital's own model: what it takes, from a closed list, and what it says.

`docs/plug-in-models.md` tells how to write one. Everything wrong with a card is said with
the place it stands at, when the service starts.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.findings import Coding
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.model_identity import ModelIdentity
from ecgsvc.domain.plug_in import ReportedAs
from ecgsvc.domain.waveform import STANDARD_LEADS, Lead
from ecgsvc.inference.model_card import CARD_FILE, MODEL_FILE

TASK = "plug-in"
Activation: TypeAlias = Literal["none", "sigmoid", "softmax"]
MEASUREMENT_FIELDS = tuple(
    name for name in Measurements.__dataclass_fields__ if not name.endswith("_mv")
)
"""Global measurements, by the names of the analysis document."""
MAX_WINDOW_SAMPLES = 120_000
LEAST_RATE_HZ, MOST_RATE_HZ = 50.0, 2000.0


@dataclass(frozen=True, slots=True)
class LeadsInput:
    """Samples in millivolts, shape (1, leads, samples): the beginning of the recording."""

    name: str
    leads: tuple[Lead, ...]
    sampling_rate_hz: float
    window_samples: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Without the batch."""
        return len(self.leads), self.window_samples


@dataclass(frozen=True, slots=True)
class ValuesInput:
    """Numbers, shape (1, values).

    `fields` are names of measurements, ``age_years`` or ``sex`` (female 1, male 0);
    `missing` takes the place of each that is not known; None: the model then has no answer.
    """

    name: str
    fields: tuple[str, ...]
    missing: tuple[float, ...] | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Without the batch."""
        return (len(self.fields),)


PlugInInput: TypeAlias = LeadsInput | ValuesInput


@dataclass(frozen=True, slots=True)
class PlugInCard:
    """A checked card; `thresholds` are as many as `labels`, or none."""

    identity: ModelIdentity
    title: str
    inputs: tuple[PlugInInput, ...]
    output: str
    is_probability: bool
    activation: Activation
    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    unit: str
    reported_as: ReportedAs
    coding: Coding | None


def read_plug_in_card(folder: Path) -> PlugInCard:
    """Read and check a card, and that the ONNX file is the one it names.

    Raises
    ------
    ModelUnavailable
        Folder, file and place in the card at fault, and what was expected there.
    """
    reader = _Reader(folder.name)
    try:
        text = (folder / CARD_FILE).read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{folder.name}: {CARD_FILE} cannot be read"
        raise ModelUnavailable(msg) from error
    except tomllib.TOMLDecodeError as error:
        msg = f"{folder.name}: {CARD_FILE} is no TOML: {error}"
        raise ModelUnavailable(msg) from error
    card = _card(reader, document)
    try:
        digest = hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()
    except OSError as error:
        msg = f"{folder.name}: {MODEL_FILE} cannot be read"
        raise ModelUnavailable(msg) from error
    if digest != card.identity.sha256:
        msg = f"{folder.name}: {MODEL_FILE} has SHA-256 {digest}, model.sha256 is another"
        raise ModelUnavailable(msg)
    return card


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes typed values out of a table and names what is wrong with them."""

    folder: str

    def fail(self, place: str, expected: str) -> NoReturn:
        msg = f"{self.folder}: {CARD_FILE}: {place}: expected {expected}"
        raise ModelUnavailable(msg)

    def table(self, within: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = within.get(name)
        return value if isinstance(value, dict) else self.fail(name, "a table")

    def text(self, within: Mapping[str, Any], place: str, default: str = "") -> str:
        value = within.get(place.rpartition(".")[2], default)
        if not isinstance(value, str) or not value:
            self.fail(place, "a text")
        return value

    def choice(
        self, within: Mapping[str, Any], place: str, of: tuple[str, ...], default: str = ""
    ) -> str:
        value = within.get(place.rpartition(".")[2], default)
        if not isinstance(value, str) or value not in of:
            self.fail(place, f"one of {', '.join(of)}")
        return value

    def number(
        self, within: Mapping[str, Any], place: str, low: float, high: float
    ) -> float:
        value = within.get(place.rpartition(".")[2])
        if not isinstance(value, int | float) or not low <= value <= high:
            self.fail(place, f"a number from {low:g} to {high:g}")
        return float(value)

    def numbers(self, within: Mapping[str, Any], place: str) -> tuple[float, ...]:
        values = within.get(place.rpartition(".")[2], [])
        good = isinstance(values, list) and all(
            isinstance(v, int | float) and not isinstance(v, bool) for v in values
        )
        return tuple(map(float, values)) if good else self.fail(place, "a list of numbers")

    def texts(
        self, within: Mapping[str, Any], place: str, of: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        values = within.get(place.rpartition(".")[2])
        known = f" out of {', '.join(of)}" if of else ""
        if (
            not isinstance(values, list)
            or not values
            or not all(isinstance(v, str) and v for v in values)
            or len(set(values)) != len(values)
            or (of and not set(values) <= set(of))
        ):
            self.fail(place, f"a list of different texts{known}")
        return tuple(values)


def _card(reader: _Reader, document: Mapping[str, Any]) -> PlugInCard:
    model = reader.table(document, "model")
    reader.choice(model, "model.task", (TASK,))
    output, report = reader.table(document, "output"), reader.table(document, "report")
    inputs = document.get("input")
    if not isinstance(inputs, list) or not inputs:
        reader.fail("input", "one [[input]] or more")
    taken = tuple(_input(reader, each, f"input[{i}]") for i, each in enumerate(inputs))
    if len({each.name for each in taken}) != len(taken):
        reader.fail("input", "different names")
    is_probability = (
        reader.choice(output, "output.kind", ("probabilities", "value")) == "probabilities"
    )
    labels = reader.texts(output, "output.labels")
    thresholds = reader.numbers(output, "output.thresholds")
    if thresholds and len(thresholds) != len(labels):
        reader.fail("output.thresholds", f"{len(labels)} numbers, one a label, or none")
    if is_probability and not all(0 <= each <= 1 for each in thresholds):
        reader.fail("output.thresholds", "numbers from 0 to 1")
    forms = tuple(map(str, ReportedAs))
    reported_as = ReportedAs(reader.choice(report, "report.as", forms))
    if reported_as is ReportedAs.RISK_ASSESSMENT and not is_probability:
        reader.fail("report.as", "Observation for a value: a risk is a probability")
    return PlugInCard(
        identity=ModelIdentity(
            reader.text(model, "model.name"),
            reader.text(model, "model.version"),
            reader.text(model, "model.sha256"),
        ),
        title=reader.text(model, "model.title"),
        inputs=taken,
        output=reader.text(output, "output.name"),
        is_probability=is_probability,
        activation=_activation(reader, output, is_probability=is_probability),
        labels=labels,
        thresholds=thresholds,
        unit="1" if is_probability else reader.text(output, "output.unit"),
        reported_as=reported_as,
        coding=_coding(reader, report),
    )


def _activation(
    reader: _Reader, output: Mapping[str, Any], *, is_probability: bool
) -> Activation:
    chosen = reader.choice(
        output, "output.activation", ("none", "sigmoid", "softmax"), default="none"
    )
    if chosen == "none":
        return "none"
    if not is_probability:
        reader.fail("output.activation", "none for a value")
    return "sigmoid" if chosen == "sigmoid" else "softmax"


def _coding(reader: _Reader, report: Mapping[str, Any]) -> Coding | None:
    if "code" not in report:
        return None
    return Coding(
        reader.text(report, "report.system"),
        reader.text(report, "report.code"),
        reader.text(report, "report.display"),
    )


def _input(reader: _Reader, given: object, place: str) -> PlugInInput:
    if not isinstance(given, dict):
        reader.fail(place, "a table")
    kind = reader.choice(given, f"{place}.kind", ("leads", "measurements", "age", "sex"))
    name = reader.text(given, f"{place}.name")
    if kind == "leads":
        rate = reader.number(
            given, f"{place}.sampling_rate_hz", LEAST_RATE_HZ, MOST_RATE_HZ
        )
        samples = reader.number(given, f"{place}.window_samples", 1, MAX_WINDOW_SAMPLES)
        leads = reader.texts(given, f"{place}.leads", STANDARD_LEADS)
        return LeadsInput(name, leads, rate, int(samples))
    fields: tuple[str, ...] = {"age": ("age_years",), "sex": ("sex",)}.get(kind, ())
    fields = fields or reader.texts(given, f"{place}.fields", MEASUREMENT_FIELDS)
    if "missing" not in given:
        return ValuesInput(name, fields, None)
    missing = reader.numbers(given, f"{place}.missing")
    if len(missing) != len(fields):
        reader.fail(f"{place}.missing", f"{len(fields)} numbers, one a value")
    return ValuesInput(name, fields, missing)
