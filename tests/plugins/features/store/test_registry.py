from __future__ import annotations

import pytest
from pydantic import ValidationError

from ag06_plugins.features.store.registry import Registry, differences
from ag06d.plugin import Entity, FeatureField, FeatureService, FeatureView, Reference, RequestError

STREAM = Entity(name="stream")


def view(*fields: FeatureField | str, **more) -> FeatureView:
    made = tuple(FeatureField(name=f) if isinstance(f, str) else f for f in fields)
    return FeatureView(**{"name": "level", "entity": "stream", "fields": made} | more)


def registry(*views: FeatureView) -> Registry:
    made = Registry()
    assert made.apply(views, (), [STREAM]) == []
    return made


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("level", ("level", 0, "")),
        ("level:left.rms_db", ("level", 0, "left.rms_db")),
        ("level@2:rms", ("level", 2, "rms")),
    ],
)
def test_a_reference_is_read_as_it_is_written(text, parts):
    reference = Reference.parse(text)
    assert reference == parts
    assert str(reference) == text


@pytest.mark.parametrize(
    "text", ["", "Level", "level:", "level@", "level@x:rms", "a b", "level:rms:db", "level\n"]
)
def test_what_is_no_reference_is_refused(text):
    with pytest.raises(ValueError, match="is no reference"):
        Reference.parse(text)


def test_a_vector_is_referred_to_whole_or_by_its_parts():
    made = registry(
        view("rms", FeatureField(name="mfcc", shape=(13,)), FeatureField(name="chroma", parts=("c", "d")))
    )
    selected = made.select(["level:mfcc", "level:mfcc_12", "level:chroma_d", "level"])
    assert [indices for _, _, indices in selected] == [tuple(range(1, 14)), (13,), (15,), tuple(range(16))]


def test_the_newest_version_is_meant_unless_another_is_named():
    made = registry(view("rms"), view("peak", version=3))
    assert made.view("level").version == 3
    assert made.view("level@1").columns == ("rms",)
    with pytest.raises(RequestError, match="no version 2") as caught:
        made.view("level@2")
    assert caught.value.hint == "there is version 1, 3"


def test_what_is_not_there_is_said_with_what_was_probably_meant():
    made = registry(view("rms_db", "peak_db"))
    for wrong, hint in (("leve:rms_db", "did you mean level?"), ("level:rms_bd", "did you mean rms_db?")):
        with pytest.raises(RequestError) as caught:
            made.select([wrong])
        assert (caught.value.code, caught.value.hint) == ("unknown_path", hint)


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": (FeatureField(name="rms", unit="dB"),)},
        {"fields": (FeatureField(name="rms", low=0),)},
        {"fields": (FeatureField(name="peak"),)},
        {"dtype": "float64"},
        {"source": "batch"},
        {"order": "increasing"},
    ],
)
def test_a_version_keeps_its_meaning(changes):
    made = registry(view("rms"))
    (problem,) = made.apply([view("rms").model_copy(update=changes)])
    assert "give it version 2" in problem
    assert made.view("level") == view("rms")
    assert made.apply([view("rms").model_copy(update=changes | {"version": 2})]) == []
    assert len(made.views) == 2


def test_what_does_not_change_the_meaning_may_be_changed():
    made = registry(view("rms"))
    field = FeatureField(name="rms", precision=0.01, description="louder words")
    assert made.apply([view(field, ttl_s=3, retention_days=1, owner="somebody")]) == []
    assert made.view("level").ttl_s == 3


def test_the_order_of_columns_is_part_of_the_meaning():
    assert list(differences(view("a", "b"), view("b", "a"))) == ["the order of the columns is another"]


def test_differences_name_what_is_gone_new_and_otherwise():
    before = view("rms", FeatureField(name="peak", unit="dB"))
    after = view(FeatureField(name="peak", unit="Pa"), "crest", version=2, ttl_s=2)
    assert set(differences(before, after)) == {
        "ttl_s was not set and is 2.0",
        "rms is gone",
        "crest is new",
        "peak: unit was dB and is Pa",
    }


def test_a_service_of_what_is_not_there_is_refused_and_the_others_are_not():
    made = registry(view("rms"))
    good, bad = (
        FeatureService(name=n, features=(f,)) for n, f in (("good", "level:rms"), ("bad", "level:x"))
    )
    (problem,) = made.apply((), [bad, good])
    assert problem.startswith("service bad:")
    assert list(made.services) == ["good"]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ('level["gone"]', "has no field 'gone'"),
        ('level["mfcc"]', "more than one number"),
        ('twice["rms"]', "on demand itself"),
        ('__import__("os")', "is not understood"),
        ("1 + 1", "reads no feature"),
    ],
)
def test_an_on_demand_view_reads_numbers_of_other_views(expression, problem):
    made = registry(view("rms", FeatureField(name="mfcc", shape=(3,))))

    def computed(name: str, text: str) -> FeatureView:
        return view(FeatureField(name="rms", expression=text), name=name, source="on_demand")

    assert made.apply([computed("twice", '2 * level["rms"]')]) == []
    (found,) = made.apply([computed("wrong", expression)])
    assert problem in found


@pytest.mark.parametrize(
    "wrong",
    [
        {"fields": (FeatureField(name="a"), FeatureField(name="a"))},
        {"fields": (FeatureField(name="a_00"), FeatureField(name="a", shape=(2,)))},
        {"fields": ()},
        {"fields": (FeatureField(name="a", expression="b"),)},
        {"source": "on_demand"},
        {"ttl_s": 0},
        {"name": "Level"},
        {"colour": "blue"},
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(wrong):
    with pytest.raises(ValidationError):
        FeatureView.model_validate(
            {"name": "level", "entity": "stream", "fields": (FeatureField(name="a"),)} | wrong
        )
