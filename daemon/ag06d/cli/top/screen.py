"""The whole live view as lines that fit the terminal, whatever its size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from ag06d.cli.top import parts
from ag06d.cli.top.keys import HELP, Menu
from ag06d.cli.top.picture import Picture

TWO_COLUMNS = 150  # from so many cells on, accounts and events stand beside the levels
SPECTRUM_ROWS: Final = (5, 14)  # at least, at most
EVENTS_ROWS = 2  # at least
KEYS = "q quit  ? help  m mute  b bypass  a s slot  p preset  u undo  r redo  + - gain"


def title(name: str, width: int) -> Text:
    """A rule with a name."""
    return Text(f"── {name} ".ljust(width, "─"), "dim cyan")


def fitted(lines: Sequence[Text], width: int, height: int) -> list[Text]:
    """Exactly `height` lines of exactly `width` cells."""
    fitting = [line.copy() for line in lines[:height]]
    fitting += [Text() for _ in range(height - len(fitting))]
    for line in fitting:
        line.truncate(width, overflow="crop", pad=True)
        line.no_wrap = True
    return fitting


def draw(picture: Picture, menu: Menu, width: int, height: int) -> Text:
    """All of it: `height` lines of `width` cells."""
    body = height - 3
    if menu.shown:
        content = overlay(menu, width, body)
    elif width >= TWO_COLUMNS:
        content = beside(picture, width, body)
    else:
        content = below(picture, width, body)
    notice = picture.notice
    footer = Text(notice, "bold yellow") if notice else Text(KEYS, "dim")
    lines = [*parts.header(picture), *content, footer]
    return Text("\n").join(fitted(lines, width, height))


def sounding(picture: Picture, width: int, height: int) -> list[Text]:
    """Levels, and under them a spectrum as high as there is room."""
    lines = [title("levels, dBFS", width), *parts.levels(picture, width)]
    rows = min(height - len(lines) - 1, SPECTRUM_ROWS[1])
    if rows >= SPECTRUM_ROWS[0]:
        lines += [
            title("spectrum in octaves, dry and wet, dBFS", width),
            *parts.spectrum(picture, width, rows),
        ]
    return lines


def happening(picture: Picture, width: int, height: int) -> list[Text]:
    """Accounts, features where there is room, and events in what is left."""
    accounts = [title("sound, hosts, plugins", width), *parts.accounts(picture)]
    accounts = accounts[: max(2, height - 1 - EVENTS_ROWS)]
    features = [title("features of dry, left", width), *parts.features(picture)]
    if len(accounts) + len(features) + 1 + 3 * EVENTS_ROWS <= height:
        accounts += features
    left = height - len(accounts) - 1
    return [*accounts, title("events", width), *parts.events(picture, left)]


def below(picture: Picture, width: int, height: int) -> list[Text]:
    """One column."""
    accounts = len(parts.accounts(picture)) + 2 + EVENTS_ROWS
    upper = sounding(picture, width, max(height - accounts, 9 + SPECTRUM_ROWS[0]))
    return fitted([*upper, *happening(picture, width, height - len(upper))], width, height)


def beside(picture: Picture, width: int, height: int) -> list[Text]:
    """Two columns."""
    right = width * 2 // 5
    left = width - right - 2
    columns = (fitted(sounding(picture, left, height), left, height), happening(picture, right, height))
    return [
        Text.assemble(one, "  ", other)
        for one, other in zip(columns[0], fitted(columns[1], right, height), strict=True)
    ]


def overlay(menu: Menu, width: int, height: int) -> list[Text]:
    """The help, or the presets to choose from, with the chosen one in sight."""
    if not menu.presets:
        lines = [Text.assemble((f"  {keys:<8}", "bold"), meaning) for keys, meaning in HELP]
        return fitted([title("keys", width), *lines], width, height)
    first = max(0, menu.chosen - height + 3)
    lines = [
        Text(f" {'>' if at == menu.chosen else ' '} {name:<18} {doc}", "reverse" if at == menu.chosen else "")
        for at, (name, doc) in enumerate(menu.presets)
    ]
    heading = title("preset: up, down, Enter; Esc leaves", width)
    return fitted([heading, *lines[first : first + height - 1]], width, height)
