"""Why a client goes no further."""


class Refusal(Exception):
    """What the protocol does not allow. The text is the one that runners give."""


def malformed(message, why):
    """Bytes that are no message of this version."""
    return Refusal(f"no {message} of this version: {why}")


def too_few(what, have, need):
    """Fewer than the terms, the site or the mathematics want."""
    return Refusal(f"{have} {what}, and it takes {need}")


def unknown(message, member):
    """A place in the roster that nobody has, or nobody who may speak here."""
    return Refusal(f"the {message} names member {member}, who has no part in it")


def signature(on, member=None):
    """A signature that does not fit; `member` is its place in the roster, where there is one."""
    whose = "the" if member is None else f"member {member}'s"
    return Refusal(f"{whose} signature on the {on} does not fit")
