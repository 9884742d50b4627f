"""Checks a whole resource against the structure of its type, naming each element at fault.

Covers what FHIR's JSON format and type definitions demand everywhere: known properties,
arrays where and only where they belong, no nulls or empty values, primitive types,
required elements and choices, one value of a choice, bindings written down in `codes`,
narratives, contained resources, and that no modifier is there that we do not understand.
"""

import re
from collections.abc import Mapping

from ecgsvc.domain.errors import (
    InvalidElement,
    MalformedObservation,
    MissingElement,
    TooLarge,
    UnsupportedContent,
)
from ecgsvc.domain.report import FhirVersion
from ecgsvc.fhir.codes import REQUIRED_BINDINGS
from ecgsvc.fhir.json_body import JsonObject, RepeatedNames
from ecgsvc.fhir.narrative import problem_of
from ecgsvc.fhir.primitives import CHECKS, MAX_STRING
from ecgsvc.fhir.problems import Problems
from ecgsvc.fhir.structure import Model, Property, Structure, resource_model, structure_of

MAX_DEPTH = 40
"""Objects within objects; deeper content is refused at the element where it begins."""

_ELEMENT_NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}", re.ASCII)
_MODIFIERS = ("modifierExtension", "implicitRules")


def check_resource(
    resource: JsonObject, model: Model, version: FhirVersion, problems: Problems
) -> None:
    """Add every violation in `resource` to `problems`; the path starts at its type."""
    _Checker(version, problems).check_object(
        resource, structure_of(model), model.get_resource_type(), depth=0
    )


class _Checker:
    def __init__(self, version: FhirVersion, problems: Problems) -> None:
        self._version = version
        self._problems = problems

    def check_object(
        self, value: JsonObject, structure: Structure, path: str, *, depth: int
    ) -> None:
        if depth > MAX_DEPTH:
            self._wrong("nested too deeply", path, MalformedObservation)
            return
        if isinstance(value, RepeatedNames):
            self._wrong("a property name occurs twice", path, MalformedObservation)
            return
        if not value:
            self._wrong("an object is never empty", path)
        for name, item in value.items():
            if name == "resourceType" and structure.is_resource:
                continue
            prop = structure.properties.get(name)
            if prop is None:
                step = name if _ELEMENT_NAME.fullmatch(name) else None
                where = f"{path}.{step}" if step else path
                self._wrong(f"{structure.name} has no such property", where)
            else:
                self._check_property(item, prop, structure, f"{path}.{prop.step}", depth)
        self._check_presence(value, structure, path)

    def _check_property(
        self, item: object, prop: Property, structure: Structure, path: str, depth: int
    ) -> None:
        if prop.name in _MODIFIERS:
            self._wrong(f"{prop.name} is not understood here", path, UnsupportedContent)
        elif prop.is_list:
            self._check_list(item, prop, structure, path, depth)
        else:
            self._check_value(item, prop, structure, path, depth)

    def _check_list(
        self, items: object, prop: Property, structure: Structure, path: str, depth: int
    ) -> None:
        if not isinstance(items, list):
            self._wrong("expected a JSON array", path)
            return
        if not items:
            self._wrong("an array is never empty", path)
        nulls_allowed = bool(prop.primitive) or prop.name.startswith("_")
        for i, item in enumerate(items):
            if item is not None or not nulls_allowed:
                self._check_value(item, prop, structure, f"{path}[{i}]", depth)

    def _check_value(
        self, value: object, prop: Property, structure: Structure, path: str, depth: int
    ) -> None:
        if value is None:
            self._wrong("null is not allowed: leave the property out", path)
        elif prop.primitive:
            self._check_primitive(value, prop, structure, path)
        elif not isinstance(value, dict):
            self._wrong("expected a JSON object", path)
        elif (child := structure_of(prop.model())).name == "Resource":
            self._check_inner_resource(value, prop, path, depth)
        else:
            self.check_object(value, child, path, depth=depth + 1)

    def _check_primitive(
        self, value: object, prop: Property, structure: Structure, path: str
    ) -> None:
        is_text = isinstance(value, str) and prop.primitive != "base64Binary"
        if is_text and len(str(value)) > MAX_STRING:
            msg = f"a string of FHIR has at most {MAX_STRING} characters"
            self._problems.add(TooLarge(msg, expression=path))
            return
        if structure.name == "SampledData" and prop.name == "data" and value:
            expected = None if isinstance(value, str) else "expected a JSON string"
        else:  # the parser of samples reads those to the last character
            expected = CHECKS[prop.primitive](value)
        if expected is None and prop.primitive == "xhtml":
            expected = problem_of(str(value))
        if expected is None:
            codes = REQUIRED_BINDINGS.get((structure.name, prop.name))
            if codes is not None and value not in codes:
                expected = f"expected one of {', '.join(sorted(codes))}"
        if expected is not None:
            self._wrong(expected, path)

    def _check_inner_resource(
        self, value: JsonObject, prop: Property, path: str, depth: int
    ) -> None:
        name = value.get("resourceType")
        model = resource_model(self._version, name) if isinstance(name, str) else None
        if model is None:
            self._wrong("expected the resourceType of a FHIR resource", path)
            return
        if prop.name == "contained" and "contained" in value:
            self._wrong("a contained resource contains no other", f"{path}.contained")
            return
        self.check_object(value, structure_of(model), path, depth=depth + 1)

    def _check_presence(
        self, value: Mapping[str, object], structure: Structure, path: str
    ) -> None:
        for prop in structure.required:
            if prop.name not in value and f"_{prop.name}" not in value:
                msg = f"{structure.name}.{prop.name} is required"
                self._problems.add(MissingElement(msg, expression=f"{path}.{prop.step}"))
        chosen: dict[str, int] = {}
        for name in value:
            prop_or_none = structure.properties.get(name)
            if prop_or_none is not None and prop_or_none.choice:
                stem = prop_or_none.choice
                chosen[stem] = chosen.get(stem, 0) + 1
        for stem, count in chosen.items():
            if count > 1:
                self._wrong(f"{stem}[x] is given more than once", f"{path}.{stem}")
        for stem in structure.required_choices:
            if stem not in chosen and not any(n.startswith(f"_{stem}") for n in value):
                msg = f"{structure.name}.{stem}[x] is required"
                self._problems.add(MissingElement(msg, expression=f"{path}.{stem}"))
        if structure.name == "Extension" and ("extension" in value) == ("value" in chosen):
            self._wrong("expected either a value or extensions (ext-1)", path)

    def _wrong(
        self,
        message: str,
        path: str,
        kind: type[InvalidElement | MalformedObservation | UnsupportedContent] = (
            InvalidElement
        ),
    ) -> None:
        self._problems.add(kind(message, expression=path))
