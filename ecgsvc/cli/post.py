"""`ecgsvc post`: send Observations to a server."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from ecgsvc.cli.console import Failures, err, out, print_json, progress
from ecgsvc.cli.options import Json, Token, TokenFile, settings_with

if TYPE_CHECKING:
    from ecgsvc.client import EcgClient

CONNECT_TIMEOUT_S = 10.0


def post(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="FHIR Observations, JSON.")
    ],
    target: Annotated[
        str, typer.Option(help="HOST:PORT of the server.")
    ] = "127.0.0.1:50051",
    token: Token = None,
    token_file: TokenFile = None,
    patient: Annotated[
        Path | None, typer.Option(help="FHIR Patient (JSON), for age and sex.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds a call may take.")
    ] = 60.0,
    ca: Annotated[
        Path | None, typer.Option(help="PEM of the server's CA; turns TLS on.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="PEM for mutual TLS.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM key of the certificate.")] = None,
    as_json: Json = False,
) -> None:
    """Send ECGs to a server and print the reports' names and conclusions.

    Sending the same file again gives the same report. A refused ECG is reported, the others
    go on, and the exit status is 1 at the end.
    """
    from ecgsvc.client import ClientTls, EcgClient, EcgServiceError

    tls = None if ca is None else ClientTls(ca=ca, certificate=certificate, key=key)
    settings = settings_with(token=token, token_file=token_file)
    failures = Failures()
    with (
        EcgClient(
            target,
            tls=tls,
            token=settings.token,
            token_file=settings.token_file,
            deadline_s=timeout,
        ) as client,
        progress() as bar,
    ):
        _wait_for(client, target)
        patient_json = b"" if patient is None else patient.read_bytes()
        for path in bar.track(files, description="posting"):
            with failures.caught(str(path)):
                try:
                    body = path.read_bytes()
                    digest = hashlib.sha256(body + patient_json).hexdigest()
                    reply = client.analyze(
                        body, patient=patient_json, request_id=f"sha256:{digest}"
                    )
                except EcgServiceError as error:
                    failures.add(str(path), _refusal(error.operation_outcome) or str(error))
                    continue
                report = orjson.loads(reply.report)
                if as_json:
                    print_json(
                        {
                            "file": str(path),
                            "name": reply.name,
                            "replayed": reply.replayed,
                            "report": report,
                            "observations": [orjson.loads(o) for o in reply.observations],
                        }
                    )
                else:
                    again = " (known already)" if reply.replayed else ""
                    out.print(f"{path}: {reply.name}{again}", highlight=False)
                    out.print(f"  {report.get('conclusion', '')}", highlight=False)
    failures.exit_if_any()


def _wait_for(client: "EcgClient", target: str) -> None:
    """Give a server that is just starting a moment; end the command without one."""
    from ecgsvc.client import EcgServiceError

    try:
        client.wait_until_ready(CONNECT_TIMEOUT_S)
    except EcgServiceError as error:
        err.print(f"{target}: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None


def _refusal(outcome: dict[str, object] | None) -> str:
    """The issues of an OperationOutcome, a line each."""
    issues = outcome.get("issue", []) if outcome else []
    lines = []
    for issue in issues if isinstance(issues, list) else []:
        where = ", ".join(issue.get("expression", ()))
        text = issue.get("details", {}).get("text", issue.get("diagnostics", ""))
        lines.append(f"{where}: {text}" if where else text)
    return "\n".join(lines)
