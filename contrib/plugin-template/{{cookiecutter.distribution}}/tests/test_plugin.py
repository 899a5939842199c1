import numpy as np
import pytest
from pydantic import ValidationError

import {{ cookiecutter.module }} as plugin


def test_the_largest_peak_of_each_window_is_published(ag06_load, ag06_frames):
    loaded = ag06_load(plugin, window_s=0.5)
    loaded.feed(ag06_frames.tone(1000, seconds=1, peak=0.25))
    assert [message.topic for message in loaded.published] == [plugin.TOPIC] * 2
    assert [message.body["peak"] for message in loaded.published] == pytest.approx([0.25] * 2, rel=0.01)


def test_a_window_of_no_length_is_refused(ag06_load):
    with pytest.raises(ValidationError):
        ag06_load(plugin, window_s=0)


def test_it_runs_in_a_whole_daemon(ag06_replay):
    sound = np.repeat(np.float32([0.1, 0.2]), 48000)
    replayed = ag06_replay(sound, "{{ cookiecutter.plugin }}", preset="bypass")
    peaks = [message.body["peak"] for message in replayed.of(plugin.TOPIC)]
    assert peaks == pytest.approx([0.1, 0.2], rel=0.01)
    assert replayed.status["plugins"]["{{ cookiecutter.plugin }}"]["errors"] == 0
