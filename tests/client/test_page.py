"""docs/clients.md, held against the examples and the clients."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

from ag06d.client import (
    AsyncClient,
    AsyncDoor,
    AsyncFollower,
    AsyncState,
    Client,
    Door,
    Follower,
    State,
)

LINES_MAX = 25


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs" / "clients.md").read_text()


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_every_example_stands_on_the_page_as_it_is(page, root):
    examples = [*root.glob("docs/examples/*.py"), *root.glob("docs/examples/node/*.mjs")]
    assert len(examples) == 6
    shown = blocks(page, "python") + blocks(page, "js")
    for example in examples:
        assert example.read_text() in shown, example
        assert f"(examples/{example.relative_to(root / 'docs' / 'examples')})" in page


def test_every_example_in_python_is_short(root):
    for example in (root / "docs" / "examples").glob("*.py"):
        text = example.read_text()
        code = text.removeprefix(f'"""{ast.get_docstring(ast.parse(text), clean=False)}"""')
        assert len([line for line in code.splitlines() if line]) <= LINES_MAX, example


def test_what_the_page_calls_is_there(page):
    there = {name for kind in (Client, Follower, State) for name, _ in inspect.getmembers(kind)}
    called = {
        name
        for block in blocks(page, "python")
        for name in re.findall(r"\b(?:ag06|state|messages)\.(\w+)\(", block)
    }
    assert called > {"follow", "call", "state", "wait_for"}
    assert called <= there


@pytest.mark.parametrize(
    ("blocking", "awaited"),
    [(Client, AsyncClient), (Door, AsyncDoor), (Follower, AsyncFollower), (State, AsyncState)],
)
def test_both_clients_have_the_same_surface(blocking, awaited):
    def surface(kind):
        return {
            name: [(p.name, p.kind, p.default) for p in inspect.signature(member).parameters.values()]
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert surface(blocking) == surface(awaited)
