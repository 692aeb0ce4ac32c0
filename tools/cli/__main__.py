"""`python -m tools.cli`: what `tools/kratai` becomes."""

from tools.cli.main import run

run()
