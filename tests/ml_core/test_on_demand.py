"""Modules and libraries are imported when they are first used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ml_core.on_demand import library, modules_of

FIRST_USE = """
import sys
from ml_core import evidence
from ml_core.on_demand import library

special = library("scipy.special")
assert not {"ml_core.evidence.power", "scipy"} & set(sys.modules)
evidence.power
assert "ml_core.evidence.power" in sys.modules
assert "scipy" not in sys.modules, "it needs that only to calculate"
special.ndtr(0.0)
assert "scipy.special" in sys.modules
"""


def test_a_module_and_a_library_are_imported_at_their_first_use() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_USE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_module_that_is_not_there_is_an_attribute_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'ml_core' has no attribute 'horoscope'"):
        modules_of("ml_core")("horoscope")


def test_a_library_that_a_module_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package_that_lacks"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "needy.py").write_text("import a_library_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_library_nobody_has"):
        modules_of("package_that_lacks")("needy")


def test_a_library_that_is_not_installed_is_named_at_its_first_use() -> None:
    lacking = library("a_library_nobody_has")
    with pytest.raises(ModuleNotFoundError, match="a_library_nobody_has"):
        lacking.anything()
