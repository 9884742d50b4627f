"""`python -m ecgsvc`."""

from ecgsvc.cli import app

app()
