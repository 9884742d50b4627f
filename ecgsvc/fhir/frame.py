"""What the resources of one report version have in common."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from uuid import UUID

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.report import EcgSource, Identifier, ReportSlot
from ecgsvc.fhir.codes import AI_ASSERTED, URI
from ecgsvc.fhir.concepts import coding_json, identifier_json, instant
from ecgsvc.fhir.json_body import JsonObject

SERVICE = "ecgsvc"
ALTERNATE_REFERENCE = "http://hl7.org/fhir/StructureDefinition/alternate-reference"


@dataclass(frozen=True, slots=True)
class Installation:
    """What an installation, or one tenant of it, says of itself and accepts.

    Parameters
    ----------
    organization
        Display name of the organisation that is responsible: the reports' performer.
    default_zone
        For times of ECGs that state none.
    organization_identifier
        The same organisation in the hospital's directory, if known.
    unitless_origin
        See `Limits`.
    """

    organization: str
    software_version: str
    default_zone: tzinfo = UTC
    organization_identifier: Identifier | None = None
    unitless_origin: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One report version: where it stands, what it rests on, who made it, when."""

    analysis: Analysis
    source: EcgSource
    slot: ReportSlot
    issued_at: datetime
    installation: Installation
    device_id: str

    @property
    def report_id(self) -> str:
        """Id of the DiagnosticReport."""
        return self.slot.report_id

    def part_id(self, part: str) -> str:
        """Return the id of a resource that belongs to the report."""
        return f"{self.slot.report_id}-{part}"

    def head(self, resource_type: str, resource_id: str) -> JsonObject:
        """Return type, id and meta: this version, asserted by an AI."""
        return {
            "resourceType": resource_type,
            "id": resource_id,
            "meta": {
                "versionId": str(self.slot.version),
                "lastUpdated": instant(self.issued_at),
                "security": [coding_json(AI_ASSERTED)],
            },
        }

    def carried(self, *names: str) -> JsonObject:
        """Return elements of the ECG, as they came, where it has them."""
        return {n: self.source.carried[n] for n in names if n in self.source.carried}

    def effective(self) -> JsonObject:
        """Return the time of the ECG; an instant as the dateTime it also is."""
        if "effectiveInstant" in self.source.carried:
            return {"effectiveDateTime": self.source.carried["effectiveInstant"]}
        return self.carried("effectiveDateTime", "effectivePeriod")

    def issued(self) -> JsonObject:
        """Return when the report version was made."""
        return {"issued": instant(self.issued_at)}

    def organization(self) -> JsonObject:
        """Return the responsible organisation."""
        reference: JsonObject = {
            "type": "Organization",
            "display": self.installation.organization,
        }
        if self.installation.organization_identifier is not None:
            reference["identifier"] = identifier_json(
                self.installation.organization_identifier
            )
        return reference

    def algorithm(self) -> JsonObject:
        """Return the Device, where R4 allows one only through an extension."""
        return {
            "extension": [
                {
                    "url": ALTERNATE_REFERENCE,
                    "valueReference": {"reference": f"Device/{self.device_id}"},
                }
            ],
            "display": f"{SERVICE} {self.installation.software_version}",
        }

    def ecg(self) -> JsonObject:
        """Return a reference to the ECG: literal when it has an id, logical always."""
        identifiers = self.source.carried.get("identifier")
        own = identifiers[0] if isinstance(identifiers, list) and identifiers else None
        return self._ecg_id(versioned=False) | {
            **self._ecg_type(),
            "identifier": own or self.ecg_hash(),
        }

    def ecg_version(self) -> JsonObject:
        """Return a reference to the very bytes that were analysed."""
        return self._ecg_id(versioned=True) | {
            **self._ecg_type(),
            "identifier": self.ecg_hash(),
        }

    def ecg_hash(self) -> JsonObject:
        """Return the SHA-256 of the ECG as an identifier."""
        return sha256_identifier(self.source.sha256)

    @property
    def ecg_is_observation(self) -> bool:
        """Whether the ECG may stand among the results of a report."""
        return self.source.resource_type == "Observation"

    def _ecg_type(self) -> JsonObject:
        """Type of the ECG; nothing is derived from a Binary in FHIR, so that has none."""
        kind = self.source.resource_type
        return {"display": "ECG file"} if kind == "Binary" else {"type": kind}

    def _ecg_id(self, *, versioned: bool) -> JsonObject:
        ecg_id = self.source.carried.get("id")
        if ecg_id is None or self.source.resource_type == "Binary":
            return {}
        reference = f"{self.source.resource_type}/{ecg_id}"
        meta = self.source.carried.get("meta")
        if versioned and isinstance(meta, dict) and "versionId" in meta:
            reference += f"/_history/{meta['versionId']}"
        return {"reference": reference}


def sha256_identifier(sha256: str) -> JsonObject:
    """Return a hash as an identifier."""
    return {"system": URI, "value": f"urn:sha256:{sha256}"}


def report_identifier(report_id: str) -> JsonObject:
    """Return the business identifier of a report: its id, as a URN when it is a UUID."""
    try:
        return {"system": URI, "value": UUID(report_id).urn}
    except ValueError:
        return {"value": report_id}
