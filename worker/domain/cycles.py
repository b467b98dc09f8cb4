"""Who waits for whom in a ring?"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, TypeVar

Node = TypeVar("Node")


def find_cycles(edges: Mapping[Node, Sequence[Node]]) -> list[list[Node]]:
    """Find rings of nodes, each without its first node once more at the end; a node with an edge to itself is one.

    Of nodes that reach one another there may be many rings; one of the shortest through the first of them is given.
    Nodes that are not among the keys have no edges. The work grows with the number of edges.
    """
    order = {node: number for number, node in enumerate(edges)}
    found = []
    for component in _components(edges):
        first = min(component, key=order.__getitem__)
        if len(component) > 1 or first in edges[first]:
            found.append(_ring(first, component, edges))
    return sorted(found, key=lambda ring: order[ring[0]])


def _ring(first: Node, component: set[Node], edges: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """Go from a node back to itself by the shortest way, which exists within a component."""
    before: dict[Node, Node] = {}
    waiting = deque([first])
    while first not in before:
        node = waiting.popleft()
        for following in edges[node]:
            if following in component and following not in before:
                before[following] = node
                waiting.append(following)
    ring = [before[first]]
    while ring[-1] != first:
        ring.append(before[ring[-1]])
    return ring[::-1]


def _components(edges: Mapping[Node, Sequence[Node]]) -> Iterator[set[Node]]:
    """Give the strongly connected components, by Tarjan's algorithm."""
    search = _Search(edges)
    for node in edges:
        if node not in search.number:
            yield from search.reach(node)


class _Search(Generic[Node]):
    """A walk in depth with a stack of its own in place of recursion: a chain may be longer than Python's stack."""

    def __init__(self, edges: Mapping[Node, Sequence[Node]]) -> None:
        self.number: dict[Node, int] = {}
        self._edges = edges
        self._lowest: dict[Node, int] = {}
        self._path: list[Node] = []
        self._placed: set[Node] = set()
        self._work: list[tuple[Node, Iterator[Node]]] = []

    def reach(self, root: Node) -> Iterator[set[Node]]:
        """Give the components that can be reached from a node, those farthest away first."""
        self._enter(root)
        while self._work:
            node, rest = self._work[-1]
            following = next((one for one in rest if one in self._edges and one not in self._placed), None)
            if following is None:
                yield from self._leave()
            elif following in self.number:
                self._lowest[node] = min(self._lowest[node], self.number[following])
            else:
                self._enter(following)

    def _enter(self, node: Node) -> None:
        self.number[node] = self._lowest[node] = len(self.number)
        self._path.append(node)
        self._work.append((node, iter(self._edges[node])))

    def _leave(self) -> Iterator[set[Node]]:
        node, _ = self._work.pop()
        if self._work:
            before, _ = self._work[-1]
            self._lowest[before] = min(self._lowest[before], self._lowest[node])
        if self._lowest[node] == self.number[node]:
            component: set[Node] = set()
            while node not in component:
                component.add(self._path.pop())
            self._placed |= component
            yield component
