"""The command line. Nothing heavy is imported before the command that needs it is known."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from streams.errors import UserError

# name: (module, one line of help). The command in the module has the name of the command.
COMMANDS = {
    "demo": ("streams.cli.demo", "Run everything on embedded parts, with a live view."),
    "up": ("streams.cli.up", "Start the embedded broker and database in the background."),
    "down": ("streams.cli.up", "Stop what `catalyst up` started."),
    "env": ("streams.cli.env", "Print the addresses of `catalyst up` as shell exports."),
    "topics": ("streams.cli.topics", "Create the topics, or list them."),
    "migrate": ("streams.cli.migrate", "Bring the database schema up to date."),
    "doctor": ("streams.cli.doctor", "Show every setting and check every part."),
    "produce": ("streams.cli.produce", "Send quotes or news into Kafka."),
    "frame": ("streams.cli.frame", "Turn a topic of single quotes into frames."),
    "worker": ("streams.cli.worker", "Run a worker."),
    "record": ("streams.cli.record", "Write topics to a recording."),
    "replay": ("streams.cli.replay", "Run history through the same logic in process."),
    "signals": ("streams.cli.signals", "Follow the signals in the terminal."),
    "explain": ("streams.cli.explain", "Show why a signal was given and what became of it."),
    "evaluate": ("streams.cli.evaluate", "Score discovery on markets with known answers."),
    "factors": ("streams.cli.factors", "List what makes up the score of a security."),
    "verify": ("streams.cli.verify", "Compare what a file holds with what the database holds."),
    "storage": ("streams.cli.storage", "Show storage by relation and tier against the budget."),
    "status": ("streams.cli.status", "Show topics, lag, rows stored and the newest event."),
}

OURS = ("", "streams", "agents", "schemas", "timescale")

EPILOG = """\b
Examples:
  catalyst demo                      the 2013 market through all of it, on this machine alone
  catalyst up && eval "$(catalyst env)"
  catalyst topics && catalyst migrate && catalyst worker
  catalyst produce quotes --source simulated
  catalyst doctor                    what is set, what answers, and what to do if it does not
"""


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and says every error in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"there is no command {args[0]!r}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def main(  # type: ignore[override]  # click overloads by standalone_mode
        self, args: Sequence[str] | None = None, **extra: Any
    ) -> Any:
        """Run; errors that a user can cause end with one line and exit code 2."""
        if not extra.pop("standalone_mode", True):
            return super().main(args, standalone_mode=False, **extra)
        try:
            result = super().main(args, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as exc:
            exc.show()
            sys.exit(2)
        except (click.Abort, KeyboardInterrupt):
            sys.exit(130)
        except BrokenPipeError:
            # Nobody reads on (`catalyst topics | head`); Python would complain again at exit.
            sys.stdout = sys.stderr = open("/dev/null", "w")  # noqa: SIM115, PTH123
            sys.exit(1)
        except Exception as exc:
            line = explanation(exc)
            if line is None:
                raise
            click.echo(f"catalyst: {' '.join(line.split())}", err=True)
            sys.exit(2)
        sys.exit(result if isinstance(result, int) else 0)


def explanation(exc: Exception) -> str | None:
    """What to tell a user about ``exc``; None when it is a defect and needs its traceback."""
    if isinstance(exc, click.UsageError):
        path = exc.ctx.command_path if exc.ctx else "catalyst"
        return f"{exc.format_message().rstrip('.')} (see {path} --help)"
    if isinstance(exc, click.ClickException):
        return exc.format_message()
    if isinstance(exc, ModuleNotFoundError) and (exc.name or "").partition(".")[0] not in OURS:
        return f"the package {exc.name} is missing: run make install"
    return str(exc) if _is_user_error(exc) else None


def _is_user_error(exc: Exception) -> bool:
    if isinstance(exc, UserError):
        return True
    # Only loaded when a command has used the database.
    errors = sys.modules.get("timescale.errors")
    return errors is not None and isinstance(exc, errors.TimescaleError)


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="catalyst-streams", message="%(version)s")
def main() -> None:
    """Catalyst Streams follows a hundred securities and finds patterns across them."""
