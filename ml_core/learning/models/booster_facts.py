"""Reads facts from LightGBM model texts, in its own process because some texts crash it.

It reads paths, one per line, and writes one line of JSON for each. Every line begins with the mark
given on the command line, to tell it from what LightGBM prints: ``python -m
ml_core.learning.models.booster_facts MARK``.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ml_core.json_values import OMIT
from ml_core.learning import models


@dataclass(frozen=True, slots=True, kw_only=True)
class BoosterFacts:
    """Facts about a LightGBM model text; ``used`` counts the features that are split on."""

    features: tuple[str, ...] = field(metadata=OMIT)
    trees: int
    objective: str
    classes: int
    used: int

    @property
    def kind(self) -> str:
        """A description of what the model predicts."""
        if self.objective.startswith("multiclass"):
            return f"{self.classes} classes"
        if self.objective.startswith(("binary", "cross_entropy")):
            return "two classes"
        if not self.objective:
            return "not known"
        return f"a number ({self.objective.partition(' ')[0]})"


def facts(text: str) -> BoosterFacts:
    """Load a model text and return its features, trees, objective and classes.

    Raises
    ------
    lightgbm.basic.LightGBMError
        LightGBM cannot read the text as a model.
    """
    booster = models.boosting.lgb.Booster(model_str=text)
    objective = re.search(r"^objective=(.*)$", text, re.MULTILINE)
    classes = re.search(r"^num_class=(\d+)$", text, re.MULTILINE)
    return BoosterFacts(
        features=tuple(booster.feature_name()),
        trees=booster.num_trees(),
        objective=objective[1].strip() if objective else "",
        classes=int(classes[1]) if classes else 1,
        used=int((booster.feature_importance("split") > 0).sum()),
    )


def main() -> None:
    """Write one line to standard output for each path on standard input."""
    mark = sys.argv[1]
    for line in sys.stdin:
        try:
            answer = asdict(facts(Path(line.rstrip("\n")).read_text(encoding="utf-8")))
        except Exception as error:  # noqa: BLE001 - after any error the next path is read
            answer = {"fault": " ".join(str(error).split())[:160] or type(error).__name__}
        sys.stdout.write(f"\n{mark}{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
