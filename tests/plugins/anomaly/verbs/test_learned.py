"""What `ag06ctl anomaly status` says of what was learned."""

from __future__ import annotations

import pytest

from ag06_plugins.anomaly.verbs.alerts import learned

SPEECH = {"context": "", "heard": "speech", "seconds": 7200, "warm": True}
MUSIC = {"context": "podcast", "heard": "music", "seconds": 120, "warm": False}
FOREST = {
    "rows": 5400,
    "refits": 3,
    "refused": 0,
    "running": False,
    "trouble": "",
    "asked": True,
    "trees": 100,
}


def status(**changed):
    return {"contexts": [SPEECH, MUSIC], "warm_up_s": 600.0, "trouble": "", "forest": FOREST} | changed


def test_each_kind_of_sound_is_told_with_how_long_it_still_warms_up_and_the_forest_in_a_line():
    kinds, forest = learned(status())
    assert kinds == "learned   speech 2 h, music under podcast 2 min (warming up, 8 min to go)"
    assert forest == "forest    of 100 trees is asked, grown 3 times, 90 min to grow it on"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"contexts": []}, "nothing yet"),
        ({"trouble": "it is damaged"}, "TROUBLE: it is damaged"),
        ({"forest": FOREST | {"trouble": "its process ended"}}, "TROUBLE: its process ended"),
        ({"forest": FOREST | {"asked": False, "running": True}}, "none yet, growing"),
    ],
)
def test_what_is_not_there_and_what_is_wrong_is_said(changed, words):
    assert words in "\n".join(learned(status(**changed)))


def test_of_a_replay_nothing_is_said_of_a_forest():
    assert len(list(learned(status(forest=None)))) == 1
