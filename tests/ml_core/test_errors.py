"""Every error of Orbcast: its fields, its message, and its transfer between processes."""

from __future__ import annotations

import importlib
import pickle
import re
from datetime import UTC, date, datetime, timedelta, timezone
from inspect import get_annotations
from pathlib import Path
from typing import Any, ClassVar

import pytest

from deployments.cli.approval.approve import NotWaitingError
from deployments.cli.completion import UnknownShellError
from deployments.cli.operation.notify import DeadChannelError
from deployments.disk_space import NoRoomError
from deployments.serving.ports import PortInUseError
from deployments.serving.supervisor import ChildDiedError
from ml_core.bars.checks.bad_rows import BatchRefusedError
from ml_core.bars.checks.step import TooCoarseError, TooFineError
from ml_core.bars.sources.duckdb_file import DatabaseLockedError
from ml_core.bars.sources.pushed import RequestError
from ml_core.errors import InputError, NumberError, OrbcastError, ReversedPeriodError
from ml_core.features.audit import LookAheadError
from ml_core.features.catalogue import RetiredFeatureError, UnknownFeatureError
from ml_core.learning.bundle import SchemaMismatchError
from ml_core.market.market import MarketFileError
from registry.errors import BackdatedChangeError, EditedRecipeError, UnknownVersionError
from tasks.data.pushed_bars import RowFault
from tasks.named_files import UnknownNameError
from tasks.notices.channels import ChannelError
from tasks.prediction.day_outlook import ExchangeClosedError

