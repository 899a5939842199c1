"""What all tests share: hypothesis without a clock, for machines that are busy with something else."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ag06d.paths import Sockets

settings.register_profile("ag06d", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ag06d")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def no_configuration_of_this_machine(tmp_path_factory) -> Iterator[None]:
    """Neither its files nor its variables reach a test, or a program that a test starts."""
    nowhere = str(tmp_path_factory.mktemp("nothing"))
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith("AG06D_")]:
            patch.delenv(variable)
        patch.setenv("CONFIGURATION_DIRECTORY", nowhere)
        patch.setenv("XDG_CONFIG_HOME", nowhere)
        yield


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    """Sockets in a folder with a short path: one of tmp_path may not fit into a socket's address."""
    with tempfile.TemporaryDirectory(prefix="ag06d-") as folder:
        yield Sockets(Path(folder) / "run")
