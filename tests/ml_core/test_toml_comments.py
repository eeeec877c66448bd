"""A trader's comments in a TOML file are kept when Orbcast writes it."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.learning.recipe import load_recipe, write_recipe
from ml_core.toml_file import open_toml, save_toml, set_tables, set_values
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source, standing_source
from tasks.notices.channels import Channel, channels, write_channels

AT = datetime(2026, 1, 2, tzinfo=UTC)
TWO = """# my channels
[[channels]]
name = "desk" # the one in the office
kind = "slack"
since = 2026-01-02T00:00:00Z
least = "info"

# never at night
[[channels]]
name = "phone"
kind = "apprise" # ntfy
since = 2026-01-02T00:00:00Z
least = "trouble"
# the end
"""
REMARKS = [line.partition("#")[2].strip() for line in TWO.splitlines() if "#" in line]

VALUES = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.one_of(
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(codec="utf-8"), max_size=9),
        st.lists(st.text(st.characters(codec="utf-8"), max_size=4), max_size=3),
        st.dictionaries(st.text("xyz", min_size=1, max_size=2), st.text("\"\\\n'#[]", max_size=5)),
    ),
    max_size=5,
)


def channel(name: str, **more: Any) -> Channel:
    return Channel(**{"name": name, "kind": "slack", "since": AT, **more})


def test_a_channel_that_is_added_or_changed_leaves_every_remark(tmp_path: Path) -> None:
    path = tmp_path / "channels.toml"
    path.write_text(TWO, "utf-8")
    desk, phone = channels(path)

    write_channels(path, [desk, channel("phone", kind="email"), channel("new")])

    text = path.read_text("utf-8")
    assert all(remark in text for remark in REMARKS)
    assert text.index("never at night") < text.index('name = "phone"') < text.index("the end")
    assert channels(path) == (desk, channel("phone", kind="email"), channel("new"))
    assert phone.least == "trouble"


def test_removing_a_channel_removes_its_own_comment_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "channels.toml"
    path.write_text(TWO, "utf-8")
    desk, phone = channels(path)

    write_channels(path, [phone])
    without_desk = path.read_text("utf-8")
    path.write_text(TWO, "utf-8")
    write_channels(path, [desk])
    without_phone = path.read_text("utf-8")

    assert [remark in without_desk for remark in REMARKS] == [True, False, True, True, True]
    assert [remark in without_phone for remark in REMARKS] == [True, True, False, False, True]
    assert channels(path) == (desk,)


def test_a_file_that_would_be_the_same_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "channels.toml"
    path.write_text(TWO, "utf-8")

    write_channels(path, list(channels(path)))

    assert path.read_text("utf-8") == TWO


def test_a_source_that_is_remembered_leaves_the_remarks_of_its_market_and_of_others(
    tmp_path: Path,
) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(
        "# where bars are\n\n# micro gold\n[mgc] # until March\nkind = 'csv' # from the platform\n"
        "paths = ['/old.csv']\nzone = 'UTC'\n\n"
        "# the index\n[nq]\nkind = 'csv'\npaths = ['/nq.csv']\n",
        "utf-8",
    )
    before = standing_source(path, "nq")
    spec = SourceSpec(kind="csv", paths=("/new.csv",), columns={"contract": "c"})

    remember_source(path, "MGC", spec)

    text = path.read_text("utf-8")
    for remark in ("where bars are", "micro gold", "until March", "from the platform"):
        assert f"# {remark}" in text
    assert text.index("[mgc]") < text.index("# the index") < text.index("[nq]")
    assert "zone" not in text
    assert standing_source(path, "mgc") == spec
    assert standing_source(path, "nq") == before


def test_a_rewritten_recipe_keeps_its_comments(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine" # good in spring\nkind = "residual"\nseed = 9\n\n[directional]\n'
        "num_leaves = 5 # fewer overfit less\n",
        "utf-8",
    )
    recipe = load_recipe(path)

    write_recipe(path, recipe.model_copy(update={"seed": 11}))

    text = path.read_text("utf-8")
    assert "# good in spring" in text
    assert "num_leaves = 5 # fewer overfit less" in text
    assert load_recipe(path).seed == 11


@given(VALUES, VALUES)
def test_a_written_document_is_read_back_over_any_earlier_content(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, Any], values: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("toml") / "f.toml"
    for written in (before, values):
        document = open_toml(path, "mine")
        set_values(document, written)
        save_toml(path, document)

    assert tomllib.loads(path.read_text("utf-8")) == values
    assert path.read_text("utf-8").startswith("# mine\n")


@given(st.permutations(["a", "b", "c"]), st.permutations(["d", "c", "b"]))
def test_tables_are_those_that_were_asked_for_in_their_order(
    first: list[str], then: list[str]
) -> None:
    document = open_toml(Path("is not there"))
    for names in (first, then):
        set_tables(document, "t", "name", [{"name": name} for name in names])

    read = tomllib.loads(document.as_string())
    kept = [name for name in first if name in then]
    assert [table["name"] for table in read["t"]] == kept + [
        name for name in then if name not in kept
    ]
