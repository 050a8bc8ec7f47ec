"""Clients of the secure sum in Python, told what to do on standard input: one command a line, one answer a line.

`session CONTEXT NORM DIMENSION CLIP MAX_WEIGHT MIN MAX CORRUPT DROPOUTS`, then for each client `new`, `share`, `mask`,
`consent` and `reveal`, as below; bytes are hexadecimal. Answers `ok BYTES` or, where the client refuses, `no REASON`:
then it is where it was. Between two commands a client is what was saved of it.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "python" / "src"))

from thunderline import secagg  # noqa: E402
from thunderline.secagg.bounds import bounds_of  # noqa: E402


class Clients:
    """One session's clients, by their numbers."""

    def __init__(self):
        self.opened, self.clients = None, {}

    def session(self, context, norm, dimension, clip, *counts):
        norm = None if norm == "-" else float(norm)
        terms = secagg.Terms(int(dimension), float(clip), *map(int, counts), norm)
        self.opened, self.clients = secagg.Session(bytes.fromhex(context), terms), {}
        return self.opened.id

    def new(self, client, identity, seed):
        identity = secagg.Identity(bytes.fromhex(identity))
        made = secagg.Advertised(self.opened, identity, bytes.fromhex(seed))
        return self.keep(client, identity, made, made.advertisement())

    def share(self, client, roster, members, corrupt, trusted):
        trusted = None if trusted == "-" else frozenset(map(bytes.fromhex, trusted.split(",")))
        identity, stage = self.stage(client)
        floor = secagg.Floor(int(members), int(corrupt), trusted)
        return self.keep(client, identity, *stage.share(bytes.fromhex(roster), floor))

    def mask(self, client, delivery, values, weight, seed):
        identity, stage = self.stage(client)
        values = np.frombuffer(bytes.fromhex(values), "<f4")
        seed = bytes.fromhex(seed)
        stage, message, _clipped = stage.mask(bytes.fromhex(delivery), values, int(weight), seed)
        return self.keep(client, identity, stage, message)

    def consent(self, client, survivors):
        identity, stage = self.stage(client)
        return self.keep(client, identity, *stage.consent(bytes.fromhex(survivors)))

    def reveal(self, client, consents):
        return self.stage(client)[1].reveal(bytes.fromhex(consents))

    def bounds(self, *numbers):
        found = bounds_of(*map(int, numbers))
        return " ".join(str(number) for number in found).encode()

    def keep(self, client, identity, stage, message):
        self.clients[client] = (identity, stage.save())
        return message

    def stage(self, client):
        identity, saved = self.clients[client]
        return identity, secagg.restore(self.opened, identity, saved)


def main():
    clients = Clients()
    for line in sys.stdin:
        command, *arguments = line.split()
        try:
            print("ok", getattr(clients, command)(*arguments).hex(), flush=True)
        except secagg.Refusal as refusal:
            print("no", refusal, flush=True)


if __name__ == "__main__":
    main()
