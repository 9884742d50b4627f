"""`ecgsvc serve` and `ecgsvc migrate`."""

from pathlib import Path
from typing import Annotated

import typer

from ecgsvc.cli.console import one_line_errors, out
from ecgsvc.cli.options import Database, Profile, settings_with


def serve(
    listen: Annotated[
        str | None, typer.Option(help="HOST:PORT; port 0 takes a free one.")
    ] = None,
    http: Annotated[
        str | None, typer.Option(help="HOST:PORT of the FHIR REST face; without: none.")
    ] = None,
    database: Database = None,
    provider: Annotated[
        str | None,
        typer.Option(help="auto, cpu or cuda; cuda refuses to start without CUDA."),
    ] = None,
    profile: Profile = None,
    workers: Annotated[int | None, typer.Option(help="Threads that serve calls.")] = None,
    processes: Annotated[
        int | None, typer.Option(help="Server processes on the one port, one a core.")
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(help="PEM chain; turns TLS on.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM private key.")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(help="PEM; clients must show a certificate signed by it.")
    ] = None,
    client_certificates: Annotated[
        Path | None, typer.Option(help="TOML: tenant and roles of certificate subjects.")
    ] = None,
    token_key: Annotated[
        Path | None, typer.Option(help="Own key of `ecgsvc token`; made when missing.")
    ] = None,
    token_keys: Annotated[
        Path | None, typer.Option(help="PEM or JWKS: keys of the issuer of tokens.")
    ] = None,
    token_issuer: Annotated[str | None, typer.Option(help="iss of its tokens.")] = None,
    tenants: Annotated[
        Path | None, typer.Option(help="TOML: destinations and wishes of each tenant.")
    ] = None,
    audit_key: Annotated[
        Path | None, typer.Option(help="Key that signs the audit trail; made when missing.")
    ] = None,
) -> None:
    """Serve ECG analysis over gRPC, with --http over REST too, until SIGTERM.

    Accepted calls are finished first. The database must be migrated (`ecgsvc migrate`).
    Every call says who is asking: with nothing set, by tokens of an own key beside the
    SQLite database (`ecgsvc token`).
    Further settings: ECGSVC_* variables.
    """
    from ecgsvc.serving import run_server, start_logging  # with models and servers

    start_logging()
    settings = settings_with(
        listen=listen,
        http=http,
        database_url=database,
        provider=provider,
        profile=profile,
        workers=workers,
        processes=processes,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        tls_client_ca=tls_client_ca,
        client_certificates=client_certificates,
        token_key=token_key,
        token_keys=token_keys,
        token_issuer=token_issuer,
        tenants=tenants,
        audit_key=audit_key,
    )
    with one_line_errors():
        run_server(settings)


def migrate(database: Database = None) -> None:
    """Create the database's tables or bring them to this version's schema."""
    from ecgsvc import store

    settings = settings_with(database_url=database)
    with one_line_errors():
        store.migrate(settings.database_url)
        revision = store.current_revision(settings.database_url)
    out.print(f"database is at revision {revision}", highlight=False)
