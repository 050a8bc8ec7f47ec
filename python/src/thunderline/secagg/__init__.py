"""Secure aggregation, the client's side: a server learns the sum of its clients' inputs, and nothing else about any one.

The protocol, what it protects and what it does not are described in the crate `thunderline-secagg`; this package says the
same bytes. Needs NumPy and `cryptography`. No state of its own and no input or output: see `thunderline.secure_mod` for
Flower's clients.
"""

from .client import Advertised, Consented, Masked, Shared, restore
from .errors import Refusal
from .keys import Identity
from .session import Floor, Roster, Session, Terms

__all__ = [
    "Advertised",
    "Consented",
    "Floor",
    "Identity",
    "Masked",
    "Refusal",
    "Roster",
    "Session",
    "Shared",
    "Terms",
    "restore",
]
