from __future__ import annotations

from multiprocessing.connection import Pipe

import numpy as np
import pytest

from ag06_plugins.workers.channel import Note, receive, send


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8])
def test_a_note_arrives_as_it_was_sent(dtype):
    here, there = Pipe()
    arrays = [np.arange(6, dtype=dtype).reshape(2, 3), np.zeros((0, 4), dtype)]
    send(here, Note({"id": 1, "body": {"entities": ["dry", "ü"]}}, arrays))
    found = receive(there)
    assert found.body == {"id": 1, "body": {"entities": ["dry", "ü"]}}
    for array, sent in zip(found.arrays, arrays, strict=True):
        np.testing.assert_array_equal(array, sent, strict=True)
    here.close()
    with pytest.raises(EOFError):
        receive(there)
    there.close()
