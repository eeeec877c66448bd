"""The options of an installation: each an environment variable, with its allowed values."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

SECRET = ("auth", "database_url", "heartbeat_url", "store")
"""Options whose values are never shown."""

DEFAULT_STRATEGY = "orb-default"
_SHIPPED = Path(__file__).resolve().parents[1] / "deployments"
_WEB = ("https://", "http://")
_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?|[0-9a-f]*:[0-9a-f]*:[0-9a-f:]*")
_MOST_WORKERS = 8  # each holds its own copy of the rows


class Options(BaseModel):
    """The options of an installation; each is read from ``ORBCAST_<NAME>``."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", validate_default=True, hide_input_in_errors=True
    )

    home: Path = Field(default=Path("var"), description="Bars, models, reports, databases.")
    database_url: str = Field(default="", description="SQLAlchemy URL; SQLite in home if empty.")
    store: str = Field(
        default="",
        description="Where several machines share bars, versions and studies: s3://bucket/prefix, "
        "gs://... or file:///folder; only in home if empty.",
    )
    markets_dir: Path = Field(default=_SHIPPED / "markets", description="Market files (TOML).")
    recipes_dir: Path = Field(default=_SHIPPED / "recipes", description="Recipe files (TOML).")
    markets: tuple[str, ...] = Field(
        default=("mgc",),
        min_length=1,
        description="Markets that `orbcast up` serves: a,b,c; if none are named, those in the "
        "home's folder of markets, and mgc if it has bars or is the only one.",
    )
    strategy: str = Field(
        default=DEFAULT_STRATEGY,
        description="Rules for predictions: a name, and others by market: a,nq=b; "
        "a+c also follows c, for the record.",
    )
    strategies_dir: Path = Field(
        default=_SHIPPED / "strategies", description="Strategy files (TOML)."
    )
    account: str = Field(
        default="",
        description="Account whose limits every plan must respect: a name, and others by market: "
        "a,nq=b; none if empty.",
    )
    accounts_dir: Path = Field(default=_SHIPPED / "accounts", description="Account files (TOML).")
    task_runner: Literal["processes", "threads", "dask"] = Field(
        default="processes", description="Where a study's folds run."
    )
    workers: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, _MOST_WORKERS),
        ge=1,
        le=256,
        description="Number of processes, threads or local Dask workers; the number of cores "
        "if left out, at most eight.",
    )
    heavy_runs: int = Field(
        default_factory=lambda: max(1, (os.cpu_count() or 1) // 2),
        ge=1,
        le=256,
        description="Retrains, studies, tunings and replays that run at once on this machine; "
        "half its cores if left out, at least one.",
    )
    dask_address: str = Field(
        default="", description="Dask scheduler, such as tcp://host:8786; a local one if empty."
    )
    late_after_seconds: int = Field(
        default=120, ge=1, description="A live prediction made later than this is marked late."
    )
    wait_for_bars_seconds: int = Field(
        default=300,
        ge=0,
        le=480,  # a prediction is ended after ten minutes
        description="A live prediction waits for its bars until so long after its decision time.",
    )
    feed_silent_minutes: int = Field(
        default=5,
        ge=0,
        description="Open minutes without a bar after which a feed has stopped, unless that is "
        "usual then; 0 turns this off.",
    )
    retrain_failures: int = Field(
        default=3, ge=1, description="Failed retrains in a row after which scheduled ones pause."
    )
    missed_after_minutes: int = Field(
        default=60, ge=1, description="A live prediction not made by then is recorded as missed."
    )

    model_expires_days: int = Field(
        default=45, ge=1, description="A model older than this no longer predicts."
    )
    baseline_expires_days: int = Field(
        default=400, ge=1, description="The same for a baseline, which ages more slowly."
    )

    approval_hours: float = Field(
        default=24.0, gt=0, description="A person's approval not given by then is refused."
    )

    read_only: bool = Field(
        default=False, description="Open the database read-only, as the dashboard does."
    )

    auth: SecretStr = Field(
        default=SecretStr(""),
        description="user:secret that the Prefect server of `orbcast up` requires; none if empty.",
    )

    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Other host names under which its servers may be called, as behind "
        "a proxy: a,b.",
    )

    heartbeat_url: SecretStr = Field(
        default=SecretStr(""),
        description="Address of a monitoring service that is called after each "
        "outcomes run; none if empty.",
    )

    reports_url: str = Field(
        default="",
        description="Address of the reports folder, so that the UI can link to reports; "
        "`orbcast up` sets it.",
    )

    @field_validator("home", "markets_dir", "recipes_dir", "strategies_dir", "accounts_dir")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        """Make a path absolute: flow runs are other processes, which may start elsewhere."""
        return path.expanduser().resolve()

    @field_validator("markets", "allowed_hosts", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _names_alone(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not _HOST_NAME.fullmatch(name):
                message = f"{name!r} is not a host name; write it without scheme, port and path"
                raise ValueError(message)
        return names

    @field_validator("heartbeat_url")
    @classmethod
    def _web_address(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value() and not url.get_secret_value().startswith(_WEB):
            message = "write an address that begins with https:// or http://"
            raise ValueError(message)
        return url

    @field_validator("auth")
    @classmethod
    def _name_and_secret(cls, auth: SecretStr) -> SecretStr:
        """Require ``name:secret``: Prefect accepts a single word, but no browser can send it."""
        user, colon, secret = auth.get_secret_value().partition(":")
        if auth.get_secret_value() and not (user and colon and secret):
            message = "write a name, a colon and a secret, as in ann:choose-a-long-one"
            raise ValueError(message)
        return auth
