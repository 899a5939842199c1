from __future__ import annotations

import os

import pytest
from ag06d._native import ffi, lib

from ag06d.arena import Arena, HostCell, chain_defaults
from ag06d.errors import ArenaError

RATE = 48000


@pytest.fixture
def arena():
    arena = Arena.create(RATE, 0.1)
    yield arena
    arena.close()


def attach(arena, **options) -> Arena:
    return Arena.attach(os.dup(arena.fd), **options)


def test_what_one_process_made_the_other_reads(arena):
    other = attach(arena)
    assert (other.rate, other.capacity, other.head) == (RATE, arena.capacity, 0)
    assert other.capacity >= 0.1 * RATE
    arena.switch(mute=True, bypass=False, slot="b")
    assert other.pointer.switches.raw == lib.AG06_SWITCH_MUTE | lib.AG06_SWITCH_SLOT_B
    other.close()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("magic", 0, "this is no arena"),
        ("layout_version", lib.AG06_LAYOUT_VERSION + 1, "another layout than version"),
        ("total_bytes", 1 << 40, "larger than what is mapped"),
    ],
)
def test_an_arena_of_another_kind_is_refused(arena, field, value, said):
    setattr(arena.pointer, field, value)
    fd = os.dup(arena.fd)
    with pytest.raises(ArenaError, match=said):
        Arena.attach(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):  # it became the arena's, which closed it
        os.fstat(fd)


@pytest.mark.parametrize("size", [1, 4096, ffi.sizeof("ag06_arena") - 1])
def test_a_memory_too_short_for_an_arena_is_refused(size):
    fd = os.memfd_create("test", os.MFD_CLOEXEC)
    os.ftruncate(fd, size)
    with pytest.raises(ArenaError, match=f"arena of {size} bytes: this is no arena"):
        Arena.attach(fd)


def test_an_arena_cut_short_is_refused(arena):
    fd = os.memfd_create("test", os.MFD_CLOEXEC)
    os.write(fd, os.pread(arena.fd, ffi.sizeof("ag06_arena") + 4096, 0))
    with pytest.raises(ArenaError, match="larger than what is mapped"):
        Arena.attach(fd)


@pytest.mark.parametrize("rate", [44100, 192000])
@pytest.mark.parametrize("seconds", [0.01, 1.0, 2.5])
def test_the_rings_hold_at_least_the_seconds_asked_for(rate, seconds):
    arena = Arena.create(rate, seconds)
    assert arena.capacity >= seconds * rate
    assert arena.capacity & (arena.capacity - 1) == 0
    arena.close()


def test_parameters_are_the_newest_after_a_rewind(arena):
    for sequence in (1, 2, 3):
        arena.publish_chain("b", chain_defaults(), sequence)
    assert arena.applied("b") == (0, 0)
    arena.rewind_params()
    params = arena.pointer.params[1]
    assert params.blocks[params.front].sequence == 3


def test_a_cell_is_one_memory_in_both_processes_and_its_accounts_outlive_a_restart():
    cell = HostCell()
    other = HostCell(os.dup(cell.fd))
    assert other.inside() is None
    lib.ag06_cell_enter(other.pointer, 3)
    assert cell.inside()[0] == 3
    lib.ag06_cell_leave(other.pointer, 3, 0, 1)
    assert cell.inside() is None
    other.pointer.lost.raw = 5
    lib.ag06_cell_enter(other.pointer, 3)
    cell.restart(480)
    assert cell.inside() is None
    assert (other.position, other.lost_frames) == (480, 5)
    assert other.beat_ns > 0
    account = cell.plugin(3)
    assert account.items() >= {"frames": 1, "errors": 1, "over_deadline": 1, "state": "starting"}.items()
    other.close()
    cell.close()


def test_a_host_cannot_map_the_arena_writable():
    arena = Arena.create(48000, 1)
    with pytest.raises(PermissionError):
        Arena.attach(os.dup(arena.read_only_fd), writable=True)
    assert Arena.attach(os.dup(arena.read_only_fd)).rate == 48000


@pytest.mark.parametrize("by", [-1, 1, None], ids=["shrink", "grow", "empty"])
def test_no_holder_of_a_shared_memory_can_change_its_size(arena, by):
    """One that made it smaller would end all the others by SIGBUS."""
    cell = HostCell()
    for fd in (arena.fd, cell.fd):
        before = os.fstat(fd).st_size
        with pytest.raises(PermissionError):
            os.ftruncate(fd, 0 if by is None else before + by * 4096)
        assert os.fstat(fd).st_size == before
    cell.close()


@pytest.mark.parametrize("current", [77, 33, 2**32 - 1])
def test_a_cell_that_was_scribbled_on_can_be_read_and_passed_over(current):
    cell = HostCell()
    os.pwrite(cell.fd, b"\xff" * os.fstat(cell.fd).st_size, 0)
    cell.pointer.current.raw = current
    assert cell.inside() is None
    assert cell.plugin(0).items() >= {"frames": 2**64 - 1, "state": "starting"}.items()
    cell.skip(480)
    assert (cell.position, cell.lost_frames) == (479, 479)
    cell.restart(5)
    assert (cell.position, cell.inside()) == (5, None)
    cell.close()
