import dataclasses
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from ecgsvc.domain.measurements import Measurements
from ecgsvc.store import schema

DIALECTS = [sqlite.dialect(), postgresql.dialect()]


def test_every_measurement_has_its_column() -> None:
    scalar = {
        f.name for f in dataclasses.fields(Measurements) if "Mapping" not in str(f.type)
    }
    by_lead = {f.name for f in dataclasses.fields(Measurements)} - scalar
    assert set(schema.measurements.c.keys()) == scalar | set(schema.REPORT_KEY)
    assert by_lead <= set(schema.lead_amplitudes.c.keys())


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: d.name)
def test_times_are_kept_in_utc_and_need_a_zone(dialect: object) -> None:
    kind = schema.UtcDateTime()
    local = datetime(2026, 3, 4, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    bound = kind.process_bind_param(local, dialect)
    assert kind.process_result_value(bound, dialect) == local
    assert kind.process_result_value(bound, dialect).tzinfo is UTC
    assert bound.replace(tzinfo=None) == datetime(2026, 3, 3, 23, 30)  # noqa: DTZ001
    with pytest.raises(ValueError, match="zone"):
        kind.process_bind_param(local.replace(tzinfo=None), dialect)
