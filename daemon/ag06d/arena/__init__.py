"""The shared memory through which the processes meet, and the chain's parameters that live in it.

Used by every process; which may write what is said in native/include/ag06_arena.h.
"""

from ag06d.arena.cell import HostCell, PluginState
from ag06d.arena.memory import Arena
from ag06d.arena.meters import Meters
from ag06d.arena.parameters import CHAIN, Parameter, chain_defaults
from ag06d.arena.reader import Hop, HopReader
from ag06d.arena.stats import AudioStats, BlockFollower, Levels, no_reduction

__all__ = [
    "CHAIN",
    "Arena",
    "AudioStats",
    "BlockFollower",
    "Hop",
    "HopReader",
    "HostCell",
    "Levels",
    "Meters",
    "Parameter",
    "PluginState",
    "chain_defaults",
    "no_reduction",
]
