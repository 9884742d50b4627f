"""Requests a second, latency, and time per stage, beside the same work in Python.

    python benchmarks/end_to_end.py [--requests 400] [--clients 4] [--processes 1]
    python benchmarks/end_to_end.py --stages-only

One run measures both: a real `ecgsvc serve` over gRPC with a SQLite file, fed 12-lead 10 s
500 Hz Observations by several clients; and, interleaved with it, the same work (parse and
validate the Observation, clean, detect and delineate 12 leads, build a report) done with
`fhir.resources`, NumPy and NeuroKit2. Quote the ratios, not the absolute figures. Stages of
an analysis are in processor time of one thread, in both profiles.
"""

import sys
from pathlib import Path

# Last instead of first: signal.py here would hide the standard library's.
sys.path.append(sys.path.pop(0))

import argparse
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import neurokit2
import numpy as np
from analysis_stages import print_analysis
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.observation import Observation
from timing import spread, timed

from ecgsvc import dsp, fhir
from ecgsvc.app import open_store, signal_path
from ecgsvc.client import EcgClient
from ecgsvc.config import Settings
from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.report import Identifier, NewReport
from ecgsvc.domain.waveform import Recording
from ecgsvc.identity import OwnKey
from ecgsvc.render import render_sheet
from ecgsvc.simulation import SimulationSettings, simulate
from ecgsvc.store import migrate

WARM_UP = 8


