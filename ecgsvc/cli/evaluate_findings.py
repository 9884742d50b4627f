"""`ecgsvc evaluate findings`: rules against what readers of 12-lead ECGs found."""

from pathlib import Path
from typing import Annotated

import typer

from ecgsvc.cli.console import one_line_errors, out, print_json, print_markdown
from ecgsvc.cli.evaluate_options import Markdown, record_bar
from ecgsvc.cli.options import Json, settings_with


def findings(
    directory: Annotated[
        Path,
        typer.Argument(
            help="PTB-XL's records100 or records500, or LUDB's folder.", metavar="DIR"
        ),
    ],
    as_json: Json = False,
    as_markdown: Markdown = False,
) -> None:
    """Sensitivity, specificity and precision of each rule's finding.

    Against PTB-XL's SCP statements or LUDB's table. Intervals are 95 % (Wilson).
    """
    from ecgsvc.app import signal_path
    from ecgsvc.evaluation import evaluate_findings, finding_table

    with one_line_errors(), record_bar("findings") as on_record:
        results = evaluate_findings(
            directory, signal_path(settings_with()).analyse, on_record=on_record
        )
    if as_json:
        print_json(results.to_json())
    elif as_markdown:
        print_markdown(finding_table(results))
    else:
        out.print(finding_table(results))
