"""The pages, in parts that take about as long: pytest-xdist shares the work out by file."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import PROJECT

FIRST = (
    *("README.md", "index.md", "quick-start.md", "concepts.md", "commands.md", "recipes.md"),
    *("simulator.md", "benchmarks.md", "changelog.md", "architecture.md", "security.md"),
    "upgrade.md",
)
JUDGING = (
    *("evidence.md", "drift.md", "novelty.md", "performance.md", "rollout.md", "strategy.md"),
    *("dashboard.md", "import-legacy.md", "write-a-feature.md"),
)
RUNNING = ("operate.md", "approval.md", "new-bars.md", "notifications.md", "recovery.md")
KEEPING = ("backup.md", "postgresql.md", "deploy.md", "bring-your-own-data.md", "real-data.md")

PAGES = (*FIRST, *JUDGING, *RUNNING, *KEEPING)


def path_of(name: str) -> Path:
    return PROJECT / name if name == "README.md" else PROJECT / "docs" / name
