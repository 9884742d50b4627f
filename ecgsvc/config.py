"""Settings: the only reader of the environment.

Every field is the variable ``ECGSVC_<NAME>`` (``ECGSVC_DATABASE_URL``); the command line
overrides it.
"""

import os
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MODELS_DIR = Path(__file__).parent / "inference" / "models"
BEAT_MODEL = "beats-cnn-lstm-attention-3.1.0"
MALIGNANT_MODEL = "malignant-cnn-1.1.0"
WAVE_MODEL = "waves-unet-1.1.0"
DIAGNOSIS_MODEL = "diagnosis-efficientecg-1.1.1"
INTERVAL_MODEL = "intervals-aicrn-1.2.0"
RHYTHM_MODEL = "rhythm-canet-2.2.0"
FAST_RHYTHM_MODEL = "rhythm-canet-single-2.2.0"


class Settings(BaseSettings):
    """Everything an installation decides; defaults suit a trial on one machine."""

    model_config = SettingsConfigDict(env_prefix="ECGSVC_", frozen=True)

    database_url: str = Field(
        "sqlite:///ecgsvc.sqlite3",
        description="SQLAlchemy URL: sqlite:///FILE or postgresql+psycopg://USER@HOST/DB.",
    )
    listen: str = Field(
        "127.0.0.1:50051", description="HOST:PORT; port 0 takes a free one."
    )
    http: str = Field(
        "",
        description="HOST:PORT of the FHIR REST face; empty: none. Port 0 takes a free "
        "one, with one process.",
    )
    workers: int = Field(
        4, ge=1, le=256, description="Threads of a process that serve calls."
    )
    processes: int = Field(1, ge=1, le=256, description="Server processes on the one port.")
    max_in_flight: int = Field(
        64, ge=1, description="Calls accepted at once, waiting included."
    )
    grace_s: float = Field(30.0, ge=0, description="Time accepted calls get on shutdown.")
    provider: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where models run; cuda refuses to start without CUDA."
    )
    beat_model: Path = Field(
        MODELS_DIR / BEAT_MODEL, description="Folder with model.onnx and card.toml."
    )
    malignant_model: Path = Field(
        MODELS_DIR / MALIGNANT_MODEL, description="The same, of malignant rhythm."
    )
    wave_model: Path = Field(
        MODELS_DIR / WAVE_MODEL, description="The same, of wave boundaries."
    )
    diagnosis_model: Path = Field(
        MODELS_DIR / DIAGNOSIS_MODEL, description="The same, of twelve-lead diagnoses."
    )
    interval_model: Path = Field(
        MODELS_DIR / INTERVAL_MODEL,
        description="The same, of intervals measured a second time; not in profile fast.",
    )
    rhythm_model: Path | None = Field(
        None, description="The same, of rhythm; the profile's when not given."
    )
    extra_models: Annotated[tuple[Path, ...], NoDecode] = Field(
        (),
        description="Folders of the hospital's own models, separated by the system's path "
        "separator.",
    )
    profile: Literal["accurate", "fast"] = Field(
        "accurate",
        description="fast: a small rhythm model, less often right, and intervals measured "
        "once.",
    )
    organization: str = Field(
        "ecgsvc operator", description="Display name of the reports' performer."
    )
    sheet: Literal["a4", "letter", "off"] = Field(
        "a4", description="Paper of the ECG sheet in each report; off: no sheet."
    )
    sheet_layout: Literal["3x4", "6x2", "12x1"] = Field(
        "3x4", description="How twelve leads share a page of the sheet."
    )
    sheet_patient: Literal["full", "identifier", "nothing"] = Field(
        "full", description="What the sheet shows of the patient beside sex and age."
    )
    tenants: Path | None = Field(
        None,
        description="TOML: destinations of reports, codes and names, tenant by tenant "
        "(`ecgsvc config check`).",
    )
    default_zone: str = Field("UTC", description="Zone of times that come without one.")
    tls_certificate: Path | None = Field(None, description="PEM chain; turns TLS on.")
    tls_key: Path | None = Field(None, description="PEM private key of the certificate.")
    tls_client_ca: Path | None = Field(
        None, description="PEM; clients must show a certificate signed by it."
    )
    token_key: Path | None = Field(
        None,
        description="Own key, PEM, that `ecgsvc token` signs with; made when missing. "
        "Beside the database file of SQLite when no other identity is configured.",
    )
    token_keys: Path | None = Field(
        None, description="Public keys, PEM or JWKS, of the issuer of bearer tokens."
    )
    token_issuer: str = Field("", description="iss of its tokens.")
    token_audience: str = Field("ecgsvc", description="aud of its tokens.")
    token_tenant_claim: str = Field("tenant", description="Claim with the tenant.")
    token_roles_claim: str = Field(
        "roles", description="Claim with the roles; a.b is a member of an object."
    )
    token_name_claim: str = Field("name", description="Claim with the caller's name.")
    client_certificates: Path | None = Field(
        None, description="TOML: which tenant and roles a client certificate's subject has."
    )
    audit_key: Path | None = Field(
        None,
        description="Ed25519 key, PEM, that signs the audit trail; made when missing. "
        "Beside the database file of SQLite when not given; PostgreSQL needs it.",
    )
    pseudonym_key: Path | None = Field(
        None,
        description="Key of the pseudonyms in exports without names; made when missing. "
        "Beside the database file of SQLite when not given.",
    )
    checkpoint_folder: Path | None = Field(
        None, description="Where signed checkpoints of the audit trail are put."
    )
    checkpoint_every_s: float = Field(
        300.0, gt=0, description="How often, in seconds; late refusals are entered then."
    )
    token: str = Field("", repr=False, description="Bearer token that commands send.")
    token_file: Path | None = Field(None, description="A file with it.")

    @property
    def speaks_in_clear(self) -> bool:
        """Whether tokens and ECGs leave this machine unencrypted."""
        hosts = [
            address.rpartition(":")[0].strip("[]")
            for address in (self.listen, self.http)
            if address
        ]
        are_local = (h in ("localhost", "::1") or h.startswith("127.") for h in hosts)
        return self.tls_certificate is None and not all(are_local)

    @property
    def own_key(self) -> Path | None:
        """File of the own key; None when others say who is asking, or nothing does."""
        if self.token_key is not None or self.token_keys or self.client_certificates:
            return self.token_key
        return self._beside_database("token-key.pem")

    @property
    def signing_key(self) -> Path | None:
        """File of the key that signs the audit trail; None when nothing says where."""
        return self.audit_key or self._beside_database("audit-key.pem")

    @property
    def pseudonym_key_file(self) -> Path | None:
        """File of the key of pseudonyms; None when nothing says where."""
        return self.pseudonym_key or self._beside_database("pseudonym-key")

    def _beside_database(self, ending: str) -> Path | None:
        scheme, _, file = self.database_url.partition("?")[0].partition(":///")
        is_file = scheme.startswith("sqlite") and file not in ("", ":memory:")
        return Path(f"{file}.{ending}") if is_file else None

    @property
    def rhythm_model_folder(self) -> Path:
        """Folder of the rhythm model: the one named, else the profile's."""
        shipped = FAST_RHYTHM_MODEL if self.profile == "fast" else RHYTHM_MODEL
        return self.rhythm_model or MODELS_DIR / shipped

    @field_validator("extra_models", mode="before")
    @classmethod
    def _folders(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(each) for each in value.split(os.pathsep) if each)
        return value

    @field_validator("default_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            msg = "expected the name of a time zone, such as Europe/Berlin"
            raise ValueError(msg) from error
        return value

    @model_validator(mode="after")
    def _processes_share_a_port(self) -> Self:
        if self.processes > 1 and self.http.endswith(":0"):
            msg = "http needs a port of its own when there are several processes"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            msg = "tls_certificate and tls_key go together"
            raise ValueError(msg)
        if self.tls_client_ca is not None and self.tls_certificate is None:
            msg = "tls_client_ca needs tls_certificate and tls_key"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _identity_is_whole(self) -> Self:
        if self.token_key is not None and self.token_keys is not None:
            msg = "token_key (an own key) and token_keys (an issuer's) exclude each other"
            raise ValueError(msg)
        if self.token_keys is not None and not self.token_issuer:
            msg = "token_keys needs token_issuer"
            raise ValueError(msg)
        if self.client_certificates is not None and self.tls_client_ca is None:
            msg = "client_certificates needs tls_client_ca"
            raise ValueError(msg)
        return self
