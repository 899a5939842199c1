"""The configuration: its models, the layers it is read from, and what is wrong with them."""

from ag06d.core.config.layers import Effective, load
from ag06d.core.config.models import (
    AudioConfig,
    BusConfig,
    Config,
    HostConfig,
    LogConfig,
    PluginConfig,
    PresetConfig,
)

__all__ = [
    "AudioConfig",
    "BusConfig",
    "Config",
    "Effective",
    "HostConfig",
    "LogConfig",
    "PluginConfig",
    "PresetConfig",
    "load",
]
