"""From an error to one line, a remedy and an exit status."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from typer.core import TyperGroup

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
"""What Prefect says in a plain RuntimeError."""

_STATUS: tuple[tuple[type[BaseException], int], ...] = (
    (InputError, INPUT),
    (OperatorError, OPERATOR),
    (TransientError, TRANSIENT),
    (DefectError, DEFECT),
    (OrbcastError, DEFECT),
    (OSError, OPERATOR),
)


def status_of(error: BaseException) -> int:
    """Give the exit status of an error: by who must act."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    if _is_about_the_server(error):
        return OPERATOR
    return INPUT if type(error).__name__ == "ParameterTypeError" else DEFECT


def line_of(error: BaseException) -> str:
    """Give the one line that says what is wrong and what to do."""
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
            f"the Prefect server does not answer as it should ({text}); is PREFECT_API_URL "
            "right? Without it, Orbcast uses its own"
        )
    if isinstance(error, OSError):
        return f"{text}; check the path, its permissions and the space left"
    if type(error).__name__ == "ParameterTypeError":
        return f"wrong parameter: {text}"
    return f"a defect of Orbcast: {type(error).__name__}: {text}; run again with --debug"


class OrbcastGroup(TyperGroup):
    """Commands whose errors are one line, unless ``--debug`` is anywhere on the line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take ``--debug`` out, wherever it stands."""
        ctx.meta["orbcast.debug"] = "--debug" in args
        return super().parse_args(ctx, [each for each in args if each != "--debug"])

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn an error into a line and a status."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.stderr.write("stopped\n")
            ctx.exit(INTERRUPTED)
        except Exception as error:
            if type(error).__module__.startswith("typer"):
                raise  # its own: a usage error, an exit, a prompt left
            if ctx.meta.get("orbcast.debug"):
                traceback.print_exception(error)
            sys.stderr.write(f"orbcast: {line_of(error)}\n")
            ctx.exit(status_of(error))


def _is_about_the_server(error: BaseException) -> bool:
    module = type(error).__module__.partition(".")[0]
    if module in {"httpx", "httpcore"}:
        return True
    name = type(error).__name__
    return name == "PrefectHTTPStatusError" or any(each in str(error) for each in _NO_SERVER)
