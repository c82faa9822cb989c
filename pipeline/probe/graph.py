"""What everything passes through: bottlenecks, from autograd's graph of one forward pass.

Detaching an output cuts the graph there. The logits no longer depend on the input if every path
between them goes through the output's node, that is, if as many paths go through it as there are.
Paths are counted once for the whole graph, from both of its ends.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import Tensor
    from torch.autograd.graph import Node

Name = TypeVar("Name", bound=Hashable)


def bottlenecks(x: Tensor, logits: Tensor, outputs: Mapping[Name, Node]) -> set[Name]:
    """Names of the outputs without which the logits would not depend on the input.

    Parameters
    ----------
    x, logits
        Where the graph of a pass begins and ends.
    outputs
        Name → the node of an output.
    """
    if logits.grad_fn is None:
        return set()
    order = _order(logits.grad_fn)
    before = {node: _before(node) for node in order}
    # The numbers grow as 2 to the depth; Python's are exact at any size.
    down: dict[Node, int] = dict.fromkeys(order, 0)
    down[logits.grad_fn] = 1
    for node in order:
        for each in before[node]:
            down[each] += down[node]
    up: dict[Node, int] = {}
    for node in reversed(order):
        is_input = getattr(node, "variable", None) is x
        up[node] = 1 if is_input else sum(up[each] for each in before[node])
    paths = up[logits.grad_fn]
    if paths == 0:
        return set()
    return {name for name, node in outputs.items() if node in up and up[node] * down[node] == paths}


def _before(node: Node) -> Sequence[Node]:
    return [each for each, _ in node.next_functions if each is not None]


def _order(last: Node) -> list[Node]:
    """All that a node depends on, each node before those that it depends on."""
    found: list[Node] = []
    seen: set[Node] = {last}
    open_nodes: list[tuple[Node, Iterable[Node]]] = [(last, iter(_before(last)))]
    while open_nodes:
        node, rest = open_nodes[-1]
        following = next(iter(rest), None)
        if following is None:
            found.append(node)
            open_nodes.pop()
        elif following not in seen:
            seen.add(following)
            open_nodes.append((following, iter(_before(following))))
    return found[::-1]
