from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ag06_plugins import features
from ag06_plugins.features.core import FEATURES, Extractor, FeatureConfig


@pytest.fixture
def processor(ag06_load):
    processor, _ = ag06_load(features).processors
    return processor


def vectors(context) -> np.ndarray:
    return np.array([message.arrays[0] for message in context.published])


def test_one_named_float32_vector_is_published_at_every_hop(processor, ag06_context, ag06_frames):
    topic, _ = features.ag06_topics()
    frames = list(ag06_frames.tone(1000, seconds=0.5))
    for frame in frames:
        processor.process(frame)
    assert len(ag06_context.published) == len(frames) == 50
    for message in ag06_context.published:
        (vector,) = message.arrays
        assert message.topic == topic.name
        assert message.body == {"version": topic.version}
        assert (vector.dtype, vector.shape) == (np.float32, (len(topic.fields),))
    last = dict(zip(topic.fields, vector.tolist(), strict=True))
    for channel in ("left", "right"):
        assert last[f"{channel}.spectral_centroid"] == pytest.approx(1000, rel=0.03)
        assert last[f"{channel}.peak"] == pytest.approx(0.5, rel=1e-3)
        assert last[f"{channel}.zero_crossing_rate"] == pytest.approx(2000, rel=0.06)


def test_fields_and_units_are_those_of_the_features_left_then_right():
    topic, _ = features.ag06_topics()
    assert len(set(topic.fields)) == len(topic.fields) == len(topic.units) == 2 * len(FEATURES)
    assert topic.fields[: len(FEATURES)] == tuple(f"left.{feature.name}" for feature in FEATURES)
    assert topic.fields[len(FEATURES) :] == tuple(f"right.{feature.name}" for feature in FEATURES)
    assert topic.units == 2 * tuple(feature.unit for feature in FEATURES)
    assert all(feature.doc for feature in FEATURES)


def test_the_vector_is_the_extractors(processor, ag06_context, ag06_frames):
    extractor = Extractor(ag06_context.rate, ag06_context.hop, FeatureConfig())
    frames = list(ag06_frames.noise(seconds=0.2))
    for frame in frames:
        processor.process(frame)
    expected = np.array([extractor.extract(frame.dry) for frame in frames]).astype(np.float32)
    np.testing.assert_array_equal(vectors(ag06_context), expected)


@pytest.mark.parametrize("loss", [{"lost": 480}, {"gap_frames": 12}])
def test_after_a_loss_the_past_does_not_count(processor, ag06_context, ag06_frames, loss):
    frames = list(ag06_frames.noise(seconds=0.4))
    frames[20] = dataclasses.replace(frames[20], **loss)
    for frame in frames:
        processor.process(frame)
    extractor = Extractor(ag06_context.rate, ag06_context.hop, FeatureConfig())
    expected = np.array([extractor.extract(frame.dry) for frame in frames[20:]]).astype(np.float32)
    np.testing.assert_array_equal(vectors(ag06_context)[20:], expected)


def test_the_wet_sound_does_not_count(processor, ag06_context, ag06_frames):
    frames = [dataclasses.replace(frame, wet=np.zeros_like(frame.wet)) for frame in ag06_frames.noise(0.1)]
    for frame in frames:
        processor.process(frame)
    assert vectors(ag06_context)[:, 0].min() > 0.05


def test_the_share_of_the_rolloff_is_a_setting(ag06_load, ag06_context, ag06_frames):
    topic, _ = features.ag06_topics()
    index = topic.fields.index("left.spectral_rolloff")
    frames = list(ag06_frames.noise(seconds=0.5))
    means = []
    for share in (0.25, 0.75):
        ag06_context.published.clear()
        processor, _ = ag06_load(features, rolloff=share).processors
        for frame in frames:
            processor.process(frame)
        means.append(vectors(ag06_context)[10:, index].mean())
    assert means == pytest.approx([6000, 18000], rel=0.05)


@pytest.fixture
def spectrum(ag06_load, ag06_context):
    """Field to level of the last message about octaves, once frames went through."""
    _, processor = ag06_load(features).processors
    _, topic = features.ag06_topics()

    def spectrum(frames) -> dict[str, float]:
        for frame in frames:
            processor.process(frame)
        assert {message.topic for message in ag06_context.published} == {"feature.octaves"}
        (levels,) = ag06_context.published[-1].arrays
        assert levels.dtype == np.float32
        return dict(zip(topic.fields, levels.tolist(), strict=True))

    return spectrum


def test_octaves_are_published_twenty_times_a_second(spectrum, ag06_context, ag06_frames):
    spectrum(ag06_frames.silence(seconds=1))
    assert len(ag06_context.published) == 20


def test_a_tone_stands_in_the_octave_it_is_in_at_its_rms(spectrum, ag06_frames):
    levels = spectrum(ag06_frames.tone(1000, seconds=0.5, peak=0.5))
    assert levels["dry.left.1000_hz"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)
    others = [level for field, level in levels.items() if ".1000_hz" not in field]
    assert max(others) < -90


def test_wet_is_told_apart_from_dry(spectrum, ag06_frames):
    frames = [dataclasses.replace(frame, wet=frame.dry / 10) for frame in ag06_frames.noise(0.5)]
    levels = spectrum(frames)
    for field in (field for field in levels if field.startswith("dry.")):
        assert levels[field] - levels[field.replace("dry.", "wet.")] == pytest.approx(20, abs=0.01)


def test_after_a_loss_the_spectrum_begins_afresh(spectrum, ag06_frames):
    frames = [*ag06_frames.tone(1000, seconds=0.5), *ag06_frames.silence(seconds=0.1)]
    frames[50] = dataclasses.replace(frames[50], lost=480)
    assert max(spectrum(frames).values()) == -200
