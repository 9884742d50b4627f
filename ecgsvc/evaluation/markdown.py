"""The tables of the command line as Markdown, for the documentation."""

from collections.abc import Iterable

from rich.table import Table


def to_markdown(table: Table) -> str:
    """Write a table of plain text cells as a pipe table, its title above, caption below."""
    columns = table.columns
    rules = ("---:" if column.justify == "right" else "---" for column in columns)
    rows = zip(*(column.cells for column in columns), strict=True)
    lines = [
        _row(str(column.header) for column in columns),
        _row(rules),
        *(_row(str(cell) for cell in row) for row in rows),
    ]
    parts = [f"**{table.title}**", "\n".join(lines), str(table.caption or "")]
    return "\n\n".join(part for part in parts if part)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
