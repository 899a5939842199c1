"""What the keys of the live view do to the daemon."""

from __future__ import annotations

import pytest

from ag06d.cli.top.keys import KEY, NAMES, Keys


@pytest.fixture
def press(client, picture):
    """Press keys; gives them back."""
    keys = Keys(client, picture)

    def press(*pressed: str) -> Keys:
        for key in pressed:
            keys.press(key)
        return keys

    return press


@pytest.mark.parametrize(
    ("pressed", "path", "value"),
    [
        ("m", "audio.mute", True),
        ("mm", "audio.mute", False),
        ("b", "audio.bypass", True),
        ("s", "audio.slot", "b"),
        ("sa", "audio.slot", "a"),
        ("--", "chain.a.level.gain_db", -2.0),
        ("--+", "chain.a.level.gain_db", -1.0),
        ("s-", "chain.b.level.gain_db", -1.0),
        ("-u", "chain.a.level.gain_db", 0.0),
        ("-ur", "chain.a.level.gain_db", -1.0),
    ],
)
def test_a_key_sets_what_it_says(press, client, pressed, path, value):
    press(*pressed)
    assert client.get(path) == {path: value}


def test_a_preset_is_picked_for_the_slot_that_is_heard(press, client, picture):
    keys = press("s", "p")
    names = [name for name, _ in keys.menu.presets]
    at = keys.menu.chosen
    press("down", "down", "up", "\n")
    assert client.status()["preset"] == {"a": "", "b": names[at + 1]}
    assert not keys.menu.shown
    assert picture.status["preset"]["b"] == names[at + 1], "it is in sight at once"


def test_leaving_the_menu_changes_nothing(press, client):
    assert not press("p", "down", "escape").menu.shown
    assert not press("p", "q").quit
    assert client.status()["preset"] == {"a": "", "b": ""}


def test_any_key_leaves_the_help_and_does_nothing_else(press, client):
    assert press("?").menu.shown
    assert not press("m").menu.shown
    assert client.get("audio.mute") == {"audio.mute": False}


def test_what_the_daemon_refuses_is_shown_and_does_no_harm(press, picture):
    press("+")
    assert "out of range" in picture.notice
    press("u")
    assert "undo" in picture.notice


def test_the_meters_begin_afresh(press, daemon):
    press("z")
    assert daemon.daemon.asked[-2:] == ["meters.reset", "status"]


def test_q_quits(press):
    assert press("q").quit


def test_keys_are_told_apart_however_they_arrive():
    typed = "m\x1b[A\x1b[B\x1bOA\x1b[5~p\x1b"
    assert [NAMES.get(key, key) for key in KEY.findall(typed)] == [
        "m",
        "up",
        "down",
        "up",
        "\x1b[5~",
        "p",
        "escape",
    ]
