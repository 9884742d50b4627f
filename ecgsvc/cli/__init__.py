"""The command line; each group of commands is one module."""

import typer

from ecgsvc.cli import (
    audit,
    config,
    convert,
    database,
    deliveries,
    demo,
    disagreements,
    evaluate,
    export,
    models,
    post,
    records,
    reports,
    serve,
    token,
    trail,
    trail_proofs,
    train,
)
from ecgsvc.cli.console import version_callback

app = typer.Typer(
    name="ecgsvc",
    help=(
        "Reads electrocardiograms: FHIR Observation in, FHIR DiagnosticReport out.\n\n"
        "Try it:  ecgsvc demo\n\n"
        "Without a server:  ecgsvc analyze ECG.json --output-dir out\n\n"
        "Settings come from options or ECGSVC_* variables. Not a cleared medical device."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(version_callback)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("token")(token.token)
app.command("migrate")(serve.migrate)
app.command("post")(post.post)
app.command("convert")(convert.convert)
app.command("simulate")(records.simulate)
app.command("analyze")(records.analyze)
reports.app.command("disagreements")(disagreements.disagreements)
reports.app.command("export")(export.export)
reports.app.command("expire")(trail.expire)
audit.app.command("key")(trail.key)
audit.app.command("rotate")(trail.rotate)
audit.app.command("adopt")(trail.adopt)
audit.app.command("list")(trail.list_events)
audit.app.command("checkpoint")(trail.checkpoint)
audit.app.command("verify")(trail_proofs.verify)
audit.app.command("export")(trail_proofs.export)
audit.app.command("prove")(trail_proofs.prove)
audit.app.command("consistency")(trail_proofs.consistency)
app.add_typer(models.app, name="models")
app.add_typer(reports.app, name="reports")
app.add_typer(audit.app, name="audit")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(config.app, name="config")
app.add_typer(database.app, name="database")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(train.app, name="train")

__all__ = ["app"]
