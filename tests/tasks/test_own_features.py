"""A trader's own features: read from the home and from packages, identified by hash."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import tasks.own_features
from ml_core.bars.arrays import Bars
from ml_core.decision.decide import VersionFailedError, ask
from ml_core.features.all import CATALOGUE
from ml_core.features.catalogue import (
    Catalogue,
    FeatureChangedError,
    Mirror,
    OwnColumn,
    UnknownFeatureError,
)
from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.assemble import Assembly, assemble
from ml_core.learning.fit import fit
from ml_core.learning.inference import Predictor
from ml_core.learning.models.inputs import FROM_SIDE, Inputs
from ml_core.learning.recipe import Recipe
from ml_core.learning.saved_bundle import REFERENCE, load_bundle, write_bundle
from ml_core.learning.version_folder import OWN_FEATURES, name_of, own_codes_of
from ml_core.ranges.label_spec import LabelSpec
from tasks.data.datasets import with_baselines
from tasks.own_features import RESERVED, OwnFeatureError, OwnFeatures, own_features
from tasks.prediction.slots import slots_between
from tasks.settings import Settings
from tasks.training.questions import QuestionScope, question_hash
from tests.ml_core.builders import mgc
from tests.ml_core.learning.made_markets import simulated_bars

HEAD = "from ml_core.features.catalogue import Catalogue, Mirror\nmine = Catalogue()\n"
DOUBLE = HEAD + (
    '@mine.feature("twice where price closed", unit="share", mirror=Mirror(about=1.0))\n'
    "def double_position(view):\n"
    "    return 2 * (view.price - view.ranges.low[view.rows]) / view.size\n"
)
RECIPE = Recipe(name="own", kind="residual", mirrored=True,
                features=("close_position", "double_position"))  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "home" / "features"
    made.mkdir(parents=True)
    before = set(sys.modules)
    yield made
    for name in set(sys.modules) - before:
        if "own_features_" in name:
            del sys.modules[name]


def declaring(folder: Path, *names: str, file: str = "mine.py") -> OwnFeatures:
    """Read a folder after adding a file that declares functions with these names."""
    functions = "".join(
        f'@mine.feature("{name} in words")\ndef {name}(view):\n    return view.price\n'
        for name in names
    )
    (folder / file).write_text(HEAD + functions, "utf-8")
    return own_features(folder)


def test_a_file_of_the_home_is_read_and_nothing_is_written_beside_it(folder: Path) -> None:
    (folder / "_helper.py").write_text("raise ValueError\n", "utf-8")
    read = declaring(folder, "gap", "rush")
    assert read.refused == ()
    assert [(feature.name, feature.group) for feature in read.features] == [
        ("gap", "mine"),
        ("rush", "mine"),
    ]
    assert len({feature.code for feature in read.features}) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["_helper.py", "mine.py"]
    assert own_features(folder.with_name("none")) == OwnFeatures((), ())


def test_a_changed_file_is_another_hash(folder: Path) -> None:
    (before,) = declaring(folder, "gap").features
    (after,) = declaring(folder, "gap").features
    assert after.code == before.code
    (folder / "mine.py").write_text((folder / "mine.py").read_text("utf-8") + "\n# so\n", "utf-8")
    (edited,) = own_features(folder).features
    assert edited.code != before.code


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("def f(:\n", "line 1: invalid syntax"),
        (HEAD + "\nundefined\n", "line 4: NameError: name 'undefined' is not defined"),
        ("raise SystemExit(3)\n", "line 1: SystemExit: 3"),
        ("import no_such_module\n", "line 1: ModuleNotFoundError: No module named"),
        ("x = '\0'\n", "null bytes"),
        (HEAD, "it declares no feature: make one with"),
        ("from ml_core.features.catalogue import CATALOGUE\n", "it declares no feature"),
        (HEAD + '@mine.feature("x")\ndef atr14(view): ...\n', "atr14 is a shipped feature's name"),
        (HEAD + '@mine.feature("x")\ndef r_net(view): ...\n', "r_net is a column's name already"),
        (HEAD + '@mine.feature("x")\ndef all(view): ...\n', "all is a column's name already"),
        (HEAD + '@mine.feature("x")\ndef up_from_side(view): ...\n', "is a column's name already"),
        (
            HEAD + '@mine.feature("x")\ndef gap(view): ...\n' * 2,
            "line 5: ValueError: feature gap is declared twice",
        ),
        (
            HEAD + 'too = Catalogue()\n@mine.feature("x")\n@too.feature("x")\ndef gap(v): ...\n',
            "gap is declared twice",
        ),
    ],
)
def test_a_feature_that_cannot_be_used_is_named_by_file_and_line_and_affects_no_other(
    folder: Path, text: str, fault: str
) -> None:
    (folder / "bad.py").write_text(text, "utf-8")
    read = declaring(folder, "rush")
    (refused,) = read.refused
    assert refused.origin == str(folder / "bad.py")
    assert fault in str(refused)
    assert [feature.name for feature in read.features] == ["rush"]
    with pytest.raises(UnknownFeatureError) as caught:
        read.catalogue().to_learn(("gap",))
    assert str(refused) in str(caught.value)


def test_a_name_declared_in_two_files_is_the_first_one_s(folder: Path) -> None:
    declaring(folder, "gap", file="a.py")
    read = declaring(folder, "gap", "rush", file="b.py")
    assert [(feature.name, feature.group) for feature in read.features] == [("gap", "a")]
    assert "gap is declared twice" in str(read.refused[0])


def test_a_package_brings_features_by_its_entry_point(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    package, info = site / "orb_ideas", site / "orb_ideas-1.0.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text("from orb_ideas.ideas import mine\n", "utf-8")
    (package / "ideas.py").write_text(DOUBLE, "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: orb-ideas\nVersion: 1.0\n")
    entries = "[orbcast.features]\nideas = orb_ideas:mine\nnone = orb_ideas:nothing\n"
    (info / "entry_points.txt").write_text(entries, "utf-8")
    monkeypatch.syspath_prepend(str(site))
    # installed packages do not come and go within a process
    monkeypatch.setattr(tasks.own_features, "_read", tasks.own_features._read.__wrapped__)

    read = own_features(folder)

    assert [(feature.name, feature.group) for feature in read.features] == [
        ("double_position", "ideas")
    ]
    (refused,) = read.refused
    assert refused.origin == "orb-ideas 1.0"
    assert "orb_ideas:nothing cannot be imported" in refused.fault
    (package / "helper.py").write_text("SCALE = 3\n", "utf-8")
    assert own_features(folder).features[0].code != read.features[0].code


def test_all_is_what_is_shipped_and_own_ones_are_named(folder: Path) -> None:
    catalogue = declaring(folder, "gap").catalogue()
    assert [feature.name for feature in catalogue.to_learn("all")] == list(CATALOGUE.names())
    both = [feature.name for feature in catalogue.to_learn(("gap", "all", "weekday"))]
    assert both == ["gap", *CATALOGUE.names()]
    assert catalogue.select_with_own()[-1].name == "gap"
    assert "gap" not in CATALOGUE


def test_a_version_predicts_with_the_same_feature_file_that_it_was_trained_with(
    folder: Path,
) -> None:
    catalogue = declaring(folder, "gap").catalogue()
    (gap,) = catalogue.own()
    assert gap.own_column is not None
    assert catalogue.learned(("gap", "atr14"), [gap.own_column])[0] is gap
    with pytest.raises(FeatureChangedError, match="gap: the file that declares it is not the one"):
        catalogue.learned(("gap",), [replace(gap.own_column, code="another")])
    with pytest.raises(FeatureChangedError, match="gap"):
        catalogue.learned(("gap",), [])
    with pytest.raises(UnknownFeatureError, match="no feature named gap"):
        CATALOGUE.learned(("gap",), [gap.own_column])


PERIOD = date(2021, 1, 4), date(2022, 12, 23)


@dataclass(frozen=True, slots=True)
class Learned:
    """A version that learned from an own feature, its data, and the feature's catalogue."""

    catalogue: Catalogue
    bars: Bars
    assembly: Assembly
    bundle: Bundle

    def written(self, folder: Path) -> Path:
        """Write the version's folder."""
        folder.mkdir()
        reference = self.assembly.dataset
        write_bundle(self.bundle, folder, metrics={}, card="", reference=reference)
        return folder


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    folder = tmp_path_factory.mktemp("features")
    (folder / "double.py").write_text(DOUBLE, "utf-8")
    catalogue, bars = own_features(folder).catalogue(), simulated_bars(3)
    features = catalogue.to_learn(RECIPE.features)
    first, last = PERIOD
    made = assemble(bars, mgc(), LabelSpec(), first=first, last=last, features=features)
    return Learned(catalogue, bars, made, fit(made.dataset, RECIPE, "bars").bundle)


