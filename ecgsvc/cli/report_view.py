"""A stored report as a person wants to read it on a terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

Resource = Mapping[str, Any]


def show_report(
    console: Console, name: str, report: Resource, observations: Iterable[Resource]
) -> None:
    """Print one DiagnosticReport and the Observations it points to."""
    parts: list[RenderableType] = [_head(report), Text("")]
    for observation in observations:
        parts += [_components(observation), Text("")]
    parts.append(Text(str(report.get("conclusion", "")), style="bold"))
    console.print(
        Panel(
            Group(*parts),
            title=f"[bold]ECG report[/bold] · {report.get('status', '?')}",
            subtitle=name,
            width=min(console.width, 100),
        )
    )


def _head(report: Resource) -> Table:
    table = Table.grid(padding=(0, 2))
    subject = report.get("subject", {})
    identifier = subject.get("identifier", {})
    rows = (
        ("Patient", subject.get("reference") or identifier.get("value", "not stated")),
        ("Recorded", report.get("effectiveDateTime") or _start(report)),
        ("Issued", report.get("issued", "")),
        ("Read by", ", ".join(p.get("display", "") for p in report.get("performer", ()))),
    )
    for label, value in rows:
        if value:
            table.add_row(f"[dim]{label}[/dim]", Text(str(value)))
    return table


def _start(report: Resource) -> str:
    return str(report.get("effectivePeriod", {}).get("start", ""))


def _components(observation: Resource) -> Table:
    table = Table(
        title=_name(observation.get("code", {})), title_justify="left", show_header=False
    )
    if "valueCodeableConcept" in observation:
        table.add_row("", Text(_name(observation["valueCodeableConcept"])))
    elif "dataAbsentReason" in observation:
        reason = _name(observation["dataAbsentReason"])
        table.add_row("", Text(f"not determined ({reason})", style="yellow"))
    for name, values in _by_wave(observation.get("component", ())).items():
        table.add_row(name, Text("  ").join(values))
    return table


def _by_wave(components: Iterable[Resource]) -> dict[str, list[Text]]:
    """Values by name; "R wave amplitude, lead II" joins the row of its wave."""
    rows: dict[str, list[Text]] = {}
    for component in components:
        name, _, lead = _name(component.get("code", {})).partition(", lead ")
        value = _value(component)
        rows.setdefault(name, []).append(Text(f"{lead} ") + value if lead else value)
    return rows


def _value(component: Resource) -> Text:
    value = _plain_value(component)
    for interpretation in component.get("interpretation", ()):
        value.append(f"  {_name(interpretation)}", style="bold red")
    return value


def _plain_value(component: Resource) -> Text:
    quantity = component.get("valueQuantity")
    if quantity:
        return Text(f"{quantity['value']:g} {quantity.get('unit', '')}")
    for key in ("valueString", "valueInteger", "valueBoolean"):
        if key in component:
            return Text(str(component[key]))
    if "valueCodeableConcept" in component:
        return Text(_name(component["valueCodeableConcept"]))
    return Text(
        _name(component.get("dataAbsentReason", {})) or "not measured", style="yellow"
    )


def _name(concept: Resource) -> str:
    if concept.get("text"):
        return str(concept["text"])
    return next(
        (str(c["display"]) for c in concept.get("coding", ()) if "display" in c), ""
    )
