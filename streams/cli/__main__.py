"""``python -m streams.cli``: the same as ``catalyst``."""

from streams.cli import main

main(prog_name="catalyst")
