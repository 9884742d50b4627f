"""Composition root: settings → models, store, identity; idle at import."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from ecgsvc import __version__, dsp, fhir
from ecgsvc.config import Settings
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.report import Identifier
from ecgsvc.domain.sheet import Layout, Paper, PatientShown, SheetOptions
from ecgsvc.identity import (
    OWN_AUDIENCE,
    OWN_ISSUER,
    Authenticator,
    ClientCertificates,
    OwnKey,
    TokenRules,
    TokenVerifier,
    VerificationKeys,
)
from ecgsvc.inference import (
    BeatClassifier,
    BeatTools,
    DiagnosisReader,
    Explainer,
    IntervalEstimator,
    MalignantRhythmDetector,
    PlugInModel,
    RhythmClassifier,
    SignalTools,
    WaveReader,
)
from ecgsvc.signal_path import SignalPath
from ecgsvc.store import Notary, ReportStore
from ecgsvc.tenancy import Tenant, read_tenants
from ecgsvc.trail import SigningKey, retired_keys

_TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
_BEAT_TOOLS = BeatTools(dsp.cut_beats, dsp.group_beats, dsp.average_beats)


def beat_classifier(settings: Settings) -> BeatClassifier:
    """Load the beat model.

    Raises
    ------
    ModelUnavailable
        The model folder is missing or damaged, or its provider is not there.
    """
    return BeatClassifier.load(settings.beat_model, _TOOLS, provider=settings.provider)


def wave_reader(settings: Settings) -> WaveReader:
    """Load the wave model.

    Raises
    ------
    ModelUnavailable
        As `beat_classifier`.
    """
    return WaveReader.load(settings.wave_model, _BEAT_TOOLS, provider=settings.provider)


def signal_path(settings: Settings, *, threads: int = 1) -> SignalPath:
    """Load all models and put the path from samples to findings together.

    `threads` work at one recording; a server has its threads for its callers.

    Raises
    ------
    ModelUnavailable
        As `beat_classifier`.
    """
    return SignalPath(
        beat_classifier(settings),
        rhythm_classifier(settings),
        malignant_detector=malignant_detector(settings),
        wave_reader=wave_reader(settings),
        diagnosis_reader=diagnosis_reader(settings),
        interval_estimator=interval_estimator(settings),
        explainer=explainer(settings),
        plug_ins=plug_ins(settings),
        threads=threads,
    )


def plug_ins(settings: Settings) -> tuple[PlugInModel, ...]:
    """Load the hospital's own models, in the order of the setting.

    Raises
    ------
    ModelUnavailable
        One is wrong, or two have one name.
    """
    models = tuple(
        PlugInModel.load(folder, _TOOLS, provider=settings.provider)
        for folder in settings.extra_models
    )
    names = [model.identity.name for model in models]
    if twice := {name for name in names if names.count(name) > 1}:
        msg = f"two plug-in models are called {', '.join(sorted(twice))}"
        raise ModelUnavailable(msg)
    return models


def diagnosis_reader(settings: Settings) -> DiagnosisReader:
    """Load the model for diagnoses; errors as for `beat_classifier`."""
    return DiagnosisReader.load(
        settings.diagnosis_model, _TOOLS, provider=settings.provider
    )


def interval_estimator(settings: Settings) -> IntervalEstimator | None:
    """Load the second measurement of intervals, which the fast profile goes without."""
    if settings.profile == "fast":
        return None
    return IntervalEstimator.load(
        settings.interval_model, _TOOLS, _BEAT_TOOLS, provider=settings.provider
    )


def malignant_detector(settings: Settings) -> MalignantRhythmDetector:
    """Load the detector of malignant rhythm; errors as for `beat_classifier`."""
    return MalignantRhythmDetector.load(
        settings.malignant_model, _TOOLS, provider=settings.provider
    )


def rhythm_classifier(settings: Settings) -> RhythmClassifier:
    """Load the rhythm model; errors as for `beat_classifier`."""
    return RhythmClassifier.load(
        settings.rhythm_model_folder, _TOOLS, provider=settings.provider
    )


def explainer(settings: Settings) -> Explainer:
    """Take the explanation graphs beside the models; errors as for `beat_classifier`."""
    return Explainer.load(
        settings.beat_model,
        settings.rhythm_model_folder,
        _TOOLS,
        provider=settings.provider,
    )


class NoAuditKey(OSError):
    """Nothing says where the key of the audit trail lies."""


class NobodyMayCall(OSError):
    """No setting says who callers are; a server would refuse every call."""


def authenticator(settings: Settings) -> Authenticator:
    """Say who may be believed: an issuer's tokens, own tokens, client certificates.

    Without any of these settings, and with SQLite, a key of our own beside the database.

    Raises
    ------
    NobodyMayCall
        None of them, and the database is no file.
    OSError
        A key or map cannot be read or used.
    """
    tokens = certificates = None
    if settings.token_keys is not None:
        rules = TokenRules(
            settings.token_issuer,
            settings.token_audience,
            settings.token_tenant_claim,
            settings.token_roles_claim,
            settings.token_name_claim,
        )
        tokens = TokenVerifier(VerificationKeys(settings.token_keys), rules)
    elif settings.own_key is not None:
        OwnKey(settings.own_key, make=True)
        rules = TokenRules(OWN_ISSUER, OWN_AUDIENCE)
        tokens = TokenVerifier(VerificationKeys(settings.own_key), rules)
    if settings.client_certificates is not None:
        certificates = ClientCertificates(settings.client_certificates)
    if tokens is None and certificates is None:
        msg = (
            "nothing says who may call: set token_keys and token_issuer (an identity "
            "provider), client_certificates, or token_key (an own key, `ecgsvc token`)"
        )
        raise NobodyMayCall(msg)
    return Authenticator(tokens, certificates)


def sheet_options(settings: Settings) -> SheetOptions | None:
    """How sheets are drawn; None: not at all."""
    if settings.sheet == "off":
        return None
    return SheetOptions(
        paper=Paper(settings.sheet),
        layout=Layout(settings.sheet_layout),
        patient=PatientShown(settings.sheet_patient),
    )


def installation(settings: Settings, tenant: Tenant | None = None) -> fhir.Installation:
    """What FHIR needs to know of the installation, or of one tenant of it."""
    of_all = fhir.Installation(
        settings.organization, __version__, ZoneInfo(settings.default_zone)
    )
    if tenant is None:
        return of_all
    system, _, value = (tenant.organization_identifier or "").partition("|")
    return replace(
        of_all,
        organization=tenant.organization or of_all.organization,
        organization_identifier=Identifier(system, value) if value else None,
        default_zone=ZoneInfo(tenant.time_zone or settings.default_zone),
        unitless_origin=tenant.quirks.unitless_origin,
    )


def open_store(settings: Settings) -> ReportStore:
    """Open the database and the key that signs its audit trail; made when missing.

    Raises
    ------
    StoreUnavailable
        The database cannot be reached or is not migrated.
    OSError
        The key cannot be read or made, or nothing says where it lies; or the file of
        tenants cannot be used.
    """
    path = settings.signing_key
    if path is None:
        msg = "set audit_key: the file of the key that signs the audit trail"
        raise NoAuditKey(msg)
    key = SigningKey.at(path, make=True)
    notary = Notary(key, fhir.audit_event, retired=tuple(retired_keys(path)))
    routes = read_tenants(settings.tenants).route
    return ReportStore(settings.database_url, notary, routes=routes)
