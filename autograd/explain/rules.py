"""A gradient rule as readable text, taken from its own source.

    lambda g, y: g * y                      ->  g * y
    lambda g, y: matmul_(g, swap_last(y))   ->  g @ y.mT
    def pow_rule_x(g, x, y): ...            ->  the first line of its docstring

Rules are plain Python, so nothing has to be written twice: the file that defines a rule is parsed, and
the rule found in it by the place that its code object remembers.
"""

from __future__ import annotations

import ast
import copy
import inspect
import math
from collections.abc import Callable, Mapping
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

__all__ = ["formula", "rule_text"]


def rule_text(rule: Callable[..., Any]) -> str:
    """The formula of a rule; of a longer function the first line of its docstring, or its name.

    >>> from autograd.op import REGISTRY
    >>> rule_text(REGISTRY["mul"].rules["x"]), rule_text(REGISTRY["matmul"].rules["y"])
    ('g * y', 'x.mT @ g')
    """
    tree = formula(rule)
    if tree is not None:
        return ast.unparse(tree)
    doc = inspect.getdoc(rule)
    if doc:
        return doc.split("\n", 1)[0].rstrip(".")
    return f"{rule.__name__}({', '.join(inspect.signature(rule).parameters)})"


def formula(rule: Callable[..., Any], values: Mapping[str, str] | None = None) -> ast.expr | None:
    """The expression that a rule returns, tidied, with `values` (text) in place of names; None for a
    function that is more than one expression or whose source can't be read."""
    function = inspect.unwrap(rule)
    if not isinstance(function, FunctionType):
        return None
    tree = expression(function.__code__)
    if tree is None:
        return None
    return Tidy(function, values or {}).visit(copy.deepcopy(tree))  # type: ignore[no-any-return]


def expression(code: CodeType) -> ast.expr | None:
    for node in definitions(code.co_filename).get(code.co_firstlineno, ()):
        if parameters(node) != code.co_varnames[: code.co_argcount]:
            continue
        if isinstance(node, ast.Lambda):
            if covers(node.body, code):
                return node.body
        elif node.name == code.co_name:
            returns = [n for n in ast.walk(node) if isinstance(n, ast.Return)]
            if len(node.body) == 1 or (len(returns) == 1 and not ast.get_docstring(node)):
                return returns[0].value if returns else None
    return None


Definition = ast.Lambda | ast.FunctionDef


@cache
def definitions(filename: str) -> dict[int, list[Definition]]:
    """The lambdas and functions of a source file by their first line."""
    found: dict[int, list[Definition]] = {}
    try:
        with open(filename, encoding="utf-8") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return found
    for node in ast.walk(tree):
        if isinstance(node, Definition):
            found.setdefault(node.lineno, []).append(node)
    return found


def parameters(node: Definition) -> tuple[str, ...]:
    return tuple(a.arg for a in (*node.args.posonlyargs, *node.args.args))


def covers(body: ast.expr, code: CodeType) -> bool:
    """Whether the instructions of `code` were compiled from `body`: two lambdas may share a line."""
    end = (body.end_lineno or body.lineno, body.end_col_offset or 0)
    spots = [
        (line, column)
        for line, _, column, last in code.co_positions()
        if line is not None and column is not None and last  # the instructions of the call itself end at 0
    ]
    return all((body.lineno, body.col_offset) <= spot < end for spot in spots)


class Tidy(ast.NodeTransformer):
    """A rule's expression as a book would print it."""

    def __init__(self, function: FunctionType, values: Mapping[str, str]) -> None:
        self.known = function.__globals__
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.values:
            return ast.Name(self.values[node.id])
        # Functions by their own names: one file calls sum sum_over.
        known = getattr(self.known.get(node.id), "__name__", "")
        return ast.Name(known if known.isidentifier() else node.id.rstrip("_") or node.id)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and isinstance(self.known.get(node.value.id), ModuleType):
            module = node.value.id
            if module in ("math", "np", "numpy"):
                constant = getattr(self.known[module], node.attr)
                return ast.Name(node.attr) if callable(constant) else ast.Constant(round(constant, 4))
            return ast.Name(node.attr.rstrip("_"))
        self.generic_visit(node)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        value = node.value
        if isinstance(value, float) and math.isfinite(value) and value == int(value):
            return ast.Constant(int(value))
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        if isinstance(node.test, ast.Call) and ast.unparse(node.test).endswith(", Value)"):
            return self.visit(node.orelse)  # type: ignore[no-any-return]  # x.data if isinstance(x, Value) else x
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        # stride=stride says nothing; the values stand beside the rule.
        node.keywords = [k for k in node.keywords if ast.unparse(k.value) != k.arg]
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "matmul" and len(node.args) == 2:
            return ast.BinOp(node.args[0], ast.MatMult(), node.args[1])
        if name == "swap_last":
            return ast.Attribute(node.args[0], "mT")
        if name == "tuple" and isinstance(node.args[0], ast.GeneratorExp):  # tuple(int(i) for i in order)
            return node.args[0].generators[0].iter
        return node
