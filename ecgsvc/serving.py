"""What listens: gRPC, FHIR over HTTP, HL7 v2, and what works beside them."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Semaphore
from zoneinfo import ZoneInfo

from ecgsvc import fhir, hl7v2, http, rpc
from ecgsvc.app import authenticator, installation, open_store, sheet_options, signal_path
from ecgsvc.config import Settings
from ecgsvc.delivering import lanes
from ecgsvc.delivery import DeliveryWorkers
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import EcgsvcError
from ecgsvc.export import read_key
from ecgsvc.identity import (
    Credentials,
)
from ecgsvc.pipeline import EcgPipeline
from ecgsvc.receiving import EcgReceiver, tls_of
from ecgsvc.signing import ReportSigner
from ecgsvc.store import RefusalLog, RefusalSpool, Repeated, ReportStore
from ecgsvc.tenancy import Listener, Tenant, read_tenants

_LOG = logging.getLogger("ecgsvc")


class NoSharedPort(OSError):
    """Several processes are to serve on a port that each would choose for itself."""


def run_server(settings: Settings) -> None:
    """Serve until a signal arrives; accepted calls are finished before this returns.

    Prints the bound address on standard output when ready.

    Raises
    ------
    StoreUnavailable
        The database cannot be reached or is not migrated.
    ModelUnavailable
        A model cannot be loaded.
    OSError
        The address cannot be bound, a file of TLS or identity cannot be used, nothing says
        who may call, or one of several server processes ended by itself.
    """
    if settings.speaks_in_clear:
        _LOG.warning("tokens and ECGs travel in clear text: set tls_certificate, tls_key")
    if settings.processes > 1:
        serve = partial(_serve_in_process, settings)
        announce_all = partial(_announce, faces=_configured_faces(settings))
        rpc.run_processes(settings.processes, settings.listen, serve, announce_all)
        return
    host = settings.listen.rpartition(":")[0]

    def announce() -> None:
        _announce(f"{host}:{server.port}", faces)

    with _servers(settings) as (server, faces):
        signal = server.serve_until_signalled(settings.grace_s, when_ready=announce)
        _LOG.info("stopped by %s, accepted calls finished", signal.name)


def _serve_in_process(
    settings: Settings,
    address: str,
    ready: Callable[[], None],
    wait_for_end: Callable[[], None],
) -> None:
    """Be one of several server processes."""
    start_logging()
    try:
        with _servers(settings.model_copy(update={"listen": address})) as (server, _):
            ready()
            wait_for_end()
            server.stop(settings.grace_s)
    except (EcgsvcError, OSError) as error:
        _LOG.error("%s", error)
        raise SystemExit(1) from None


@contextmanager
def _servers(settings: Settings) -> Iterator[tuple[rpc.RunningServer, list[str]]]:
    """Start what listens: gRPC, and when asked HTTP and HL7 v2; yields what to announce."""
    store = open_store(settings)
    refusals = RefusalLog(store, RefusalSpool(_spool_file(settings)))
    housekeeping = Repeated(
        partial(_keep_house, settings, store, refusals), settings.checkpoint_every_s
    )
    housekeeping.start()
    try:
        store.check_signing_key()
        tenants = read_tenants(settings.tenants).tenant
        pipeline = EcgPipeline(
            signal_path(settings),
            store,
            installation(settings),
            now=lambda: datetime.now(UTC),
            sheet=sheet_options(settings),
            tenants={each.name: installation(settings, each) for each in tenants},
        )
        authenticate = authenticator(settings).caller
        signer = ReportSigner(store, now=lambda: datetime.now(UTC))
        server = rpc.build_server(
            _server_settings(settings),
            analyzer=pipeline,
            reports=store,
            authenticate=authenticate,
            signer=signer,
            operation_outcome=fhir.operation_outcome,
            record_refusal=refusals.record,
        )
        with ExitStack() as stack:
            face = _http_face(settings, pipeline, store, signer, authenticate, refusals)
            try:
                http_url = stack.enter_context(face)
                stack.enter_context(_deliveries(settings, store))
                hl7 = _hl7_listeners(settings, pipeline, refusals)
                faces = [_fhir_face(http_url)] if http_url else []
                faces += stack.enter_context(hl7)
            except OSError:
                server.stop(0)
                raise
            yield server, faces
    finally:
        housekeeping.stop()
        store.close()


def _keep_house(settings: Settings, store: ReportStore, refusals: RefusalLog) -> None:
    """Enter what the trail could not take before, forget old answers, keep checkpoints."""
    refusals.enter_spooled()
    store.forget_jobs(datetime.now(UTC) - http.KEPT_FOR)
    if settings.checkpoint_folder is not None:
        store.keep_checkpoints(settings.checkpoint_folder)


def _spool_file(settings: Settings) -> Path:
    key = settings.signing_key
    assert key is not None  # noqa: S101  # `open_store` has asked for it
    return key.with_name(f"{key.name}.refusals")


@contextmanager
def _deliveries(settings: Settings, store: ReportStore) -> Iterator[None]:
    """Deliver what the outbox holds."""
    found = list(lanes(read_tenants(settings.tenants)))
    if not found:
        yield
        return
    workers = DeliveryWorkers(store, found)
    workers.start()
    try:
        yield
    finally:
        workers.stop(settings.grace_s)


@contextmanager
def _http_face(
    settings: Settings,
    pipeline: EcgPipeline,
    store: ReportStore,
    signer: ReportSigner,
    authenticate: Callable[[Credentials], Caller],
    refusals: RefusalLog,
) -> Iterator[str]:
    if not settings.http:
        yield ""
        return
    jobs = http.Jobs(store, refusals.record)
    table = http.interactions(
        http.Creating(pipeline, store),
        http.Batching(pipeline, store, refusals.record),
        http.Reading(store),
        http.Signing(signer),
        http.Auditing(store),
        http.Exporting(store, jobs, _pseudonym_key(settings)),
        jobs,
    )
    face = http.build_app(
        http.AppSettings(settings.workers, settings.max_in_flight),
        table=table,
        authenticate=authenticate,
        record_refusal=refusals.record,
    )
    tls = None
    if settings.tls_certificate is not None and settings.tls_key is not None:
        tls = http.HttpTls(
            settings.tls_certificate, settings.tls_key, settings.tls_client_ca
        )
    workers = http.JobWorkers(store, jobs.run, max(1, settings.workers // 2))
    workers.start()
    try:
        with http.serving(
            face,
            settings.http,
            tls=tls,
            reuse_port=settings.processes > 1,
            grace_s=settings.grace_s,
        ) as url:
            yield url
    finally:
        workers.stop(settings.grace_s)


@contextmanager
def _hl7_listeners(
    settings: Settings, pipeline: EcgPipeline, refusals: RefusalLog
) -> Iterator[list[str]]:
    """Listen for HL7 v2 where the file of tenants says so."""
    workers = Semaphore(settings.workers)
    with ExitStack() as stack:
        faces = []
        for tenant in read_tenants(settings.tenants).tenant:
            for listener in tenant.listener:
                receiver = EcgReceiver(
                    pipeline,
                    tenant,
                    listener,
                    zone=ZoneInfo(tenant.time_zone or settings.default_zone),
                    record_refusal=refusals.record,
                    workers=workers,
                )
                bound = hl7v2.listening(
                    listener.address,
                    receiver.answer,
                    bounds=hl7v2.Bounds(connections=listener.connections),
                    tls=tls_of(listener),
                    reuse_port=settings.processes > 1,
                    grace_s=settings.grace_s,
                )
                faces.append(_hl7_face(tenant, listener, stack.enter_context(bound)))
        yield faces


def start_logging() -> None:
    """Log to standard error, one line an event."""
    form = "%(asctime)s %(levelname)s %(process)d %(name)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=form)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _announce(address: str, faces: Sequence[str] = ()) -> None:
    for each in (f"on {address}", *faces):
        print(f"serving {each}", flush=True)  # noqa: T201 (to whoever started it)


def _configured_faces(settings: Settings) -> list[str]:
    """What several processes serve beside gRPC, under the ports that were configured.

    Raises
    ------
    NoSharedPort
        A listener takes any free port: each process would take another.
    """
    scheme = f"http{'s' * bool(settings.tls_key)}"
    found = [_fhir_face(f"{scheme}://{settings.http}")] if settings.http else []
    for tenant in read_tenants(settings.tenants).tenant:
        for listener in tenant.listener:
            if listener.address.endswith(":0"):
                msg = (
                    f"listener {tenant.name}/{listener.name} needs a port of its own when "
                    "there are several processes"
                )
                raise NoSharedPort(msg)
            found.append(_hl7_face(tenant, listener, listener.address))
    return found


def _fhir_face(url: str) -> str:
    return f"FHIR on {url}{http.BASE_PATH}"


def _hl7_face(tenant: Tenant, listener: Listener, address: str) -> str:
    return f"HL7 v2 of {tenant.name}/{listener.name} on {address}"


def _server_settings(settings: Settings) -> rpc.ServerSettings:
    tls = None
    if settings.tls_certificate is not None and settings.tls_key is not None:
        tls = rpc.TlsFiles(
            settings.tls_certificate, settings.tls_key, settings.tls_client_ca
        )
    return rpc.ServerSettings(
        address=settings.listen,
        n_workers=settings.workers,
        max_pending=settings.max_in_flight,
        reuse_port=settings.processes > 1,
        tls=tls,
        pseudonym_key=_pseudonym_key(settings),
    )


def _pseudonym_key(settings: Settings) -> bytes:
    key_file = settings.pseudonym_key_file
    return b"" if key_file is None else read_key(key_file)