def test_names_of_columns_that_there_are_cannot_be_features(
    learned: Learned, tmp_path: Path
) -> None:
    kept = pq.read_schema(learned.written(tmp_path / "version") / REFERENCE)
    columns = {*with_baselines(learned.assembly).column_names, *kept.names}
    assert columns - set(RECIPE.features) <= RESERVED


def test_what_a_version_keeps_of_own_features_is_in_its_files_and_in_its_name(
    learned: Learned, tmp_path: Path
) -> None:
    (own,) = learned.catalogue.own()
    bundle = learned.bundle
    assert bundle.own == (own.own_column,)
    assert bundle.own[0].mirror == Mirror(about=1.0)
    folder = learned.written(tmp_path / "version")
    again = load_bundle(folder)
    assert again.own == bundle.own
    assert again.version == bundle.version == name_of(folder)
    assert own_codes_of(folder) == {"double_position": own.code}
    edited = {**bundle.trained, OWN_FEATURES: [{**bundle.trained[OWN_FEATURES][0], "code": "x"}]}
    assert replace(bundle, trained=edited).version != bundle.version


def test_a_version_whose_feature_file_was_changed_or_removed_fails_and_names_it(
    learned: Learned,
) -> None:
    predictor, (slot, *_) = Predictor(learned.bundle), slots_between(mgc(), PERIOD[1], PERIOD[1])
    row, prediction = ask(predictor, mgc(), slot, learned.bars, 0.0, learned.catalogue)
    assert row.feature_names == RECIPE.features
    assert 0.0 < prediction.p_up < 1.0
    edited = CATALOGUE.with_own([replace(learned.catalogue.own()[0], code="another")])
    with pytest.raises(VersionFailedError, match="not the one that the version was trained with"):
        ask(predictor, mgc(), slot, learned.bars, 0.0, edited)
    with pytest.raises(VersionFailedError, match="no feature named double_position"):
        ask(predictor, mgc(), slot, learned.bars, 0.0, None)


