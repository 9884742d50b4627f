"""The key of the trail is replaced, and no store goes on with the old one."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from factories import CALLER, KEY, a_source, open_store, submit
from typer.testing import CliRunner, Result

from ecgsvc import fhir
from ecgsvc.cli import app
from ecgsvc.config import Settings
from ecgsvc.domain.audit import AuditQuery
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import StoreUnavailable
from ecgsvc.serving import run_server
from ecgsvc.store import Notary, ReportStore, TrailAuditor
from ecgsvc.trail import SigningKey
from tests.validators import assert_valid_for_independent_validators

NEW = SigningKey.generate()
NORTH = Caller("north", "n")


def verified(url: str, *keys: SigningKey) -> list[str]:
    with TrailAuditor.opened(url, [key.public for key in keys]) as auditor:
        verdicts = [auditor.verify(tenant) for tenant in auditor.tenants()]
    return [problem.text for verdict in verdicts for problem in verdict.problems]


def test_a_new_key_takes_all_trails_over_and_the_old_one_signs_no_more(
    store: ReportStore, database_url: str
) -> None:
    for caller in (CALLER, NORTH):
        submit(store, a_source(), caller=caller)
    kept, _ = store.audit_checkpoint(CALLER)
    assert store.replace_key(CALLER, NEW) == ["default", "north"]
    assert store.replace_key(CALLER, NEW) == []
    for attempt in (store.check_signing_key, lambda: submit(store, a_source())):
        with pytest.raises(StoreUnavailable, match="another key"):
            attempt()
    notary = Notary(NEW, fhir.audit_event, retired=(KEY.public,))
    renewed = ReportStore(database_url, notary)
    submit(renewed, a_source())
    submit(renewed, a_source(), caller=Caller("south", "s"))
    assert renewed.verify_trail(CALLER, [kept]).problems == ()
    assert renewed.audit_checkpoint(CALLER)[1] == NEW.public.pem().decode()
    events = renewed.audit_events(CALLER, AuditQuery()).events
    [event] = [each.event for each in events if each.operation == "configure"]
    assert KEY.public.fingerprint in json.dumps(json.loads(event)["entity"])
    assert_valid_for_independent_validators([event])
    renewed.close()
    assert verified(database_url, KEY, NEW) == verified(database_url, NEW) == []
    foreign = SigningKey.generate()
    assert len(verified(database_url, foreign)) == 3


def test_a_lost_key_is_replaced_and_who_believes_it_alone_is_told(
    store: ReportStore, database_url: str
) -> None:
    submit(store, a_source())
    without = open_store(database_url, NEW)
    with pytest.raises(StoreUnavailable, match="not signed by the key"):
        without.replace_key(CALLER, SigningKey.generate())
    assert without.replace_key(CALLER, NEW, lost=True) == ["default"]
    submit(without, a_source())
    without.close()
    assert verified(database_url, NEW) == []
    assert verified(database_url, KEY) == ["the signed head does not fit the last event, 3"]


def test_a_server_with_another_key_does_not_start(sqlite_url: str) -> None:
    with closing(open_store(sqlite_url)) as store:
        submit(store, a_source())
    settings = Settings(database_url=sqlite_url, listen="127.0.0.1:0")
    with pytest.raises(StoreUnavailable, match="another key"):
        run_server(settings)


def test_the_command_replaces_a_key_and_one_that_is_lost(sqlite_url: str) -> None:
    file = Path(f"{sqlite_url.removeprefix('sqlite:///')}.audit-key.pem")
    KEY.write(file)
    with closing(open_store(sqlite_url)) as store:
        submit(store, a_source())

    def audit(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["audit", *arguments, "--database", sqlite_url])

    assert "leave --lost out" in audit("rotate", "--lost").stderr
    assert audit("rotate").exit_code == 0
    second = SigningKey.at(file)
    assert second.public.raw != KEY.public.raw
    both = KEY.public.pem() + second.public.pem()
    assert audit("key").stdout == both.decode()
    assert "2 events, nothing was changed" in audit("verify").stdout
    file.unlink()
    missing = audit("rotate")
    assert (missing.exit_code, file.exists()) == (2, False)
    assert audit("rotate", "--lost").exit_code == 0
    assert "3 events, nothing was changed" in audit("verify").stdout
    assert verified(sqlite_url, second) == [
        "the signed head does not fit the last event, 3"
    ]
