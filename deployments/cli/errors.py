"""Turn an error into one line with a remedy, and an exit status."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import Any

from typer import Abort, Exit
from typer.core import TyperGroup
from typer.exceptions import TyperException

from deployments.cli.commands import SECTIONS, CommandsOnDemand
from deployments.cli.completion import require_shell
from deployments.cli.plain_text import fit_to_show
from deployments.debugging import DEBUGGING
from ml_core.errors import (
    DefectError,
    InputError,
    OperatorError,
    OrbcastError,
    TransientError,
)

INPUT, OPERATOR, DEFECT, TRANSIENT, INTERRUPTED = 2, 3, 4, 5, 130

_UNAUTHORIZED = "401 Unauthorized"
_NO_SERVER = ("ephemeral Prefect API server", "Failed to reach API")
"""Texts by which a plain RuntimeError of Prefect's is recognized."""

_FROM_PREFECT = {
    "ParameterTypeError": "wrong parameter: {}",
    "FlowRunTimeoutError": (
        "the run did not end within its time limit and was ended; its results so far stay. Run "
        "it again, with --debug to see where it stopped"
    ),
}
"""Messages for errors that are recognized by name, because importing their classes is slow."""

_NO_MEMORY = (
    "there is not enough memory for this; end other programs, give fewer workers "
    "(ORBCAST_WORKERS=1) or a shorter period"
)

_ILL_SET = "Prefect rejects one of its own settings ({}); correct it in PREFECT_..."

_FILES: tuple[tuple[type[OSError], str], ...] = (
    (IsADirectoryError, "is a folder; name a file, which may be in it"),
    (NotADirectoryError, "goes through a file as if it were a folder; check the path"),
    (FileNotFoundError, "does not exist; check the path"),
    (PermissionError, "may not be used; change its permissions, or name another"),
)
"""Messages about the file that an error names."""

_STATUS: tuple[tuple[type[BaseException], int], ...] = (
    (InputError, INPUT),
    (OperatorError, OPERATOR),
    (TransientError, TRANSIENT),
    (DefectError, DEFECT),
    (OrbcastError, DEFECT),
    (IsADirectoryError, INPUT),
    (OSError, OPERATOR),
    (MemoryError, OPERATOR),
)


def exit_status(error: BaseException) -> int:
    """Return the exit status of an error, which says who must act."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    if _is_about_the_server(error) or _is_out_of_memory(error) or _prefects_setting(error):
        return OPERATOR
    return INPUT if type(error).__name__ == "ParameterTypeError" else DEFECT


def error_line(error: BaseException) -> str:
    """Return one line with the fault and the remedy."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OrbcastError):
        return text
    if _is_about_the_server(error):
        if _UNAUTHORIZED in text:
            return (
                "the Prefect server refuses this name and secret; set ORBCAST_AUTH to what "
                "`orbcast up` was started with (PREFECT_API_AUTH_STRING for a server of yours)"
            )
        return (
            f"the Prefect server gave an unexpected response ({text}); is PREFECT_API_URL "
            "right? Without it, Orbcast uses its own"
        )
    words = _NO_MEMORY if _is_out_of_memory(error) else _FROM_PREFECT.get(type(error).__name__)
    if words or (setting := _prefects_setting(error)):
        return words.format(text) if words else _ILL_SET.format(setting)
    if isinstance(error, OSError):
        return (
            _about_a_file(error) or f"{text}; check the path, its permissions and the space left"
        )
    return f"internal error: {type(error).__name__}: {text}; run again with --debug"


def _about_a_file(error: OSError) -> str | None:
    """Return the file that an error is about and its fault; None if it is about something else."""
    name = error.filename2 or error.filename
    for kind, words in _FILES:
        if name is not None and isinstance(error, kind):
            return f"{os.fsdecode(name)} {words}"
    return None


