"""What explain hands out: steps as data, which print as a person would write them down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from autograd.explain.numbers import describe, number, operand

__all__ = ["Backward", "Forward", "Named", "Step", "Steps", "call"]

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": "@"}


@dataclass(frozen=True, eq=False)
class Named:
    """A value of the graph. `name` is "" for a plain number, which shows itself."""

    name: str
    value: Any  # a float or a numpy.ndarray

    def __str__(self) -> str:
        return self.name or operand(self.value)


@dataclass(frozen=True, eq=False)
class Step:
    """What forward and backward steps have in common: their place in the list, and the op."""

    number: int
    op: str


@dataclass(frozen=True, eq=False)
class Forward(Step):
    """An op that computed `output` from `inputs` (`outputs`, where the op has several)."""

    inputs: tuple[Named, ...]
    outputs: tuple[Named, ...]
    kind: str = field(default="forward", init=False)

    @property
    def output(self) -> Named:
        return self.outputs[0]

    def __str__(self) -> str:
        head = f"{', '.join(map(str, self.outputs))} = {call(self.op, [str(x) for x in self.inputs])}"
        if all(isinstance(x.value, float | int) for x in (*self.inputs, *self.outputs)):
            numbers = call(self.op, [operand(x.value) for x in self.inputs])
            return f"{head} = {numbers} = {number(self.output.value)}"
        return "\n".join([head, *(f"    {x.name} = {describe(x.value)}" for x in self.outputs)])


@dataclass(frozen=True, eq=False)
class Backward(Step):
    """A rule that took the gradient of `output` back to `input`, one of the op's inputs.

    loss        the name of what is differentiated
    rule        the rule as text, `g` standing for `incoming`
    saved       what else the rule used: its parameter -> the value it stood for
    incoming    d loss / d output, whole when this step runs
    result      what this rule adds to d loss / d input, in the shape of the input
    summed      dims over which the rule's gradient was summed, because the input was broadcast
    before      d loss / d input before this step, None if this is the first part
    total       d loss / d input after this step
    """

    loss: str
    output: Named
    input: Named
    rule: str
    filled: str  # the rule with its numbers, "" where they are arrays
    saved: dict[str, Named]
    incoming: Any
    result: Any
    summed: tuple[int, ...]
    before: Any
    total: Any
    kind: str = field(default="backward", init=False)

    def __str__(self) -> str:
        head = f"{self.op} -> {self.input}:  {self.rule}"
        if isinstance(self.result, float):
            result = number(self.result)
            if not self.filled:
                used = {"g": self.incoming} | {p: x.value for p, x in self.saved.items()}
                line = f"{head}, with {', '.join(f'{p} = {describe(x)}' for p, x in used.items())}: {result}"
            elif self.filled.strip("()") == result:
                line = f"{head} = {result}"
            else:
                line = f"{head} = {self.filled} = {result}"
            if self.before is not None:
                line += f",  added up: {number(self.before)} + {operand(self.result)} = {number(self.total)}"
            return line
        g = "gs" if isinstance(self.incoming, list) else "g"
        lines = [head, f"    {g} = d {self.loss}/d {self.output} = {describe(self.incoming)}"]
        for parameter, value in self.saved.items():
            label = parameter if value.name in ("", parameter) else f"{parameter} = {value.name}"
            lines.append(f"    {label} = {describe(value.value)}")
        if self.summed:
            dims = ", ".join(map(str, self.summed))
            lines.append(f"    summed over dim {dims}, because {self.input} was repeated there")
        if self.before is None:
            lines.append(f"    d {self.loss}/d {self.input} = {describe(self.result)}")
        else:
            lines.append(f"    this part = {describe(self.result)}")
            lines.append(f"    d {self.loss}/d {self.input} = {describe(self.total)}, with the part before")
        return "\n".join(lines)


def call(op: str, inputs: list[str]) -> str:
    if op in INFIX and len(inputs) == 2:
        return f"{inputs[0]} {INFIX[op]} {inputs[1]}"
    if op == "neg":
        return f"-{inputs[0]}"
    if op == "square":
        return f"{inputs[0]} ** 2"
    return f"{op}({', '.join(x[1:-1] if x.startswith('(') else x for x in inputs)})"


class Steps(list[Step]):
    """The steps in order. Printed, they are a small report.

    forward, backward   the two halves
    values              name -> value, of everything in the graph that has a name
    gradients           name -> gradient, of every value that one reached
    """

    def __init__(self, steps: list[Step], loss: Named, seed: Any) -> None:
        super().__init__(steps)
        self.loss = loss
        self.forward = [step for step in steps if isinstance(step, Forward)]
        self.backward = [step for step in steps if isinstance(step, Backward)]
        self.values = {x.name: x.value for s in self.forward for x in (*s.inputs, *s.outputs) if x.name}
        self.gradients = {loss.name: seed} | {step.input.name: step.total for step in self.backward}

    def into(self, name: str) -> list[Backward]:
        """The backward steps that brought a value its gradient, in the order in which they are added."""
        found = [step for step in self.backward if step.input.name == name]
        if not found:
            raise KeyError(f"no gradient flows into {name!r}; names here: {', '.join(self.gradients)}")
        return found

    def __str__(self) -> str:
        width = len(str(len(self)))

        def show(step: Step) -> str:
            return f"{step.number:>{width}}. " + str(step).replace("\n", "\n" + " " * (width + 2))

        start = f"backward, from d {self.loss}/d {self.loss} = {describe(self.gradients[self.loss.name])}"
        return "\n".join(["forward", *map(show, self.forward), start, *map(show, self.backward)])
