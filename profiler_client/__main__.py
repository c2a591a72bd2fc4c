"""`model-profiler`, and `python -m profiler_client`."""

from __future__ import annotations

import os
import sys

import click

from profiler_client.commands import model_profiler
from profiler_client.errors import ProfilerClientError, Refused

INTERRUPTED = 130


def main() -> None:
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit status; what went wrong is said on standard error, without a traceback."""
    try:
        done = model_profiler(arguments, prog_name="model-profiler", standalone_mode=False)
        return done if isinstance(done, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ProfilerClientError as error:
        tell(error)
        return error.exit_status
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted. A run that was started goes on.", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing more may be written there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {place}{error.strerror or error}", err=True)
        return 1


def tell(error: ProfilerClientError) -> None:
    """What was wrong, where, what to do."""
    places = error.fields if isinstance(error, Refused) else {}
    if places:
        click.echo("Error: the server refuses what was asked:", err=True)
        for place, texts in places.items():
            for text in texts:
                click.echo(f"  {place}: {text}", err=True)
    else:
        click.echo(f"Error: {error.message}", err=True)
    if error.hint:
        click.echo(error.hint, err=True)


if __name__ == "__main__":
    main()