class OrbcastGroup(TyperGroup):
    """Commands whose errors are one line, unless ``--debug`` is anywhere on the command line."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "commands": None})
        self.commands = CommandsOnDemand()

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands without loading any of them."""
        del ctx
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands below their headings, with equal column widths."""
        del ctx  # the list does not depend on the context
        width = max(len(name) for name in self.commands)
        for heading, commands in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl(
                    (name.ljust(width), line) for name, (_, line) in commands.items()
                )

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Read the command line up to the command; a fault in it is reported in one line too."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except TyperException as error:
            _print_usage_error(error)
            raise Exit(INPUT) from error
        except InputError as error:
            _print_line(error_line(error))
            raise Exit(INPUT) from error

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Remove ``--debug``, wherever it is."""
        DEBUGGING.set("--debug" in args)
        if not ctx.resilient_parsing and args[:1] in (
            ["--install-completion"],
            ["--show-completion"],
        ):
            require_shell()
        return super().parse_args(ctx, [arg for arg in args if arg != "--debug"])

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn an error into one line and an exit status."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, Abort):
            sys.stderr.write("stopped\n")
            ctx.exit(INTERRUPTED)
        except TyperException as error:
            _print_usage_error(error)
            ctx.exit(INPUT)
        except BrokenPipeError:
            ctx.exit(0)  # the reader needs no more, as with `| head`
        except Exception as error:
            if type(error).__module__.startswith("typer"):
                raise  # typer's own exit
            if _is_a_stop(error):
                sys.stderr.write("stopped\n")
                ctx.exit(INTERRUPTED)
            if DEBUGGING.get():
                _print_traceback(error)
            _print_line(error_line(error))
            ctx.exit(exit_status(error))


def _print_line(words: str) -> None:
    """Print a message as one line, whatever characters it contains."""
    sys.stderr.write(f"orbcast: {' '.join(fit_to_show(words).split())}\n")


def _print_traceback(error: BaseException) -> None:
    sys.stderr.write(fit_to_show("".join(traceback.format_exception(error))))


def _print_usage_error(error: TyperException) -> None:
    """Print one line on what is wrong with the command line, and which help to read.

    A group that is called without a command shows its help instead.
    """
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{error.format_message()}\n")
        return
    words = " ".join(error.format_message().split()).rstrip(".").replace("Value error, ", "")
    of = getattr(error, "ctx", None)
    path = of.command_path if of is not None else "orbcast"
    see = " See" if words.endswith("?") else "; see"
    _print_line(f"{words[:1].lower()}{words[1:]}{see} `{path} --help`")


def flush_output() -> None:
    """Flush the output; ignore a reader that has closed it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _prefects_setting(error: BaseException) -> str:
    """Return the fault of a setting that Prefect does not accept; empty for any other error.

    Prefect reads PREFECT_... when it is imported, and its own message names only the group.
    """
    title = str(getattr(error, "title", ""))
    if type(error).__name__ != "ValidationError" or not title.endswith("Settings"):
        return ""
    first = error.errors()[0]  # type: ignore[attr-defined]  # pydantic is not imported for it
    name = ".".join(map(str, first["loc"]))
    return f"{name} of {title}: {first['msg']}, not {first['input']!r:.80}"


def _is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out: in Python, Arrow or DuckDB, or in a process of a pool.

    If the machine ends a pool's process for its memory, that is all the error shows.
    """
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    return type(error).__name__ in {"OutOfMemoryException", "BrokenProcessPool"}


def _is_a_stop(error: Exception) -> bool:
    """Return whether an error is a Ctrl-C during pydantic's JSON, which keeps only its name."""
    return type(error).__name__ == "PydanticSerializationError" and (
        KeyboardInterrupt.__name__ in str(error)
    )


def _is_about_the_server(error: BaseException) -> bool:
    module = type(error).__module__.partition(".")[0]
    if module in {"httpx", "httpcore"}:
        return True
    name = type(error).__name__
    return name == "PrefectHTTPStatusError" or any(name in str(error) for name in _NO_SERVER)
