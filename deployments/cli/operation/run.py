"""`orbcast run`: run a flow now in this process, with or without a server."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

import tasks
from deployments import serving
from deployments.cli import completion
from deployments.cli.progress import flow_progress
from deployments.cli.terminal import (
    AsJson,
    MarketOption,
    OptionError,
    echo,
    print_json,
    remark,
    remark_begin,
)
from ml_core.errors import InputError
from ml_core.json_values import json_values, parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

FLOWS: Mapping[str, str] = {
    name: "flows.{0}.{0}".format(name.replace("-", "_")) for name in completion.FLOW_NAMES
}


class UnknownFlowError(InputError):
    """A flow that does not exist."""

    name: str
    available: tuple[str, ...]
    template = "there is no flow {name!r}; use one of {available:, }"


def run(
    flow: Annotated[
        str,
        typer.Argument(
            help="refresh-data, nightly-retrain, walk-forward, tune, shadow-predict, "
            "log-outcomes, watch-feed, check-drift, audit, replay, recover.",
            autocompletion=completion.flows,
        ),
    ],
    market: MarketOption = "mgc",
    param: Annotated[
        list[str] | None, typer.Option(help="Parameter, key=value; may be repeated.")
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not show progress.")] = False,
) -> None:
    """Run a flow now. It needs no server; if one is up, the run uses it and shows there.

    Examples: orbcast run nightly-retrain --param to_day=2025-06-30

    orbcast run shadow-predict --param as_of=2025-06-30T09:05

    orbcast run replay --param from_day=2025-04-01 --param to_day=2025-06-30
    """
    name = flow.replace("_", "-")
    if name not in FLOWS:
        raise UnknownFlowError(flow, tuple(FLOWS))
    settings = tasks.settings.current_settings()
    settings.market(market)
    level = "WARNING" if quiet else "INFO"
    with (
        flow_progress(f"Running {name}"),
        serving.prefect_server.session.prefect_session(settings, level=level) as server,
    ):
        flow_function = _load(FLOWS[name])
        takes = flow_function.parameters.properties
        given = dict(_pair(name, takes) for name in param or [])
        if "market" in takes:
            given = {"market": market, **given}
        if not quiet:
            remark_begin(f"Running {name}", server)
        result = json_values(flow_function(**given))
    if as_json:
        print_json(result)
    else:
        _print_result(result)


def _load(entrypoint: str) -> Any:
    module, _, name = entrypoint.rpartition(".")
    return getattr(import_module(module), name)


def _pair(text: str, values: Mapping[str, Any]) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    key = key.strip().replace("-", "_")
    if not sign or key not in values:
        remedy = f"write key=value, with key one of {', '.join(values)}"
        raise OptionError("--param", text, "cannot be used", remedy)
    try:
        read = parse_json(value)
    except json.JSONDecodeError:
        return key, value
    # a range such as 1000 is a name, not a number
    is_name = isinstance(read, int | float) and not isinstance(read, bool)
    return key, value if is_name and _takes_text(values[key]) else read


def _takes_text(form: Mapping[str, Any]) -> bool:
    kinds = {schema.get("type") for schema in (form, *form.get("anyOf", ()))}
    return "string" in kinds and not kinds & {"integer", "number"}


def _print_result(result: dict[str, Any]) -> None:
    echo(result["verdict"])
    for name in ("today", "champion", "challenger", "report"):
        if result.get(name):
            echo(f"  {name}: {result[name]}")
    if result.get("trouble"):
        remark(result["trouble"])
