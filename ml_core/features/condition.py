"""Conditions on features as a person writes them: names, comparisons, and, or, not.

A condition is parsed into Python's syntax tree. A few kinds of nodes are allowed and all others
refused; nothing of it is ever run as code.
"""

from __future__ import annotations

import ast
import difflib
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError

LONGEST = 400
"""Maximum length of a condition, in characters."""

_LARGEST = 1e15

_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class ConditionError(InputError):
    """A condition that cannot be used."""

    text: str
    fault: str
    template = "condition {text!r} {fault}"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that can be evaluated on rows.

    Attributes
    ----------
    text
        The condition in canonical form: conditions that differ only in spacing have the same text.
    names
        The features it names, sorted.
    """

    text: str
    names: tuple[str, ...]
    _tree: ast.expr

    def holds(self, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Return in which rows the condition holds, shape (n,).

        Where a feature that it names is NaN, the result is meaningless: leave those rows out with
        :meth:`is_known`.

        Parameters
        ----------
        columns
            Columns by name, shape (n,) each; every feature that the condition names.
        """
        rows: NDArray[np.bool_] = _evaluated(self._tree, columns)
        return rows

    def is_known(self, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Return in which rows every feature that it names is known, shape (n,)."""
        rows = np.ones(_length(columns), np.bool_)
        for name in self.names:
            rows &= ~np.isnan(columns[name])
        return rows


def read_condition(text: str, features: Collection[str]) -> Condition:
    """Read a condition such as ``range_size_atr14 > 0.1 and weekday == 2``.

    Parameters
    ----------
    text
        Comparisons of features and numbers (``<``, ``<=``, ``>``, ``>=``, ``==``, ``!=``, also ``0
        < x < 1``), joined by ``and``, ``or``, ``not`` and parentheses.
    features
        Names of the available features.

    Raises
    ------
    ConditionError
        The text is not a condition, or names an unknown feature; the message lists the nearest
        names.
    """
    if len(text) > LONGEST:
        raise ConditionError(f"{text[:60]}...", f"is longer than {LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        offset = getattr(error, "offset", None)
        place = f" at character {offset}" if offset else ""
        raise ConditionError(text, f"cannot be read{place}; {_SUCH_AS}") from None
    names = _names_in(tree, text)
    if not names:
        raise ConditionError(text, f"names no feature; {_SUCH_AS}")
    unknown = sorted(names - set(features))
    if unknown:
        raise ConditionError(text, "; ".join(_unknown(name, features) for name in unknown))
    return Condition(ast.unparse(tree), tuple(sorted(names)), tree)


_SUCH_AS = "write comparisons such as range_size_atr14 > 0.1 and weekday == 2"


def _unknown(name: str, features: Collection[str]) -> str:
    near = difflib.get_close_matches(name, features, n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return f"names {name}, which is not a feature{hint}"


def _names_in(tree: ast.expr, text: str) -> set[str]:
    """Return the features that are named; refuse anything that may not occur in a condition."""
    match tree:
        case ast.BoolOp(values=parts):
            return set().union(*(_names_in(part, text) for part in parts))
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return _names_in(part, text)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(
            type(op) in _COMPARE for op in ops
        ):
            return set().union(*(_name_or_number(part, text) for part in (left, *others)))
    raise ConditionError(text, f"has {_source_text(tree)!r}, which compares nothing; {_SUCH_AS}")


def _name_or_number(part: ast.expr, text: str) -> set[str]:
    match part:
        case ast.Name(id=name):
            return {name}
        case (
            ast.Constant(value=number)
            | ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=number))
        ) if _is_number(number):
            return set()
    raise ConditionError(
        text, f"has {_source_text(part)!r}, which is neither a feature nor a number; {_SUCH_AS}"
    )


def _is_number(value: object) -> bool:
    return type(value) in {int, float} and abs(cast("float", value)) <= _LARGEST


def _source_text(part: ast.expr) -> str:
    return ast.unparse(part)[:60]


def _evaluated(tree: ast.expr, columns: Mapping[str, NDArray[np.float64]]) -> Any:
    match tree:
        case ast.BoolOp(op=ast.And(), values=parts):
            return np.logical_and.reduce([_evaluated(part, columns) for part in parts])
        case ast.BoolOp(values=parts):
            return np.logical_or.reduce([_evaluated(part, columns) for part in parts])
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return np.logical_not(_evaluated(part, columns))
        case ast.Compare(left=left, ops=ops, comparators=others):
            values = [_value(part, columns) for part in (left, *others)]
            pairs = zip(ops, values, values[1:], strict=False)
            return np.logical_and.reduce(
                [_COMPARE[type(op)](one, other) for op, one, other in pairs]
            )
    raise AssertionError(tree)  # refused by read_condition


def _value(part: ast.expr, columns: Mapping[str, NDArray[np.float64]]) -> Any:
    match part:
        case ast.Name(id=name):
            return columns[name]
        case ast.UnaryOp(operand=ast.Constant(value=number)):
            return np.full(_length(columns), -float(cast("float", number)))
        case ast.Constant(value=number):
            return np.full(_length(columns), float(cast("float", number)))
    raise AssertionError(part)


def _length(columns: Mapping[str, NDArray[np.float64]]) -> int:
    return len(next(iter(columns.values())))
