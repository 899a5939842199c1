from __future__ import annotations

import pytest
from ag06d._native import ffi, lib
from hypothesis import given
from hypothesis import strategies as st

from ag06d.arena import CHAIN, chain_defaults
from ag06d.arena.parameters import to_settings

KINDS = {"double": ("float",), "int32_t": ("bool", "int"), "int": ("bool", "int")}


def leaves(ctype, at: str = ""):
    """Path and C type of every leaf of a struct."""
    for name, field in ctype.fields:
        path = f"{at}.{name}" if at else name
        if field.type.kind == "struct":
            yield from leaves(field.type, path)
        else:
            yield path, field.type.cname


def value_of(settings, path: str):
    for part in path.split("."):
        settings = getattr(settings, part)
    return settings


def test_every_leaf_of_the_struct_has_a_parameter_of_its_kind_and_every_parameter_a_leaf():
    struct = dict(leaves(ffi.typeof("ag06_chain_settings")))
    table = {parameter.path: parameter.kind for parameter in CHAIN}
    assert struct.keys() == table.keys()
    assert len(table) == len(CHAIN)
    for path, ctype in struct.items():
        assert table[path] in KINDS[ctype], path


@pytest.mark.parametrize("parameter", CHAIN, ids=lambda parameter: parameter.path)
def test_a_parameter_has_a_doc_and_a_default_within_its_range(parameter):
    assert parameter.doc
    if parameter.choices:
        assert parameter.default in parameter.choices
    elif parameter.kind != "bool":
        assert parameter.low <= parameter.default <= parameter.high
    if parameter.kind != "bool":
        assert parameter.path.endswith(("_db", "_hz", "_ms", ".ratio", ".q"))
    assert parameter.unit or parameter.kind == "bool" or parameter.path.endswith(".q")
    assert parameter.allowed()


@given(data=st.data())
def test_values_reach_the_struct_and_what_is_left_out_is_neutral(data):
    some = data.draw(st.lists(st.sampled_from(CHAIN), unique_by=lambda parameter: parameter.path))
    values = {}
    for parameter in some:
        if parameter.choices:
            values[parameter.path] = data.draw(st.sampled_from(parameter.choices))
        elif parameter.kind == "bool":
            values[parameter.path] = data.draw(st.booleans())
        else:
            values[parameter.path] = data.draw(st.floats(parameter.low, parameter.high))
    settings, neutral = to_settings(values), ffi.new("ag06_chain_settings *")
    lib.ag06_chain_neutral(neutral)
    for parameter in CHAIN:
        expected = values.get(parameter.path, value_of(neutral, parameter.path))
        assert value_of(settings, parameter.path) == expected


def test_a_path_that_the_struct_does_not_have_is_an_error():
    with pytest.raises(AttributeError):
        to_settings({"comp.nonsense": 1.0})


@pytest.mark.parametrize("rate", [44100, 48000, 192000])
def test_the_defaults_differ_from_neutral_only_by_the_limiter(rate):
    def design(values):
        block = ffi.new("ag06_chain_block *")
        lib.ag06_chain_design(to_settings(values), rate, block)
        return bytes(ffi.buffer(block))

    assert design(chain_defaults() | {"limiter.enabled": False}) == design({})
    assert design(chain_defaults()) != design({})