@pytest.mark.parametrize(
    ("returned", "fault"),
    [
        ("view.no_such", "line 5: AttributeError: 'View' object has no attribute 'no_such'"),
        ("view.price[:1]", "it returns shape (1,) for"),
        ("1.0", "it returns shape () for"),
        ("'text'", "ValueError: could not convert string to float"),
        ("view.price / 0.0", "it returns infinity; divide by positive"),
    ],
)
def test_a_feature_that_cannot_be_computed_is_reported_by_name_and_line(
    folder: Path, learned: Learned, returned: str, fault: str
) -> None:
    function = f'@mine.feature("x")\ndef gap(view):\n    return {returned}\n'
    (folder / "mine.py").write_text(HEAD + function, "utf-8")
    with (
        pytest.raises(OwnFeatureError) as caught,
        np.errstate(divide="ignore"),
    ):
        learned.assembly.with_features(own_features(folder).features)
    assert str(caught.value).startswith("your own feature gap fails: ")
    assert fault in str(caught.value)


def test_trees_see_an_own_feature_from_the_side_by_its_own_mirror_wherever_they_grow() -> None:
    own = (
        OwnColumn(name="turning", words="", unit="", code="1"),
        OwnColumn(name="placed", words="", unit="", code="1", mirror=Mirror(about=1.0)),
        OwnColumn(name="same", words="", unit="", code="1", mirror=None),
    )
    inputs = Inputs(("turning", "placed", "same"), (), "quality", mirrored=True, own=own)
    below = inputs.of(np.array([[3.0, 0.25, 7.0]]), -1.0)[0]
    seen = dict(zip(inputs.names, below.tolist(), strict=True))
    assert seen["turning" + FROM_SIDE] == -3.0
    assert seen["placed" + FROM_SIDE] == 1.75
    assert "same" + FROM_SIDE not in seen


def test_a_changed_file_is_another_question() -> None:
    questions = [
        question_hash(QuestionScope(mgc(), "m", "b", code), "recipe")
        for code in ((), ("one",), ("two",))
    ]
    assert len(set(questions)) == 3


def test_settings_read_the_features_of_their_home(folder: Path) -> None:
    declaring(folder, "gap")
    assert Settings(home=folder.parent).catalogue().own_names() == ("gap",)
    assert Settings(home=folder).catalogue().own_names() == ()
