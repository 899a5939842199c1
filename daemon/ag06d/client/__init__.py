"""A client of the daemon: ask for operations, follow topics."""

from ag06d.client.sync import Client

__all__ = ["Client"]
