"""On-demand features: an expression of other features, the same at a read and over a training table.

`level["left.rms_db"] - level["right.rms_db"]`, `where(pitch["left.voicing"] > 0.5, 1, 0)`: numbers,
features of other views, + - * / % **, comparisons, `&` and `|` of them, and the functions of FUNCTIONS.
Nothing else of Python is understood.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

LENGTH_MAX: Final = 1000
DEPTH_MAX: Final = 100  # operations within each other
# Each with how many arguments it has: what numpy takes beyond them is where to write to.
FUNCTIONS: Final[Mapping[str, tuple[Callable[..., Any], int]]] = {
    "abs": (np.abs, 1),
    "clip": (np.clip, 3),
    "cos": (np.cos, 1),
    "exp": (np.exp, 1),
    "isnan": (np.isnan, 1),
    "log": (np.log, 1),
    "log10": (np.log10, 1),
    "log2": (np.log2, 1),
    "max": (np.maximum, 2),
    "min": (np.minimum, 2),
    "round": (np.rint, 1),
    "sin": (np.sin, 1),
    "sqrt": (np.sqrt, 1),
    "where": (np.where, 3),
}
OPERATORS: Final[Mapping[type[ast.AST], Callable[..., Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
    ast.BitAnd: np.logical_and,
    ast.BitOr: np.logical_or,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}

Values = npt.NDArray[np.float64]
Step = Callable[[Mapping[str, Values]], Any]


class Expression:
    """A checked expression; `inputs` are the references that it reads."""

    def __init__(self, text: str) -> None:
        """Raises ValueError, which says what is not understood."""
        if len(text) > LENGTH_MAX:
            raise ValueError(f"an expression of {len(text)} characters; it has {LENGTH_MAX} at most")
        self.text = text.strip()
        self.inputs: tuple[str, ...] = ()
        try:
            tree = ast.parse(self.text, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"{text!r:.100} is no expression: {error}") from None
        self._depth = 0
        self._evaluate = self._compile(tree.body)
        if not self.inputs:
            raise ValueError(f'{text!r:.100} reads no feature; write one as view["field"]')

    def __call__(self, values: Mapping[str, Values]) -> Values:
        """Its value, of the shape of those in `values`, which has all `inputs`; NaN where one is."""
        with np.errstate(all="ignore"):
            result: Values = np.asarray(self._evaluate(values), dtype=np.float64)
        missing = np.logical_or.reduce([np.isnan(values[name]) for name in self.inputs])
        return np.where(missing, np.nan, result)

    def _compile(self, node: ast.expr) -> Step:
        match node:
            case ast.Constant(value=bool() | int() | float() as number):
                return self._constant(number)
            case ast.Subscript(value=ast.Name(id=view), slice=ast.Constant(value=str() as field)):
                return self._input(f"{view}:{field}")
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return self._apply(OPERATORS[type(op)], left, right)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
                return self._apply(OPERATORS[type(op)], operand)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in OPERATORS:
                return self._apply(OPERATORS[type(op)], left, right)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
                return self._call(name, arguments)
            case _:
                there = ", ".join(FUNCTIONS)
                part = ast.get_source_segment(self.text, node)
                raise ValueError(
                    f'{part!r:.100} is not understood; there are numbers, view["field"], '
                    f"arithmetic, comparisons, & and |, and {there}"
                )

    def _input(self, reference: str) -> Step:
        self.inputs = tuple(dict.fromkeys((*self.inputs, reference)))
        return lambda values: values[reference]

    @staticmethod
    def _constant(number: float) -> Step:
        try:
            constant = float(number)
        except OverflowError:
            raise ValueError("a number is larger than a float64 can be") from None
        return lambda _: constant

    def _call(self, name: str, arguments: Sequence[ast.expr]) -> Step:
        function, count = FUNCTIONS[name]
        if len(arguments) != count:
            raise ValueError(f"{name} has {count} argument{'s' * (count > 1)}, not {len(arguments)}")
        return self._apply(function, *arguments)

    def _apply(self, function: Callable[..., Any], *operands: ast.expr) -> Step:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ValueError(f"more than {DEPTH_MAX} operations within each other")
        steps = [self._compile(operand) for operand in operands]
        self._depth -= 1
        # As numbers, for numpy does not count with what is true or false.
        return lambda values: np.asarray(function(*(step(values) for step in steps)), dtype=np.float64)


def references(texts: Mapping[str, Expression]) -> Iterator[str]:
    """Every reference that any of them reads, once."""
    yield from dict.fromkeys(name for expression in texts.values() for name in expression.inputs)
