"""`ag06ctl features extract | backfill`: what the daemon would have made of a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import soundfile

from ag06_plugins import features
from ag06_plugins.features.store.offline import Offline
from ag06_plugins.features.verbs.extraction import extractable
from ag06_plugins.features.verbs.here import registry_of
from ag06d.features import Extractor

AT_NS = 1_790_000_000 * 10**9
AT = "2026-09-21T14:13:20Z"


def matrix(table, names) -> np.ndarray:
    return np.stack([table[name].to_numpy() for name in names], axis=1)


def opened(folder) -> Offline:
    return Offline(folder, registry_of(folder))


def read(folder, view: str, entity: str = "dry"):
    return opened(folder).read(view, entity=entity)


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000, 192_000])
def test_a_file_has_the_numbers_of_the_extractor_bit_for_bit_at_any_rate(
    ctl, recorded, sound, tmp_path, rate
):
    output = tmp_path / "features.parquet"
    told = ctl("extract", recorded(sound, rate), "-o", output)
    assert told.exit_code == 0, told.output
    extractor = Extractor(rate)
    rows, table = extractor.extract(sound), pq.read_table(output)
    assert table.column_names == [
        "time_s",
        *(name for want in extractable().values() if not want.window_s for name in want.view.columns),
    ]
    np.testing.assert_array_equal(matrix(table, extractor.fields), rows)
    ends_s = np.arange(1, len(rows) + 1) * extractor.hop / rate
    np.testing.assert_array_equal(table["time_s"].to_numpy(), ends_s)


def test_mono_has_the_numbers_of_the_same_sound_on_both_channels(ctl, recorded, sound, tmp_path):
    for at, mono in enumerate((sound[:, 1], np.zeros(48_000, dtype=np.float32))):
        output = tmp_path / f"mono{at}.parquet"
        assert ctl("extract", recorded(mono), "-o", output).exit_code == 0
        extractor = Extractor(48_000)
        rows = extractor.extract(np.repeat(mono[:, None], 2, axis=1))
        np.testing.assert_array_equal(matrix(pq.read_table(output), extractor.fields), rows)


def test_mono_is_taken_for_both_channels_and_others_are_named(ctl, recorded, sound, tmp_path):
    four = np.concatenate([sound * 0.5, sound], axis=1)
    files = {
        "mono": (recorded(sound[:, 1], name="mono.wav"), ()),
        "named": (recorded(four, name="four.wav"), ("--channels", "4")),
        "pair": (recorded(four, name="four.wav"), ("--channels", "3,4")),
        "stereo": (recorded(sound, name="stereo.wav"), ()),
    }
    found = {}
    for name, (path, words) in files.items():
        assert ctl("extract", path, "-o", tmp_path / "f.parquet", "--view", "level", *words).exit_code == 0
        found[name] = pq.read_table(tmp_path / "f.parquet")
    assert found["mono"].equals(found["named"])
    assert found["mono"]["left.rms_db"].equals(found["mono"]["right.rms_db"])
    assert found["pair"].equals(found["stereo"])
    assert not found["mono"].equals(found["stereo"])
    refused = ctl("extract", files["pair"][0], "-o", tmp_path / "f.parquet", "--channels", "5")
    assert (refused.exit_code, "four.wav has 4 channels" in refused.stderr) == (1, True)


def test_a_rate_that_the_extractor_does_not_take_is_brought_to_48_khz(ctl_json, recorded, sound, tmp_path):
    path = recorded(sound[:24_000], 4000)
    told = ctl_json("extract", path, "-o", tmp_path / "f.parquet", "--view", "level")
    assert (told["file_rate"], told["rate"], told["seconds"]) == (4000, 48_000, 6)
    assert abs(told["files"][0]["rows"] - 600) <= 1


def test_the_file_is_what_its_name_says_and_the_same_in_every_form(ctl, recorded, sound, tmp_path):
    path, tables = recorded(sound), {}
    for suffix, reader in (
        ("parquet", pq.read_table),
        ("feather", pyarrow.feather.read_table),
        ("csv", pyarrow.csv.read_csv),
    ):
        told = ctl("extract", path, "-o", tmp_path / f"f.{suffix}", "--view", "meter", "--view", "level_1s")
        assert told.exit_code == 0, told.output
        tables[suffix] = reader(tmp_path / f"f.{suffix}")
        assert reader(tmp_path / f"f.1s.{suffix}")["time_s"].to_pylist() == [1, 2, 3, 4, 5, 6]
    assert tables["parquet"].equals(tables["feather"])
    names = tables["csv"].column_names
    np.testing.assert_allclose(matrix(tables["csv"], names), matrix(tables["parquet"], names), rtol=1e-6)
    refused = ctl("extract", path, "-o", tmp_path / "f.xls")
    assert (refused.exit_code, ".parquet" in refused.stderr) == (2, True)


def test_a_file_that_cannot_be_made_leaves_what_was_there(ctl, recorded, sound, tmp_path):
    output = tmp_path / "f.parquet"
    output.write_text("mine")
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF, but no more")
    cut = tmp_path / "cut.flac"
    soundfile.write(cut, np.tile(sound, (4, 1)), 48_000)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    for path, why in (
        (broken, "cannot be read as a recording"),
        (tmp_path / "absent.wav", "absent.wav"),
        (cut, "cannot be read to its end"),
    ):
        refused = ctl("extract", path, "-o", output)
        assert (refused.exit_code, why in refused.stderr) == (1, True)
    for view, why in (("reduction", "of the chain"), ("levl", "no view 'levl'")):
        refused = ctl("extract", recorded(sound), "-o", output, "--view", view)
        assert (refused.exit_code, why in refused.stderr) == (1, True)
    assert output.read_text() == "mine"
    assert list(tmp_path.glob("*.tmp")) == []


@pytest.fixture
def heard(ag06_load, ag06_frames, ag06_context):
    """Has the plugin hear a sound: when it began (nanoseconds since the epoch), and the store's folder."""

    def heard(sound: np.ndarray) -> tuple[int, Path]:
        plugin = ag06_load(features)
        began_ns = round(ag06_context.clock.wall_s() * 1e9)
        for frame in ag06_frames.of(sound):
            ag06_context.clock.advance(0.01)
            frame.mono_ns = ag06_context.clock.monotonic_ns()
            plugin.feed([frame])
        plugin.processors[0].close()
        return began_ns, ag06_context.data_folder / "store"

    return heard