def main() -> None:
    """Measure, print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=400)
    options.add_argument("--clients", type=int, default=4)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--processes", type=int, default=1)
    options.add_argument("--stages-only", action="store_true")
    given = options.parse_args()
    if not given.stages_only:
        print_requests(given)
    with tempfile.TemporaryDirectory() as folder:
        print_stages(Path(folder), [observation(number) for number in range(50)])
    for profile in ("accurate", "fast"):
        print_analysis([ecg(number) for number in range(50)], profile)


def print_requests(given: argparse.Namespace) -> None:
    """Measure server and peer in turns."""
    with tempfile.TemporaryDirectory() as folder:
        bodies = [observation(number) for number in range(given.requests)]
        ours, peers = [], []
        with server(Path(folder), given.processes) as (address, token):
            latencies_s = post_all(address, token, bodies[:WARM_UP], given.clients)[0]
            share = given.requests // given.rounds
            for number in range(given.rounds):
                part = bodies[number * share : (number + 1) * share]
                latencies, wall_s = post_all(address, token, part[WARM_UP:], given.clients)
                latencies_s += latencies
                ours.append(len(latencies) / wall_s)
                peers.append(4 / timed(lambda part=part: [in_python(b) for b in part[:4]]))
        print(f"12 leads, 10 s, 500 Hz; {len(latencies_s)} posts, {given.clients} clients")
        print(f"server processes: {given.processes}")
        print(f"ecgsvc over gRPC, SQLite    {spread(ours)} requests/s")
        print(
            f"  latency p50 {1000 * np.quantile(latencies_s, 0.5):.1f} ms, "
            f"p95 {1000 * np.quantile(latencies_s, 0.95):.1f} ms"
        )
        print(f"NeuroKit2 + fhir.resources  {spread(peers)} ECGs/s, one process")
        ratios = [a / b for a, b in zip(ours, peers, strict=True)]
        print(f"ratio                       {spread(ratios)}")


def ecg(number: int) -> Recording:
    """One of a hundred different ECGs."""
    return simulate(SimulationSettings(seed=number % 100)).recording


def observation(number: int) -> bytes:
    """One of the ECGs, with an identifier of its own."""
    return fhir.encode_observation(
        ecg(number),
        subject=f"Patient/{number}",
        effective_at=datetime(2026, 1, 1, tzinfo=UTC),
        identifier=Identifier("urn:benchmark", str(number)),
    )


@contextmanager
def server(folder: Path, n_processes: int) -> Iterator[tuple[str, str]]:
    """Run `ecgsvc serve` over a new SQLite file; give its address and a token for it."""
    key_file = folder / "token-key.pem"
    caller = Caller("default", "benchmark", roles=frozenset({Role.POSTER}))
    token = OwnKey(key_file, make=True).token(caller, timedelta(hours=12))
    url = f"sqlite:///{folder / 'bench.sqlite3'}"
    migrate(url)
    command = [sys.executable, "-m", "ecgsvc", "serve", "--listen", "127.0.0.1:0"]
    command += ["--processes", str(n_processes)]
    with subprocess.Popen(
        [*command, "--database", url, "--token-key", str(key_file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("serving on ").strip(), token
        process.terminate()


def post_all(
    address: str, token: str, bodies: list[bytes], n_clients: int
) -> tuple[list[float], float]:
    """Post from several connections; seconds of each call, and of all together."""

    def post_some(first: int) -> list[float]:
        with EcgClient(address, token=token) as client:
            return [timed(lambda b=b: client.analyze(b)) for b in bodies[first::n_clients]]

    start_s = time.perf_counter()
    with ThreadPoolExecutor(n_clients) as pool:
        latencies = [
            each for some in pool.map(post_some, range(n_clients)) for each in some
        ]
    return latencies, time.perf_counter() - start_s


def in_python(body: bytes) -> str:
    """Do the work of one request with NeuroKit2, NumPy and `fhir.resources`."""
    resource = Observation.model_validate_json(body)
    rows = np.stack(
        [
            np.array(part.valueSampledData.data.split(), dtype=np.float64)
            * float(part.valueSampledData.factor or 1)
            / 1000
            for part in resource.component
        ]
    )
    rate_hz = 1000.0 / float(resource.component[0].valueSampledData.period)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cleaned = [neurokit2.ecg_clean(row, sampling_rate=rate_hz) for row in rows]
        _, peaks = neurokit2.ecg_peaks(cleaned[1], sampling_rate=int(rate_hz))
        r_peaks = peaks["ECG_R_Peaks"]
        for row in cleaned:
            neurokit2.ecg_delineate(row, r_peaks, sampling_rate=int(rate_hz), method="dwt")
    rate_bpm = 60 * rate_hz / np.diff(r_peaks).mean()
    report = DiagnosticReport(
        status="preliminary",
        code=resource.code,
        subject=resource.subject,
        effectiveDateTime=resource.effectiveDateTime,
        conclusion=f"{len(r_peaks)} beats, {rate_bpm:.0f}/min",
    )
    return report.model_dump_json()


def print_stages(folder: Path, bodies: list[bytes]) -> None:
    """Print the share of each stage in the time of one request, by the clock."""
    url = f"sqlite:///{folder / 'stages.sqlite3'}"
    migrate(url)
    store = open_store(Settings(database_url=url))
    caller = Caller("default", "benchmark")
    path = signal_path(Settings())
    installation = fhir.Installation("benchmark", "0")
    seconds: dict[str, list[float]] = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        start_s = time.perf_counter()
        result = work()
        seconds.setdefault(name, []).append(time.perf_counter() - start_s)
        return result

    for body in bodies:
        decoded = stage(
            "decode",
            lambda: fhir.decode_observation(body, parse_samples=dsp.parse_sampled_data),
        )
        waveform = decoded.recording.waveform
        stage("limb leads", lambda: dsp.contradicting_limb_leads(waveform))
        slot = stage("look up", lambda: store.lookup(caller, "", "0" * 64, decoded.source))
        analysis = stage("analysis", lambda: path.analyse(decoded.recording))
        now = datetime.now(UTC)
        facts = fhir.sheet_header(decoded, slot, issued_at=now, installation=installation)
        sheet = stage("sheet", lambda: render_sheet(analysis, facts))
        documents, codes = stage(
            "report",
            lambda: fhir.build_documents(
                analysis, decoded.source, slot,
                issued_at=now, installation=installation, sheet=sheet,
            ),
        )  # fmt: skip
        new = NewReport(slot, decoded.source, "", "0" * 64, analysis, documents, codes, now)
        stage("store", lambda: store.add(caller, new))
    store.close()
    medians_ms = {name: 1000 * statistics.median(each) for name, each in seconds.items()}
    total_ms = sum(medians_ms.values())
    print(f"one request, one thread: {total_ms:.1f} ms")
    for name, ms in medians_ms.items():
        print(f"  {name:<14}{ms:6.2f} ms  {100 * ms / total_ms:4.0f} %")


if __name__ == "__main__":
    main()
