"""A recipe: everything that decides what is trained, with its hash."""

from __future__ import annotations

import hashlib
import math
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ml_core.ranges.label_spec import LabelSpec
from ml_core.toml_file import TomlFileError, load_model, open_toml, save_toml, set_values


class RecipeFileError(TomlFileError):
    """A recipe file that cannot be used."""

    kind = "recipe file"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BoosterSpec(_Frozen):
    """Hyperparameters of one LightGBM model, with LightGBM's own names."""

    num_leaves: int = Field(default=4, ge=2, le=256)
    learning_rate: float = Field(default=0.03, gt=0, le=1)
    min_data_in_leaf: int = Field(default=100, ge=1)
    lambda_l2: float = Field(default=5.0, ge=0)
    feature_fraction: float = Field(default=0.5, gt=0, le=1)
    bagging_fraction: float = Field(default=0.8, gt=0, le=1)
    max_rounds: int = Field(default=300, ge=1, le=5000)
    early_stopping_rounds: int = Field(default=40, ge=1)


def _add_to_one(parts: tuple[float, float, float]) -> tuple[float, float, float]:
    if min(parts) <= 0 or not math.isclose(sum(parts), 1.0):
        raise ValueError("give three shares above 0 that add to 1, such as [0.6, 0.2, 0.2]")
    return parts


def known_window(text: str) -> str:
    """Return a valid choice of training days unchanged; else raise ValueError with a remedy."""
    if not re.fullmatch(r"expanding|rolling:[1-9][0-9]{0,2}", text):
        raise ValueError("write expanding, or rolling:N with N months, such as rolling:24")
    return text


class Recipe(_Frozen):
    """What to train and how; two recipes with the same hash are the same recipe.

    The hash leaves out fields with their default value, so a field added later does not change the
    hash of existing recipes. For the same reason a released default is never changed.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9\-]{0,39}$")
    kind: Literal["baseline", "residual", "plain"] = Field(
        description="residual: trees on top of the baselines; plain: trees alone."
    )
    about: str = Field(default="", description="One sentence for people; not hashed.")
    features: Literal["all"] | tuple[str, ...] = "all"
    select_features: int | None = Field(
        default=None,
        ge=1,
        description="This many features by gain, chosen on the rows before the stopping days.",
    )
    mirrored: bool = Field(
        default=False,
        description="Predict whether the nearer edge breaks, not UP, and give the trees "
        "each directional feature also as seen from that side.",
    )
    class_weights: bool = Field(
        default=False, description="Weight the rarer class more; always recalibrated afterwards."
    )
    calibration: Literal["auto", "identity", "platt", "isotonic"] = Field(
        default="auto", description="auto: the best on unseen folds of the held-out days."
    )
    label: LabelSpec = LabelSpec()
    fractions: Annotated[tuple[float, float, float], AfterValidator(_add_to_one)] = (0.6, 0.2, 0.2)
    embargo_days: int = Field(default=1, ge=0, le=60)
    refit: Literal["month", "quarter"] = Field(
        default="quarter", description="How often a walk-forward study retrains."
    )
    window: Annotated[str, AfterValidator(known_window)] = Field(
        default="expanding", description="Training days: all so far, or rolling:N months."
    )
    interval: float = Field(default=0.8, gt=0, lt=1, description="Stated coverage of R intervals.")
    seed: int = Field(default=7, ge=0)
    seeds: int = Field(default=3, ge=1, le=20, description="Seeds of the evidence.")
    directional: BoosterSpec = BoosterSpec()
    quality: BoosterSpec = BoosterSpec()
    r_multiple: BoosterSpec = BoosterSpec()

    @property
    def hash(self) -> str:
        """SHA-256, hex, of everything except ``about`` and defaults."""
        text = self.model_dump_json(exclude={"about"}, exclude_defaults=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def with_seed(self, number: int) -> Recipe:
        """Return the recipe with training seed ``number``; 0 returns the recipe itself."""
        return self if not number else self.model_copy(update={"seed": self.seed + number})

    @property
    def rolling_months(self) -> int | None:
        """Months of training days before a fold; None for all."""
        return None if self.window == "expanding" else int(self.window.partition(":")[2])


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file (TOML).

    Raises
    ------
    RecipeFileError
        The file is missing or not TOML, or a key is wrong.
    """
    return load_model(path, Recipe, RecipeFileError, if_missing="see `orbcast recipes list`")


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write a recipe as TOML for :func:`load_recipe`; defaults are left out.

    Comments in an existing file are kept.
    """
    values = recipe.model_dump(mode="json", exclude_defaults=True)
    document = open_toml(path)
    for name in sorted(values, key=lambda name: isinstance(values[name], dict)):
        if isinstance(values[name], dict) and name not in document:
            document[name] = {}
    set_values(document, values)
    save_toml(path, document)
