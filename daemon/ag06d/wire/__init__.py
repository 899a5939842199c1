"""The protocol AG06/1: codec and types, shared by daemon, hosts and clients. No sockets here."""

from ag06d.wire.arrays import pack_arrays, unpack_arrays
from ag06d.wire.codec import PROTOCOL, WireError, pack, unpack
from ag06d.wire.messages import ERROR_CODES, OWN_TOPICS, Message, Reply, Request, raise_for_error

__all__ = [
    "ERROR_CODES",
    "OWN_TOPICS",
    "PROTOCOL",
    "Message",
    "Reply",
    "Request",
    "WireError",
    "pack",
    "pack_arrays",
    "raise_for_error",
    "unpack",
    "unpack_arrays",
]
