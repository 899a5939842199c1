from __future__ import annotations

import numpy as np
import pytest

from ag06_plugins.anomaly.statistics.statefile import load_state, save_state

STATE = {"a/b": np.arange(12, dtype=np.float32).reshape(3, 4), "names": np.array(["x", "yy"])}


def test_arrays_come_back_as_they_were(tmp_path):
    save_state(tmp_path / "state", STATE)
    found = load_state(tmp_path / "state")
    assert found.keys() == STATE.keys()
    assert all((found[name] == STATE[name]).all() for name in STATE)


def test_any_flipped_bit_and_any_cut_is_refused_and_the_file_named(tmp_path):
    path = tmp_path / "state"
    save_state(path, STATE)
    content = path.read_bytes()
    generator = np.random.default_rng(0)
    for at in generator.integers(0, len(content), 200):
        flipped = bytearray(content)
        flipped[at] ^= 1 << generator.integers(8)
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match=str(path)):
            load_state(path)
        path.write_bytes(content[:at])
        with pytest.raises(ValueError, match=str(path)):
            load_state(path)


def test_objects_are_neither_saved_nor_loaded(tmp_path):
    with pytest.raises(ValueError, match="would be pickled"):
        save_state(tmp_path / "state", {"a": np.array([{}], dtype=object)})
    assert list(tmp_path.iterdir()) == []
