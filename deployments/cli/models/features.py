"""`orbcast features`: list the features for models, including the trader's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import tasks
from deployments.cli.errors import INPUT
from deployments.cli.terminal import AsJson, echo, print_json

if TYPE_CHECKING:
    from pathlib import Path

    from ml_core.features.catalogue import Feature


def features(
    own: Annotated[bool, typer.Option("--own", help="Only your own features.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the features that a recipe can name: what each measures, and in which unit.

    Your own are Python files in the folder features of ORBCAST_HOME, and installed packages with
    an entry point orbcast.features. In a recipe, "all" means every shipped feature except those
    of scheduled news; models use these and your own only if the recipe names them: features =
    ["all", "minutes_to_news", "my_feature"]. Exit status 2: a file or package of yours cannot be
    used; its features are left out, and the line says why.

    Example: orbcast features --own
    """
    settings = tasks.settings.current_settings()
    read = tasks.own_features.own_features(settings.own_features_dir)
    listed = read.features if own else read.catalogue().select_with_own()
    if as_json:
        print_json({"features": [_values(feature) for feature in listed], "refused": read.refused})
    else:
        _print(listed, settings.own_features_dir)
        for refused in read.refused:
            echo(str(refused))
    if read.refused:
        raise typer.Exit(INPUT)


def _values(feature: Feature) -> dict[str, str | bool | None]:
    return {
        "name": feature.name,
        "measures": feature.words,
        "unit": feature.unit,
        "categorical": feature.categorical,
        "group": feature.group,
        "from": "own" if feature.code else "shipped",
        "code": feature.code or None,
        "instead": feature.instead or None,
    }


def _print(listed: tuple[Feature, ...], folder: Path) -> None:
    if not listed:
        echo(
            "you have no features of your own; docs/write-a-feature.md shows how to write one "
            f"in {folder}"
        )
        return
    width = max(len(feature.name) for feature in listed)
    group = ""
    for feature in listed:
        if feature.group != group:
            group = feature.group
            kept_out = ', not in "all"' if feature.news else ""
            echo(f"{group}{', your own' if feature.code else kept_out}:")
        unit = f" ({feature.unit})" if feature.unit else ""
        retired = f"; retired, use {feature.instead}" if feature.instead else ""
        echo(f"  {feature.name:{width}}  {feature.words}{unit}{retired}")