_SAMPLES: dict[str, Any] = {
    "str": "{braces} are text",
    "str | None": "09:30",
    "int": 3,
    "int | None": 3,
    "float": 2.5,
    "object": "thing",
    "date": date(2025, 1, 2),
    "datetime": datetime(2025, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
    "Path": "/home/logs/server.log",
    "tuple[str, ...]": ("first", "second"),
    "tuple[tuple[str, str], ...]": (("desk", "refused"),),
    "tuple[tuple[str, str, str], ...]": (("key", "1", "give 2"),),
    "dict[str, int]": {"bad_high": 3},
    "tuple[RowFault, ...]": (RowFault(1, "high", "is no number", "send one"),),
}
"""A value for each type of field."""


PROJECT = Path(__file__).parents[2]


def _modules_with_errors() -> list[str]:
    return [
        ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        for package in ("ml_core", "registry", "monitoring", "tasks", "deployments")
        for path in sorted((PROJECT / package).rglob("*.py"))
        if re.search(r"^    template = ", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]


def _errors_of(module: str) -> list[type[OrbcastError]]:
    return [
        value
        for value in vars(importlib.import_module(module)).values()
        if isinstance(value, type)
        and issubclass(value, OrbcastError)
        and value.template
        and value.__module__ == module
    ]


def _fields(cls: type[OrbcastError]) -> dict[str, Any]:
    kinds = {
        name: kind
        for base in reversed(cls.__mro__[:-3])
        for name, kind in get_annotations(base).items()
    }
    return {name: _SAMPLES[kind] for name, kind in kinds.items() if "ClassVar" not in str(kind)}


@pytest.mark.parametrize("module", _modules_with_errors())
def test_an_error_is_a_line_and_reaches_another_process_whole(module: str) -> None:
    for cls in _errors_of(module):
        fields = _fields(cls)
        error = cls(**fields)
        assert str(error)
        assert "\n" not in str(error)
        assert {name: getattr(error, name) for name in fields} == fields
        assert error.args == tuple(fields.values()) == cls(*fields.values()).args
        arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - what was dumped just now
        assert type(arrived) is cls
        assert (str(arrived), vars(arrived)) == (str(error), vars(error))


def test_an_error_wants_its_fields_and_no_others() -> None:
    for wrong in (
        lambda: NumberError("edge", 0.5),  # type: ignore[call-arg]
        lambda: NumberError("edge", 0.5, "give less", "or more"),  # type: ignore[call-arg]
        lambda: NumberError("edge", 0.5, "give less", words="or more"),  # type: ignore[call-arg]
        lambda: NumberError("edge", 0.5, "give less", name="drift"),  # type: ignore[misc]
    ):
        with pytest.raises(TypeError, match="NumberError has the fields"):
            wrong()


class WordedByItselfError(InputError):
    """An error of another package's source, in the form from before templates existed."""

    level: ClassVar[str] = "high"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is empty"


@pytest.mark.parametrize(
    "error", [WordedByItselfError("a.csv"), InputError("a.csv is empty")], ids=["own", "plain"]
)
def test_an_error_without_a_template_is_worded_by_itself(error: InputError) -> None:
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - what was dumped just now
    assert str(arrived) == str(error) == "a.csv is empty"
    assert vars(arrived) == vars(error)


_AFTERNOON = datetime(2025, 1, 2, 15, 4, 5, tzinfo=timezone(timedelta(hours=-5)))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (NumberError("edge", 0.5, "give less"), "edge = 0.5: give less"),
        (
            ReversedPeriodError("--from 2025-01-03", "--to 2025-01-02"),
            "--from 2025-01-03 is after --to 2025-01-02; swap them",
        ),
        (
            PortInUseError(4200, "orbcast up --port 4201"),
            (
                "port 4200 on 127.0.0.1 is taken by another program; stop it, or choose another "
                "with `orbcast up --port 4201`"
            ),
        ),
        (
            BackdatedChangeError("mgc", _AFTERNOON, _AFTERNOON.astimezone(UTC)),
            (
                "mgc was last changed at 2025-01-02T20:04:05+00:00, after "
                "2025-01-02T15:04:05-05:00; the history of champions is not rewritten: give a "
                "later time"
            ),
        ),
        (
            UnknownVersionError("MGC", "ab", ()),
            (
                "MGC has no single model version 'ab'; versions: none yet: run `orbcast run "
                "nightly-retrain`"
            ),
        ),
        (
            UnknownVersionError("MGC", "ab", tuple("abcdefgh")),
            "MGC has no single model version 'ab'; versions: a, b, c, d, e, f",
        ),
        (
            EditedRecipeError("small", "a" * 64, "b" * 64),
            (
                "recipe 'small' was edited: it is aaaaaaaaaaaa now and bbbbbbbbbbbb on record. "
                "Evidence belongs to recipes, so an edited one is another recipe: save it under a "
                "new file name with a new `name`, and restore the old file"
            ),
        ),
        (
            MarketFileError(
                "mgc.toml", ((("tick"), "0", "give more"), ("zone", "{x}", "correct it"))
            ),
            "market file mgc.toml is refused: tick = 0: give more; zone = {x}: correct it",
        ),
        (
            RequestError(fault="is empty", remedy="send at least one bar"),
            "the request: is empty; send at least one bar",
        ),
        (
            TooFineError("bars.csv", 5.0, 1200),
            (
                "bars.csv holds rows 5 s apart (1,200 of them), and Orbcast needs 1-minute bars: "
                'a range needs the bars of whole minutes; make minutes of them ("Seconds and '
                'ticks" in docs/bring-your-own-data.md)'
            ),
        ),
        (
            TooCoarseError("bars.csv", 300.0, 1200),
            (
                "bars.csv holds 5-minute bars (1,200 that far apart), and Orbcast needs 1-minute "
                "bars: a break would be detected minutes early or late, and bars cannot be split; "
                "export 1-minute bars"
            ),
        ),
        (
            BatchRefusedError(
                "bars.csv", 1000, {"bad_high": 30, "gap": 7}, ("l. 1", "l. 2"), 0.01
            ),
            (
                "bars.csv is refused whole: 37 of 1,000 rows are bad (bad_high 30, gap 7); first: "
                "l. 1; l. 2. Correct the source, or raise quality.max_bad_share (now 0.01) in the "
                "market file if this is expected"
            ),
        ),
        (
            UnknownFeatureError(("range_widht",), ("range_width", "volume")),
            "no feature named range_widht; did you mean range_width?",
        ),
        (UnknownFeatureError(("xyz", "q"), ("volume",)), "no feature named xyz, q"),
        (
            RetiredFeatureError(("atr20",), ("atr20_basis_points",)),
            (
                "atr20: only for versions trained with it, no longer for training, since its "
                "unit is not constant over time; name atr20_basis_points in the recipe instead"
            ),
        ),
        (
            SchemaMismatchError("v1", (), ("gap",)),
            (
                "version v1 does not fit these features: missing -, unknown ('gap',); retrain, or "
                "predict with the code it was made with"
            ),
        ),
        (
            LookAheadError(tuple("abcdef"), "a at 09:30"),
            (
                "6 features see the future (a, b, c, d, e), such as a at 09:30; they are not "
                "used; correct them, `orbcast audit lookahead` lists them"
            ),
        ),
        (ChannelError("", "x", "is none"), "channel 'x' is none"),
        (ChannelError("kind", "x", "is none"), "channel kind 'x' is none"),
        (
            ExchangeClosedError("S", "a holiday", None, "next"),
            "S has no decision: a holiday; next",
        ),
        (
            ExchangeClosedError("S", "a holiday", "09:30", "next"),
            "S has no decision: a holiday; the range before it: --at 09:30; next",
        ),
        (
            UnknownNameError("market", "es", "markets", ("mgc", "nq")),
            (
                "there is no market 'es' in markets; use one of these: mgc, nq, or write es.toml "
                "there"
            ),
        ),
        (
            UnknownNameError("market", "../es", "markets", ()),
            "there is no market '../es' in markets; use one of these: none",
        ),
        (
            UnknownShellError(""),
            "no shell was found; use --install-completion in bash, zsh or fish",
        ),
        (
            NotWaitingError("r1", (), ""),
            "run 'r1' does not wait for a person; waiting: nothing. `orbcast approve` lists them",
        ),
        (
            NotWaitingError("r1", ("a", "b"), "it ended"),
            (
                "run 'r1' does not wait for a person (it ended); waiting: a, b. `orbcast approve` "
                "lists them"
            ),
        ),
        (
            DeadChannelError((("desk", "gone"), ("phone", "busy"))),
            (
                "not delivered: desk: gone; phone: busy; correct the channel with `orbcast "
                "notify add`"
            ),
        ),
        (
            NoRoomError("/home", 50 * 1024**2),
            (
                "/home has 50 MB left, and a run needs 200; make room, or use another disk with "
                "--home"
            ),
        ),
        (
            ChildDiedError("server", None, "server.log"),
            "the server does not answer; the end of its log says why: server.log",
        ),
        (
            ChildDiedError("server", 1, "server.log"),
            "the server ended with status 1; the end of its log says why: server.log",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, OrbcastError) else "",
)
def test_an_error_states_what_is_wrong_and_what_to_do(error: OrbcastError, message: str) -> None:
    assert str(error) == message


def test_only_a_locked_database_whose_holder_is_known_names_the_holder() -> None:
    assert " in another program; " in str(DatabaseLockedError("bars.duckdb"))
    assert " in another program, python (1); " in str(
        DatabaseLockedError("bars.duckdb", "python (1)")
    )