def test_backfilled_rows_are_those_that_the_daemon_keeps_of_the_same_sound(
    ctl, recorded, sound, tmp_path, heard
):
    began_ns, live = heard(sound)
    backfilled = ctl("backfill", recorded(sound), "--at", began_ns, "--store", tmp_path / "store")
    assert backfilled.exit_code == 0, backfilled.output
    stores = opened(tmp_path / "store"), opened(live)
    for want in extractable().values():
        ours, theirs = (store.read(want.view.key, entity="dry") for store in stores)
        assert len(ours), want.view.key
        np.testing.assert_array_equal(ours.values, theirs.values, want.view.key)
        assert np.abs(ours.times_ns - theirs.times_ns).max() < 10**6, want.view.key


def test_the_same_recording_again_takes_its_own_place(ctl, ctl_json, recorded, sound, tmp_path):
    words = ("--at", AT, "--store", tmp_path / "store", "--view", "level", "--stream", "wet")
    path = recorded(sound)
    assert ctl_json("backfill", path, *words)["rows"] == {"level@1": 600}
    before = read(tmp_path / "store", "level", "wet")
    recorded(sound * 0.5)
    assert ctl("backfill", path, *words).exit_code == 0
    after = read(tmp_path / "store", "level", "wet")
    np.testing.assert_array_equal(after.times_ns, AT_NS + np.arange(1, 601) * 10**7)
    np.testing.assert_allclose(after.values[:, 0], before.values[:, 0] - 6.02, atol=0.11)
    assert len(read(tmp_path / "store", "level", "dry")) == 0


def test_nothing_is_kept_of_the_future_and_short_keeping_is_told(ctl, recorded, sound, tmp_path):
    words = ("backfill", recorded(sound), "--store", tmp_path / "store", "--view", "level")
    refused = ctl(*words, "--at", "now")
    assert (refused.exit_code, "would end in the future" in refused.stderr) == (1, True)
    assert "are removed when the daemon next cleans up" in ctl(*words, "--at", "-3d").stderr
    assert "removed" not in ctl(*words, "--at", "-3h").stderr
