"""HL7 v2 into a real server, by clients that others wrote."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import hl7
import pytest
from hl7.client import MLLPClient

from ecgsvc.config import Settings
from ecgsvc.serving import NoSharedPort, run_server
from ecgsvc.store import migrate
from tests.hl7_messages import MICROVOLTS, an_ecg, ecg_message
from tests.servers import Server, running_server
from tests.service.http.test_foreign_clients import NODE_DIR, node

TENANTS = """
[[tenant]]
name = "north"
organization = "Hospital North"
time_zone = "Europe/Berlin"

[[tenant.listener]]
name = "engine"
address = "127.0.0.1:0"
"""


@pytest.fixture(scope="module")
def hl7_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("hl7")
    file, url = folder / "tenants.toml", f"sqlite:///{folder / 'reports.sqlite3'}"
    file.write_text(TENANTS)
    migrate(url)
    log, options = folder / "server.log", ("--tenants", str(file))
    with running_server(url, log, *options, n_hl7_listeners=1) as server:
        yield server


def reports(server: Server, patient: str, tenant: str = "north") -> list[dict[str, Any]]:
    with server.client(tenant=tenant) as client:
        found = client.list_reports(f'patient = "{patient}"')
        return [json.loads(each.report) for each in found]


def sent(port: int, *messages: str) -> list[tuple[str, str]]:
    """Send messages over one connection; return MSA-1 and the code of ERR-3 of each."""
    codes = []
    with MLLPClient("127.0.0.1", port) as client:
        for message in messages:
            answer = hl7.parse(client.send_message(message).decode().strip("\x0b\x1c\r"))
            condition = str(answer.segment("ERR")[3][0][0]) if "ERR|" in str(answer) else ""
            codes.append((str(answer.segment("MSA")[1]), condition))
    return codes


def test_what_is_acknowledged_is_stored_once_for_its_tenant(hl7_server: Server) -> None:
    (port,) = hl7_server.hl7_ports
    codes = sent(
        port,
        ecg_message("M1"),
        ecg_message("M1"),
        ecg_message("M1", an_ecg(2)),
        ecg_message("M2").replace(MICROVOLTS, ""),
    )
    assert codes == [("AA", ""), ("AA", ""), ("AE", "205"), ("AE", "101")]
    (report,) = reports(hl7_server, "4711")
    assert report["performer"][0]["display"] == "Hospital North"
    assert report["effectiveDateTime"] == "2026-11-28T07:55:00.000Z"
    assert reports(hl7_server, "4711", tenant="south") == []
    log = Path(hl7_server.database).with_name("server.log").read_text()
    assert "listener=engine AA" in log
    assert not any(name in log for name in ("Müller", "4711", "19600101"))


def test_the_example_of_the_page_is_taken(hl7_server: Server, repository: Path) -> None:
    example = (repository / "docs" / "examples" / "ecg.hl7").read_text()
    (port,) = hl7_server.hl7_ports
    assert sent(port, example.replace("\n", "\r")) == [("AA", "")]
    (report,) = reports(hl7_server, "urn:oid:1.2.276.0.76.4.8|4711-EX")
    assert report["effectiveDateTime"] == "2026-11-28T07:55:00.000Z"
    shown = (repository / "docs" / "hl7v2.md").read_text()
    for line in example.splitlines():
        assert line[:60] in shown, "the page shows another message"


def test_several_processes_need_a_port_to_share(tmp_path: Path) -> None:
    (tmp_path / "tenants.toml").write_text(TENANTS)
    with pytest.raises(NoSharedPort, match="north/engine needs a port"):
        run_server(Settings(processes=2, tenants=tmp_path / "tenants.toml"))


def test_node_hl7_client_sends_ecgs(hl7_server: Server) -> None:
    (port,) = hl7_server.hl7_ports
    of_node = [
        ecg_message(name).replace("4711", "4712").replace("F1^CART", "F2^CART")
        for name in ("N1", "N1", "N2")
    ]
    of_node[2] = of_node[2].replace("4712", "")
    answers = node(
        NODE_DIR / "hl7_client.js",
        str(port),
        body=json.dumps(of_node).encode(),
        package="node-hl7-client",
    )
    said = [hl7.parse(each) for each in answers]
    assert [str(each.segment("MSA")[1]) for each in said] == ["AA", "AA", "AE"]
    assert str(said[2].segment("ERR")[2]) == "PID^1^3"
    assert len(reports(hl7_server, "4712")) == 1


@pytest.mark.verify
def test_what_is_acknowledged_survives_a_kill_and_is_there_once(
    sqlite_url: str, tmp_path: Path
) -> None:
    """The engine sends what was not acknowledged again, as engines do."""
    file = tmp_path / "tenants.toml"
    file.write_text(TENANTS)
    options = ("--tenants", str(file))
    waiting = [
        ecg_message(f"K{n}", an_ecg(n)).replace("F1^CART", f"K{n}^CART") for n in range(40)
    ]
    for kill_after_s in (0.3, 0.7, None):
        with running_server(
            sqlite_url, tmp_path / "log", *options, n_hl7_listeners=1
        ) as server:
            if kill_after_s is not None:
                threading.Timer(kill_after_s, server.process.kill).start()
            with suppress(OSError), MLLPClient("127.0.0.1", *server.hl7_ports) as client:
                while waiting and b"MSA|AA|" in client.send_message(waiting[0]):
                    del waiting[0]
            if kill_after_s is None:
                assert waiting == []
                found = reports(server, "4711")
    assert len(found) == len({each["id"] for each in found}) == 40
