from __future__ import annotations

import os

import pytest

from ag06d.arena import CHAIN, chain_defaults
from ag06d.core.presets import PresetLibrary, parse_preset
from ag06d.errors import PresetError, RequestError
from ag06d.paths import FACTORY_PRESETS

FACTORY = sorted(path.stem for path in FACTORY_PRESETS.glob("*.toml"))
GOOD = 'schema = 1\ndescription = "mine"\n[chain.comp]\nratio = 9\n'


@pytest.fixture
def library(tmp_path):
    (tmp_path / "presets").mkdir()
    return PresetLibrary(tmp_path / "presets")


@pytest.fixture
def write(tmp_path, library):
    def write(text: str, name: str = "mine") -> PresetLibrary:
        (tmp_path / "presets" / f"{name}.toml").write_text(text)
        return library

    return write


@pytest.mark.parametrize("name", FACTORY)
def test_every_factory_preset_loads_with_a_value_for_every_parameter(library, name):
    preset = library.load(name)
    assert (preset.name, preset.origin) == (name, "factory")
    assert preset.description
    assert preset.tags
    assert {path: type(value) for path, value in preset.chain.items()} == {
        parameter.path: type(parameter.default) for parameter in CHAIN
    }


def test_the_library_lists_all_and_has_no_complaint(library):
    presets, problems = library.all()
    assert [preset.name for preset in presets] == library.names() == FACTORY
    assert problems == []


def test_a_library_without_a_users_folder_has_the_factory_presets(tmp_path):
    assert PresetLibrary(tmp_path / "absent").names() == FACTORY


def test_a_preset_names_only_what_it_sets(write):
    assert write(GOOD).load("mine").chain == chain_defaults() | {"comp.ratio": 9.0}


def test_a_chain_is_changed_when_any_value_is_not_the_presets(write, library):
    chain = library.load("voice").chain
    assert not library.changed("voice", chain)
    assert library.changed("voice", chain | {"comp.ratio": 9.5})
    assert not library.changed("voice", chain | {"comp.ratio": float(chain["comp.ratio"])})
    assert write("schema = 9", "broken").changed("broken", chain)
    assert library.changed("nonesuch", chain)


def test_the_users_preset_wins_over_the_factorys_of_that_name(write):
    library = write(GOOD, "voice")
    assert (library.load("voice").origin, library.load("voice").description) == ("user", "mine")
    assert library.names() == FACTORY


def test_every_error_of_a_file_is_told_at_once_with_the_file(write):
    library = write(
        "schema = 2\ncolour = 1\ntags = [1]\nauthor = 3\n"
        "[chain.comp]\nratio = 99\nthreshhold_db = -3\n[chain.eq.low]\ngain_db = 'much'\n"
        "[chain.eq.mid]\nq = 1\n"
    )
    with pytest.raises(PresetError) as caught:
        library.load("mine")
    message = str(caught.value)
    for part in (
        "mine.toml: ",
        "colour: there is no such key",
        "schema: 2; this version reads 1, so the preset was made by a newer ag06d",
        "description and author must be strings",
        "tags: must be a list of strings",
        "chain.comp.ratio: 99 is out of range (comp.ratio is from 1 to 20 :1)",
        "chain.comp.threshhold_db: no such parameter; did you mean comp.threshold_db?",
        "chain.eq.low.gain_db: 'much' is not a number",
        "chain.eq.mid.q: no such parameter",
    ):
        assert part in message


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("schema = ", id="not TOML"),
        pytest.param("", id="no schema"),
        pytest.param("schema = 1\nchain = 3", id="chain is no table"),
        pytest.param("schema = 1\n[chain.comp]\nratio = 1" + "0" * 400, id="no float holds it"),
        pytest.param("schema = 1\n[chain.comp]\nratio = 1" + "0" * 5000, id="too many digits"),
        pytest.param("schema = 1\nx = " + "[" * 5000, id="too deep"),
        pytest.param("schema = 1\n\udcff", id="not UTF-8"),
        pytest.param("schema = 1\n#" + "x" * 66_000, id="too long"),
        pytest.param('schema = 1\ndescription = "\\u001b[2J"', id="a description that acts on terminals"),
        pytest.param('schema = 1\nauthor = "\\u202eeno"', id="an author that runs backwards"),
        pytest.param('schema = 1\ntags = ["a\\nb"]', id="a tag of two lines"),
    ],
)
def test_a_broken_file_is_a_preset_error_and_a_problem_of_the_list(tmp_path, library, text):
    (tmp_path / "presets" / "mine.toml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(PresetError, match=r"mine\.toml"):
        library.load("mine")
    presets, problems = library.all()
    assert [preset.name for preset in presets] == FACTORY
    assert len(problems) == 1


@pytest.mark.parametrize(
    "name", ["../x", "..", "", "/etc/passwd", "a/b", "voice.toml", "Voice", "voice\n", "-x", "a\0b", "é"]
)
def test_a_name_that_is_no_name_reaches_no_file(tmp_path, library, name):
    (tmp_path / "x.toml").write_text(GOOD)
    with pytest.raises(RequestError, match="there is no preset") as caught:
        library.load(name)
    assert caught.value.code == "unknown_path"


def test_what_is_no_file_is_no_preset(tmp_path, library):
    (tmp_path / "presets" / "folder.toml").mkdir()
    (tmp_path / "presets" / "endless.toml").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "presets" / "pipe.toml")
    assert library.all()[1] == []
    assert library.names() == FACTORY


