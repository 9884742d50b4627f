"""Which properties each FHIR type has, read from the classes of `fhir.resources`.

The classes are generated from the published StructureDefinitions. As validators they let
wrong JSON types pass (an integer as dateTime), so `conformance` checks a body against
these tables instead, and names the element at fault.
"""

import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass

from fhir.resources import fhirtypes as r5_types
from fhir.resources.R4B import fhirtypes as r4_types
from fhir_core.fhirabstractmodel import FHIRAbstractModel
from fhir_core.types import FhirBase

from ecgsvc.domain.report import FhirVersion

Model: typing.TypeAlias = type[FHIRAbstractModel]


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a type.

    Parameters
    ----------
    name, step
        Its JSON name and its FHIRPath step (``value.ofType(Quantity)``).
    primitive
        Name of its primitive type; empty for a complex one.
    fhir_type
        Where to find the class of its complex type, loaded on first use because types
        refer to each other in circles.
    choice
        The stem of a choice of types (``value`` of ``valueQuantity``).
    """

    name: str
    step: str
    primitive: str
    fhir_type: type[FhirBase] | None
    is_list: bool
    required: bool
    choice: str | None
    choice_required: bool

    def model(self) -> Model:
        """Return the class of a complex type."""
        if self.fhir_type is None:
            msg = f"{self.name} is primitive"
            raise TypeError(msg)
        return self.fhir_type.get_model_klass()


@dataclass(frozen=True, slots=True)
class Structure:
    """All properties of a type by JSON name."""

    name: str
    is_resource: bool
    properties: Mapping[str, Property]
    required: tuple[Property, ...]
    required_choices: tuple[str, ...]


def resource_model(version: FhirVersion, name: str) -> Model | None:
    """Return the class of a resource type, or None when there is no such resource."""
    known = r5_types if version == "5.0.0" else r4_types
    fhir_type = getattr(known, f"{name}Type", None)
    if not (isinstance(fhir_type, type) and issubclass(fhir_type, FhirBase)):
        return None
    if name in ("Resource", "DomainResource"):
        return None
    model: Model = fhir_type.get_model_klass()
    return model if model.has_resource_base() else None


@functools.cache
def structure_of(model: Model) -> Structure:
    """Return the properties of a type."""
    found = {
        prop.name: prop
        for name, field in model.model_fields.items()
        if name != "fhir_comments"
        for prop in [_property(name, field)]
    }
    return Structure(
        name=model.get_resource_type(),
        is_resource=model.has_resource_base(),
        properties=found,
        required=tuple(p for p in found.values() if p.required),
        required_choices=tuple(
            dict.fromkeys(
                p.choice for p in found.values() if p.choice and p.choice_required
            )
        ),
    )


def _property(field_name: str, field: typing.Any) -> Property:  # noqa: ANN401 (FieldInfo)
    name: str = field.alias or field_name
    annotation = field.annotation
    for marker in field.metadata:  # pydantic moves the markers of a bare Annotated here
        annotation = typing.Annotated[annotation, marker]
    kind, is_list = _unwrap(annotation)
    facts: Mapping[str, object] = field.json_schema_extra or {}
    choice = facts.get("one_of_many")
    stem = str(choice) if choice else None
    primitive = kind if isinstance(kind, str) else ""
    type_name = primitive or (name[len(stem) :] if stem else "")
    return Property(
        name=name,
        step=f"{stem}.ofType({type_name})" if stem else name.removeprefix("_"),
        primitive=primitive,
        fhir_type=None if isinstance(kind, str) else kind,
        is_list=is_list,
        required=field.is_required() or bool(facts.get("element_required")),
        choice=stem,
        choice_required=bool(facts.get("one_of_many_required")),
    )


def _unwrap(annotation: object) -> tuple[str | type[FhirBase], bool]:
    """Reduce an annotation to a primitive's name or a complex type, and "is a list"."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _primitive_name(annotation), False
    if origin in (typing.Union, types.UnionType):
        first = next(a for a in typing.get_args(annotation) if a is not types.NoneType)
        return _unwrap(first)
    if origin is list:
        kind, _ = _unwrap(typing.get_args(annotation)[0])
        return kind, True
    if annotation is bool:
        return "boolean", False
    if isinstance(annotation, type) and issubclass(annotation, FhirBase):
        return annotation, False
    msg = f"unexpected annotation {annotation!r} in fhir.resources"
    raise TypeError(msg)


def _primitive_name(annotation: object) -> str:
    for marker in typing.get_args(annotation)[1:]:
        name = getattr(marker, "__visit_name__", None)
        if isinstance(name, str):
            return name
    return "uuid"  # the only primitive without a marker of fhir_core
