"""`plot`: topics over time, and the chain with its present values."""

from __future__ import annotations

import numpy as np
import pytest

from ag06d.wire import pack_arrays

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def publishing(daemon, meters):
    entries, buffers = pack_arrays(np.array([-1.5, -2.5], dtype=np.float32))

    def publish(daemon) -> None:
        daemon.bus.publish("stream", "meters", meters)
        daemon.bus.publish("stream", "x.vector", {"arrays": entries}, buffers)

    daemon.repeat(publish)
    return daemon


@pytest.mark.usefixtures("publishing")
def test_a_topic_is_drawn_with_its_fields_and_units(ctl, ctl_json):
    text = ctl("plot", "meters", "--seconds", "0.5").stdout
    for part in ("wet.short_term_lufs", "(LUFS)", "reduction_db.a.comp", "(dB)", "(s)"):
        assert part in text, part
    assert ctl_json("plot", "x.vector", "--seconds", "0.3")["fields"] == {
        "left.level": "dB",
        "right.level": "dB",
    }
    only = ctl_json("plot", "meters", "--seconds", "0.3", "--fields", "dry.peak_db,wet.lra_lu")
    assert only["fields"] == {"dry.peak_db.0": "dB", "dry.peak_db.1": "dB", "wet.lra_lu": "LU"}


@pytest.mark.usefixtures("publishing")
def test_a_picture_is_written(ctl, tmp_path):
    path = tmp_path / "figure.png"
    assert ctl("plot", "meters", "--seconds", "0.3", "-o", str(path)).stdout == f"{path}\n"
    assert path.read_bytes().startswith(PNG)
    path.unlink()
    ctl("set", "chain.a.comp.enabled=true")
    assert ctl("plot", "chain.a.comp", "-o", str(path)).exit_code == 0
    assert path.read_bytes().startswith(PNG)


@pytest.mark.usefixtures("daemon")
def test_a_stage_is_drawn_alone_with_its_present_values(ctl):
    ctl("set", "chain.a.eq.low.enabled=true", "chain.a.eq.low.gain_db=12", "chain.a.highpass.enabled=true")
    text = ctl("plot", "chain.a.eq").stdout
    assert "\nlow shelf\n" in text
    assert "        12 |" in text
    assert "Level out" not in text
    ctl("set", "chain.b.comp.enabled=true", "chain.b.trim.gain_db=24")
    text = ctl("plot", "chain.b.comp").stdout
    assert "Turned down by comp\n" in text
    assert "High-pass" not in text
    whole = ctl("plot", "chain.a").stdout
    assert "High-pass and EQ" in whole
    assert "Level out for level in" in whole


@pytest.mark.usefixtures("publishing")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chain.a.comp"], "comp is off"),
        (["chain.a.trim"], "trim has no curve; those that have are highpass, gate, eq"),
        (["chain.c"], "there is no 'chain.c'"),
        (["chain"], "plot chain.a or chain.b"),
        (["metres"], "did you mean meters?"),
        (["preset", "--seconds", "0.2"], "nothing was published on preset in 0.2 s"),
        (["meters", "--seconds", "0.2", "--fields", "wet.luf"], "meters has no field wet.luf"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_drawn_says_why(ctl, arguments, said):
    result = ctl("plot", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
