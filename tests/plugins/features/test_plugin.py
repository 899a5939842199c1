from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ag06_plugins import features
from ag06_plugins.features.topics import BASIC_TOPIC, DRY_TOPIC, OCTAVES_TOPIC, WET_TOPIC
from ag06d.features import Extractor, elements
from ag06d.plugin import Reduction

TOPICS = {topic.name: topic for topic in (BASIC_TOPIC, DRY_TOPIC, WET_TOPIC, OCTAVES_TOPIC)}


@pytest.fixture
def published(ag06_load, ag06_context):
    """Topic to the vectors published, of shape (messages, fields), once frames went through."""

    def published(frames, **config) -> dict[str, np.ndarray]:
        ag06_context.published.clear()
        (processor,) = ag06_load(features, **config).processors
        for frame in frames:
            processor.process(frame)
        return {
            name: np.array([m.arrays[0] for m in ag06_context.published if m.topic == name])
            for name in TOPICS
        }

    return published


def named(vectors: dict[str, np.ndarray], topic: str, at: int = -1) -> dict[str, float]:
    return dict(zip(TOPICS[topic].fields, vectors[topic][at].tolist(), strict=True))


def test_one_named_float32_vector_is_published_on_each_topic_at_every_hop(
    published, ag06_context, ag06_frames
):
    vectors = published(ag06_frames.tone(1000, seconds=0.5))
    assert {name: len(rows) for name, rows in vectors.items()} == {
        "feature.dry": 50,
        "feature.wet": 50,
        "feature.basic": 50,
        "feature.octaves": 10,
    }
    for message in (m for m in ag06_context.published if m.topic in TOPICS):
        topic = TOPICS[message.topic]
        (vector,) = message.arrays
        assert message.body == {"version": topic.version}
        assert (vector.dtype, vector.shape) == (np.float32, (len(topic.fields),))


def test_fields_are_those_of_the_extractor_with_their_units():
    dry, wet = TOPICS["feature.dry"], TOPICS["feature.wet"]
    assert list(zip(dry.fields, dry.units, strict=True)) == [(n, feature.unit) for n, feature in elements()]
    assert dry.fields == Extractor(48000).fields == wet.fields[: len(dry.fields)]
    for topic in TOPICS.values():
        assert len(set(topic.fields)) == len(topic.fields) == len(topic.units)


def test_the_vectors_are_the_extractors(published, ag06_frames):
    frames = [dataclasses.replace(f, wet=f.dry / 2) for f in ag06_frames.noise(seconds=0.2)]
    vectors = published(frames)
    for topic, sounds in (("feature.dry", [f.dry for f in frames]), ("feature.wet", [f.wet for f in frames])):
        rows = Extractor(48000).extract(np.concatenate(sounds))
        np.testing.assert_array_equal(vectors[topic][:, : rows.shape[1]], rows)


def test_the_reduction_of_the_hop_stands_behind_the_wet_features(published, ag06_frames):
    frames = list(ag06_frames.noise(seconds=0.05))
    frames[-1] = dataclasses.replace(frames[-1], reduction_db=Reduction(1.0, 2.0, 3.0, 4.0))
    wet = named(published(frames), "feature.wet")
    reductions = {name: value for name, value in wet.items() if name.endswith("_reduction_db")}
    assert reductions == {
        "gate_reduction_db": 1,
        "deess_reduction_db": 2,
        "comp_reduction_db": 3,
        "limiter_reduction_db": 4,
    }


def test_at_a_glance_the_dry_sound_is_told_in_magnitudes(published, ag06_frames):
    frames = [dataclasses.replace(f, wet=np.zeros_like(f.wet)) for f in ag06_frames.tone(1000, seconds=0.5)]
    basic = named(published(frames), "feature.basic")
    for channel in ("left", "right"):
        assert basic[f"{channel}.spectral_centroid"] == pytest.approx(1000, rel=0.03)
        assert basic[f"{channel}.peak"] == pytest.approx(0.5, rel=1e-3)
        assert basic[f"{channel}.rms"] == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)
        assert basic[f"{channel}.zero_crossing_rate"] == pytest.approx(2000, rel=0.06)


def test_a_tone_stands_in_the_octave_it_is_in_at_its_rms(published, ag06_frames):
    frames = [dataclasses.replace(f, wet=f.dry / 10) for f in ag06_frames.tone(1000, seconds=0.5, peak=0.5)]
    levels = named(published(frames), "feature.octaves")
    assert levels["dry.left.1000_hz"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.02)
    assert levels["wet.right.1000_hz"] == pytest.approx(levels["dry.left.1000_hz"] - 20, abs=0.02)
    others = [level for field, level in levels.items() if ".1000_hz" not in field]
    assert max(others) < levels["dry.left.1000_hz"] - 50


@pytest.mark.parametrize("loss", [{"lost": 480}, {"gap_frames": 12}])
def test_after_a_loss_the_past_does_not_count(published, ag06_frames, loss):
    frames = list(ag06_frames.noise(seconds=0.4))
    frames[20] = dataclasses.replace(frames[20], **loss)
    after = published(frames)
    fresh = published(frames[20:])
    for topic in ("feature.dry", "feature.wet", "feature.basic"):
        np.testing.assert_array_equal(after[topic][20:], fresh[topic])


def test_the_share_of_the_rolloff_is_a_setting(published, ag06_frames):
    frames = list(ag06_frames.noise(seconds=0.5))
    index = TOPICS["feature.basic"].fields.index("left.spectral_rolloff")
    means = [published(frames, rolloff=share)["feature.basic"][10:, index].mean() for share in (0.25, 0.75)]
    assert means == pytest.approx([6000, 18000], rel=0.05)
