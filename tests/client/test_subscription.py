"""Gaps are counted exactly, whatever is lost, on whichever channel, over any number of restarts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ag06d.client.subscription import CHANNELS, Continuity
from ag06d.wire import Message

TOPICS = ("meters.", "feature.basic.", "alert.")
# What a run of the daemon publishes: channel, topic, and whether it arrives.
RUNS = st.lists(
    st.lists(st.tuples(st.sampled_from(CHANNELS), st.sampled_from(TOPICS), st.booleans()), max_size=30),
    min_size=1,
    max_size=4,
)


def messages(run, boot, channel, first):
    """What is published on a channel, with a number that all before the joining have used up."""
    counts = dict.fromkeys(TOPICS, first)
    for on, topic, arrives in run:
        if on == channel:
            yield Message(topic, {"boot": boot, "seq": counts[topic]}, {}), arrives
            counts[topic] += 1


@given(RUNS, st.integers(0, 1000), st.randoms(use_true_random=False))
def test_every_message_that_does_not_arrive_is_counted_once_and_no_other(runs, before, random):
    continuity = Continuity()
    queues = {}
    for channel in CHANNELS:
        continuity.join(channel, "0")
        queues[channel] = [
            (number, message, arrives)
            for number, run in enumerate(runs)
            for message, arrives in messages(run, str(number), channel, 0 if number else before)
        ]
    lost, known, begun = {}, set(), []
    while any(queues.values()):  # either channel may be behind the other, by any number of runs
        channel = random.choice([channel for channel, queue in queues.items() if queue])
        number, message, arrives = queues[channel].pop(0)
        at = (channel, number, message.topic)
        if not arrives:
            lost[at] = lost.get(at, 0) + 1
            continue
        missed, begins = continuity.take(channel, message)
        heard_from_its_beginning = number > 0 or at in known
        assert missed == (lost.pop(at, 0) if heard_from_its_beginning else 0)
        lost.pop(at, None)
        known.add(at)
        if begins:
            begun.append(number)
    assert len(set(begun)) == len(begun)
    assert set(begun) == {number for _, number, _ in known} - {0}
