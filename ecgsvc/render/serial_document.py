"""The comparison with an earlier ECG as JSON values."""

from collections.abc import Iterable

from ecgsvc.domain.serial import SerialComparison, StatedFinding


def serial_document(serial: SerialComparison) -> dict[str, object]:
    """Give the earlier report, every value before and now, and what came and went."""
    return {
        "report": f"reports/{serial.report_id}/versions/{serial.version}",
        "effective_at": serial.effective_at.isoformat(),
        "other_models": serial.other_models,
        "changes": [
            {
                "name": each.name,
                "before": round(each.before, 2),
                "after": round(each.after, 2),
                "difference": round(each.difference, 2),
                "unit": each.unit,
                "limit": each.limit,
                "exceeds": each.exceeds,
                "source": each.source,
            }
            for each in serial.changes
        ],
        "appeared": _stated(serial.appeared),
        "vanished": _stated(serial.vanished),
    }


def _stated(findings: Iterable[StatedFinding]) -> list[dict[str, str]]:
    return [{"system": f.system, "code": f.code, "text": f.text} for f in findings]
