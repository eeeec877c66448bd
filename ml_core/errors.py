"""Errors, classified by who must act, and how they build their messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from inspect import get_annotations
from string import Formatter
from typing import Any, ClassVar, dataclass_transform

_BEGINNING, _END = 2_000, 500
_MOST_CHARACTERS = _BEGINNING + _END
"""Maximum length of a message: a line too long to read hides what to do."""


@dataclass_transform()
class OrbcastError(Exception):
    """Base of every error Orbcast raises on purpose: fields, and a template for the message.

    A subclass declares its fields as annotations, like a dataclass, and its ``template``, in which
    ``{name}`` stands for a field or a property. An instance is created from its fields in order or
    by name, and can be pickled completely.

    A subclass without a template has a message like any exception: the text it is created from, or
    its own ``__str__``. This allows errors of sources from other packages.

    In a template, the format of a tuple is the text that joins it (``{names:, }``); a time without
    a format is written in ISO 8601.

    Raises
    ------
    TypeError
        A field is missing, or does not belong to the class.

    Examples
    --------
    >>> class NoBarError(OrbcastError):
    ...     market: str
    ...     days: tuple[str, ...]
    ...     template = "{market} has no bar on {days: and }; ingest some"
    >>> print(NoBarError("MGC", days=("Monday", "Tuesday")))
    MGC has no bar on Monday and Tuesday; ingest some
    """

    template: ClassVar[str] = ""
    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = (name for name, kind in get_annotations(cls).items() if "ClassVar" not in str(kind))
        cls._fields = tuple(dict.fromkeys((*cls._fields, *own)))

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self._fields
        if not (fields or named or self.template):
            super().__init__(*values)
            return
        given = {**dict(zip(fields, values, strict=False)), **named}
        missing = [name for name in fields if name not in given and not hasattr(self, name)]
        if missing or len(given) != len(values) + len(named) or not given.keys() <= set(fields):
            message = f"{type(self).__name__} has the fields {fields}, not {(*values, *named)}"
            raise TypeError(message)
        for name, value in given.items():
            setattr(self, name, value)
        super().__init__(*(getattr(self, name) for name in fields))

    def __str__(self) -> str:
        words = super().__str__()
        if self.template:
            words = _WORDING.vformat(self.template, (self,), {})
        if len(words) <= _MOST_CHARACTERS:
            return words
        # the beginning of a damaged file's content is enough; the remedy is at the end
        left_out = len(words) - _MOST_CHARACTERS
        return f"{words[:_BEGINNING]} ... ({left_out:,} more) ... {words[-_END:]}"


class InputError(OrbcastError):
    """The trader must correct data or configuration (exit status 2)."""


class OperatorError(OrbcastError):
    """The operator must fix the machine, a service or a permission (exit status 3)."""


class DefectError(OrbcastError):
    """A developer must fix Orbcast (exit status 4)."""


class TransientError(OrbcastError):
    """Nobody has to act: trying again later is the remedy (exit status 5)."""


class NumberError(InputError):
    """A number is not usable."""

    name: str
    value: float
    remedy: str
    template = "{name} = {value}: {remedy}"


class ReversedPeriodError(InputError):
    """A period ends before it begins; its ends are as given."""

    first: str
    last: str
    template = "{first} is after {last}; swap them"


class _Wording(Formatter):
    """Fills a template with the attributes of an error."""

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        del kwargs
        return getattr(args[0], str(key))

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, tuple) and format_spec:
            return format_spec.join(map(str, value))
        if isinstance(value, datetime) and not format_spec:
            return value.isoformat()
        return str(super().format_field(value, format_spec))


_WORDING = _Wording()
