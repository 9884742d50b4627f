"""The models of `fhir.resources`: the last gate in, and the form of everything out."""

from collections.abc import Sequence

import orjson
from pydantic import ValidationError

from ecgsvc.domain.errors import InvalidElement
from ecgsvc.domain.report import FhirVersion
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.structure import resource_model


def confirm(resource: JsonObject, version: FhirVersion) -> None:
    """Let the model of an accepted body have the last word.

    `conformance` is stricter and names elements better, so this refuses only what escaped
    it.

    Raises
    ------
    InvalidElement
        The model refuses the resource.
    """
    kind = str(resource.get("resourceType"))
    try:
        _validate(resource, kind, version)
    except ValidationError as error:
        where = _expression(kind, error.errors(include_input=False)[0]["loc"])
        msg = f"the element does not conform to FHIR {version}"
        raise InvalidElement(msg, expression=where) from None


def to_json(resource: JsonObject, version: FhirVersion = "4.0.1") -> bytes:
    """Return the JSON of a resource of ours, once its model accepts it.

    The content is written as it stands, so that decimals and instants stay as chosen.

    Raises
    ------
    pydantic.ValidationError
        The resource is not valid: a mistake in this package.
    """
    _validate(resource, str(resource.get("resourceType")), version)
    return orjson.dumps(resource)


def _validate(resource: JsonObject, kind: str, version: FhirVersion) -> None:
    model = resource_model(version, kind)
    if model is None:
        msg = f"FHIR {version} has no resource {kind}"
        raise LookupError(msg)
    model.model_validate(resource)


def _expression(kind: str, location: Sequence[int | str]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return kind + "".join(steps)
