"""Rings of nodes, and how many steps it takes to find them."""

from hypothesis import given
from hypothesis import strategies as st

from worker.domain.cycles import find_cycles


def test_rings() -> None:
    assert find_cycles({}) == []
    assert find_cycles({"a": ["b"], "b": ["c"]}) == []
    assert find_cycles({"a": ["a"]}) == [["a"]]
    assert find_cycles({"a": ["b"], "b": ["a"]}) == [["a", "b"]]
    assert find_cycles({"a": ["b"], "b": ["c"], "c": ["a"]}) == [["a", "b", "c"]]


def test_a_ring_is_told_without_what_leads_to_it_and_away() -> None:
    edges = {"x": ["a"], "a": ["b"], "b": ["y", "a"], "y": ["z"], "p": ["q"], "q": ["p"]}
    assert find_cycles(edges) == [["a", "b"], ["p", "q"]]


def test_of_rings_that_touch_the_shortest_is_told() -> None:
    assert find_cycles({"a": ["b"], "b": ["c", "a"], "c": ["a"]}) == [["a", "b"]]


def test_a_long_chain_is_no_matter() -> None:
    count = 50_000
    chain = {number: [number + 1] for number in range(count)}
    assert find_cycles(chain) == []
    assert len(find_cycles({**chain, count: [0]})[0]) == count + 1


@given(st.dictionaries(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=4)))
def test_what_is_found_is_a_ring_and_nothing_is_overlooked(edges: dict[int, list[int]]) -> None:
    rings = find_cycles(edges)
    for ring in rings:
        assert all(following in edges[node] for node, following in zip(ring, [*ring[1:], ring[0]], strict=True))
        assert len(set(ring)) == len(ring)
    reach = {node: set(following) for node, following in edges.items()}
    for _ in range(9):
        for found in reach.values():
            found |= {far for near in found & reach.keys() for far in reach[near]}
    in_rings = {node for node, found in reach.items() if node in found}
    assert bool(rings) == bool(in_rings)
    assert {node for ring in rings for node in ring} <= in_rings
