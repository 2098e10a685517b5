"""Where every command begins and ends: a mistake that a user can make is one line, and exit code 2."""
import contextlib
import errno
import io
import os
import sys

import typer

from reprise.core.errors import InputError

__all__ = ["app", "main"]

# typer brings its own copy of click from 0.20 on, so its exceptions are named through typer
UsageError = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

INTERRUPTED = 130
RESUMED = ["compare"], ["train"], ["study", "run"]  # commands that, given again, go on where they were stopped
REMEDIES = {
    errno.ENOSPC: "free space or choose another folder",
    errno.EACCES: "check its permissions or choose another",
    errno.EPERM: "check its permissions or choose another",
    errno.ENOENT: "check the path",
}

app = typer.Typer(
    name="reprise", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich",
    help="Models that carry state: compare them on your own data, train them, run them step by step.",
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 bad input, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a terminal cannot show must not stop anything
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:  # of a broken pipe typer makes an exit of its own
        if not isinstance(error.__context__ or error, BrokenPipeError):
            raise
        _hush()
        sys.exit(0)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except UsageError as error:
        _end(error.format_message(), 2)
    except InputError as error:
        _end(str(error), 2)
    except (MemoryError, RuntimeError) as error:
        if not _is_memory(error):
            raise
        _end("not enough memory for this; choose a smaller width, depth, batch or length", 2)
    except OSError as error:
        _end(_told(error), 2)
    if code == INTERRUPTED:  # which typer returns too
        resumed = any(arguments[: len(command)] == command for command in RESUMED)
        _end("stopped; the same command goes on from here" if resumed else "stopped", code)
    sys.exit(code if isinstance(code, int) else 0)


def _end(message: str, code: int) -> None:
    if message:  # none where help was shown for want of a command
        print(f"reprise: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


def _told(error: OSError) -> str:
    """What could not be read or written, why, and what to do where the reason tells."""
    place = error.filename or ("output" if error.errno == errno.ENOSPC else None)
    reason = error.strerror.lower() if isinstance(error.strerror, str) else str(error) or type(error).__name__
    told = reason if place is None else f"{place}: {reason}"
    return f"{told}; {REMEDIES[error.errno]}" if error.errno in REMEDIES else told


def _hush() -> None:
    """What is still to be written goes nowhere; else Python complains of the broken pipe once more at its end."""
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _is_memory(error: Exception) -> bool:
    """Torch says so in words alone, except on a GPU."""
    words = "can't allocate memory", "Storage size calculation overflowed", "out of memory"
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)
