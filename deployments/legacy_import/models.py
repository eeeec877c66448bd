"""The model versions of another system: what each states, and the corridor's score there."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deployments.legacy_import.feature_names import judge
from deployments.legacy_import.findings import CorridorScore, ModelFinding, RegistryFinding
from deployments.legacy_import.version_folders import LegacyVersion, versions
from ml_core import learning, ranges
from ml_core.bars.arrays import Bars
from ml_core.errors import OrbcastError
from ml_core.evidence.intervals import Interval, mean_interval
from ml_core.learning.models.booster_facts import BoosterFacts
from ml_core.market.market import Market
from tasks.data.datasets import period_of

_SECONDS = 120


def models_of(market: Market, root: Path, bars: Bars) -> RegistryFinding:
    """Read and describe every version below a folder; pickles are never opened.

    Parameters
    ----------
    market, root
        Market of the models, and their folder.
    bars
        Bars for the corridor's score on the days that a version states; may be empty.
    """
    legacy_versions = versions(root)
    boosters = booster_facts(
        [version.model for version in legacy_versions if version.model is not None]
    )
    return RegistryFinding(
        path=str(root),
        versions=tuple(_version(market, version, boosters, bars) for version in legacy_versions),
    )


def booster_facts(paths: list[Path]) -> dict[Path, BoosterFacts | str]:
    """Read each model text with LightGBM in another process, which a damaged text may end.

    Returns
    -------
    For each path its facts, or its fault in words.
    """
    facts: dict[Path, BoosterFacts | str] = {}
    left = list(paths)
    while left:
        path_lines = "".join(f"{path.resolve()}\n" for path in left).encode()
        mark = secrets.token_hex(8)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "ml_core.learning.models.booster_facts", mark],
                input=path_lines,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
                cwd=Path(__file__).resolve().parents[1],
            )
            output = done.stdout
        except subprocess.TimeoutExpired as late:
            output = late.stdout or b""
        # LightGBM prints its own errors too: only marked lines are results
        lines = output.decode(errors="replace").splitlines()
        answers = [line.removeprefix(mark) for line in lines if line.startswith(mark)]
        for path, answer in zip(left, answers, strict=False):
            facts[path] = _read_reply(json.loads(answer))
        left = left[len(answers) :]
        if left:  # the process ended on this file, or took too long
            facts[left[0]] = "LightGBM cannot read it: reading it ends the process"
            left = left[1:]
    return facts


def _read_reply(answer: dict[str, Any]) -> BoosterFacts | str:
    if "fault" in answer:
        return str(answer["fault"])
    return BoosterFacts(**{**answer, "features": tuple(answer["features"])})


def _version(
    market: Market,
    version: LegacyVersion,
    boosters: dict[Path, BoosterFacts | str],
    bars: Bars,
) -> ModelFinding:
    read = None if version.model is None else boosters[version.model]
    booster = read if isinstance(read, BoosterFacts) else None
    faults = list(version.faults)
    if isinstance(read, str):
        faults.append(f"model.txt cannot be read: {read}")
    if booster and version.features and booster.features != version.features:
        faults.append(_unlike(booster.features, version.features))
    names = booster.features if booster and booster.features else version.features
    return ModelFinding(
        name=version.name,
        target=version.target,
        faults=tuple(faults),
        pickles=version.pickles,
        booster=booster,
        features=tuple(judge(name, market) for name in names),
        trained=version.trained,
        tested=version.tested,
        metrics=version.metrics,
        corridor=corridor_on(market, bars, version.tested),
    )


def _unlike(booster: tuple[str, ...], stated: tuple[str, ...]) -> str:
    if set(booster) == set(stated):
        return (
            "feature_names.json has the model's features in another order: predictions made by it "
            "mixed up its columns"
        )
    odd = sorted(set(booster) ^ set(stated))
    return (
        f"feature_names.json names {len(stated)} features and the model has {len(booster)}; they "
        f"differ in {', '.join(odd[:4])}{' ...' if len(odd) > 4 else ''}"  # noqa: PLR2004 - shown
    )


def corridor_on(
    market: Market, bars: Bars, period: tuple[date, date] | None
) -> CorridorScore | None:
    """Score the corridor and always-UP on the stated days, or on all days with bars.

    The corridor predicts UP if the window closed in the upper half of its range, for every value
    of its one parameter, so its accuracy needs no fit and no training days.

    Returns
    -------
    The scores, or None if no bar lies in the period.
    """
    if not len(bars):
        return None
    held = period_of(bars, market, None, None)
    first, last = period or held
    first, last = max(first, held[0]), min(last, held[1])
    if first > last:
        return None
    try:
        data = learning.datasets.assemble.assemble(
            bars, market, ranges.label_spec.LabelSpec(), first=first, last=last, features=()
        ).dataset
    except OrbcastError:
        return None
    broke, quiet = (
        np.isin(data.direction, (ranges.labels.UP, ranges.labels.DOWN)),
        data.direction == ranges.labels.NONE,
    )
    if not broke.any():
        return None
    right = (data.close_position >= 0.5) == (data.direction == ranges.labels.UP)  # noqa: PLR2004 - upper half
    settled = broke | quiet
    went_up = data.direction == ranges.labels.UP
    return CorridorScore(
        stated=period is not None,
        first=str(first),
        last=str(last),
        whole=period is None or (first, last) == period,
        breaks=int(broke.sum()),
        quiet=int(quiet.sum()),
        corridor=_interval(right[broke], data.trading_day[broke]),
        always_up=_interval(went_up[broke], data.trading_day[broke]),
        corridor_of_all=float((right & broke)[settled].mean()),
        always_up_of_all=float(went_up[settled].mean()),
    )


def _interval(right: NDArray[np.bool_], day: NDArray[np.datetime64]) -> Interval:
    return mean_interval(right.astype(np.float64), day)