def test_words_of_any_language_are_a_description(write):
    words = "Stimme für Ärger\u00a0- صوت 👩\u200d🎤"
    assert write(f'schema = 1\ndescription = "{words}"').load("mine").description == words


def test_a_file_that_cannot_be_a_presets_name_is_told_of_in_plain_letters(tmp_path, library):
    (tmp_path / "presets" / "My Voice.toml").write_text(GOOD)
    (tmp_path / "presets" / os.fsdecode(b"caf\xe9.toml")).write_text(GOOD)
    _, problems = library.all()
    assert library.names() == FACTORY
    assert len(problems) == 2
    assert all(problem.isascii() and "only a-z" in problem for problem in problems)


def test_an_unknown_name_is_answered_with_the_nearest_or_with_all(library):
    with pytest.raises(RequestError, match="did you mean voice"):
        library.load("voise")
    with pytest.raises(RequestError, match="there are acoustic-guitar, boomy-voice"):
        library.load("zzz")


def test_a_schema_that_is_no_number_is_not_called_newer(write):
    for schema in ("0", "-1", "true", "1.0", "'2'"):
        with pytest.raises(PresetError, match=r"this version reads 1$"):
            write(f"schema = {schema}").load("mine")


def test_the_sixteen_presets_and_those_before_them_are_there():
    assert {
        *("podcast-female", "podcast-male", "condenser-mic", "dynamic-mic", "untreated-room"),
        *("acoustic-guitar", "electric-guitar", "synth", "stream-music", "interview", "whisper"),
        *("loud-room", "sibilant-voice", "boomy-voice", "thin-voice", "bypass"),
        *("flat", "voice", "voice-warm", "broadcast"),
    } == set(FACTORY)


def test_bypass_has_every_stage_off_and_flat_all_but_the_limiter(library):
    switches = [parameter.path for parameter in CHAIN if parameter.path.endswith(".enabled")]
    assert not any(library.load("bypass").chain[path] for path in switches)
    assert [path for path in switches if library.load("flat").chain[path]] == ["limiter.enabled"]


def test_a_file_too_deep_for_recursion_is_a_preset_error(write):
    with pytest.raises(PresetError, match=r"mine\.toml"):
        write(f"schema = 1\n[chain.{'a.' * 900}b]\nx = 1").load("mine")


def test_of_very_many_errors_the_first_are_told_and_how_many_more():
    text = "schema = 1\n" + "".join(f"key_{number:04} = 1\n" for number in range(3000))
    with pytest.raises(PresetError, match=r"key_0019: there is no such key in a preset; and 2980 more$"):
        parse_preset(text, "many", "user", "many.toml")


def test_whether_a_chain_is_as_its_preset_follows_the_file_and_reads_it_once(tmp_path, monkeypatch):
    library = PresetLibrary(tmp_path)
    factory = library.load("voice").chain
    assert not library.changed("voice", factory)
    with monkeypatch.context() as patch:
        patch.setattr(library, "load", None)
        assert not library.changed("voice", factory)
    own = tmp_path / "voice.toml"
    own.write_text("schema = 1")
    assert library.changed("voice", factory)
    assert not library.changed("voice", library.load("voice").chain)
    own.write_text("no preset")
    assert library.changed("voice", factory)
    own.unlink()
    assert not library.changed("voice", factory)
