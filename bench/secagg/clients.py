"""Processor time of one client's masking in Python: Flower's own `secaggplus_mod` and `thunderline.secagg`, in turn.

    clients.py [--numbers 1000000] [--neighbours 10] [--times 3]

Each quantises the numbers and masks them with one mask of its own and one with each neighbour: Flower's side is the mod's
third stage, ours is `Shared.mask` with the message that is sent. Needs flwr 1.42 with its secure aggregation.
"""

import argparse
import importlib
import os
import sys
import time
from pathlib import Path

import numpy as np
from flwr.common import ndarrays_to_parameters
from flwr.common.secure_aggregation.crypto.symmetric_encryption import encrypt, generate_shared_key
from flwr.common.secure_aggregation.secaggplus_constants import Key
from flwr.common.secure_aggregation.secaggplus_utils import share_keys_plaintext_concat
from flwr.supercore.primitives.asymmetric import generate_key_pairs, private_key_to_bytes, public_key_to_bytes

sys.path.insert(0, str(Path(__file__).parents[2] / "python" / "src"))

from thunderline import secagg  # noqa: E402
from thunderline.secagg import keys, messages  # noqa: E402

# The package has a function of the module's name.
flower = importlib.import_module("flwr.client.mod.secure_aggregation.secaggplus_mod")


def flowers(values, neighbours):
    """What Flower's client does when it is asked for its masked vector, ready to be called."""
    own, pairs = generate_key_pairs(), [generate_key_pairs() for _ in range(neighbours)]
    state = flower.SecAggPlusState()
    state.nid, state.threshold, state.max_weight = 0, 2, 1000.0
    state.clipping_range, state.target_range, state.mod_range = 8.0, 1 << 22, 1 << 32
    state.sk1, state.rd_seed = private_key_to_bytes(own[0]), os.urandom(32)
    numbers = range(1, neighbours + 1)
    state.public_keys_dict = {n: (public_key_to_bytes(pair[1]), b"") for n, pair in zip(numbers, pairs)}
    state.ss2_dict = {n: generate_shared_key(own[0], pair[1]) for n, pair in zip(numbers, pairs)}
    state.rd_seed_share_dict, state.sk1_share_dict = {}, {}
    shares = [share_keys_plaintext_concat(n, 0, b"a" * 36, b"b" * 36) for n in numbers]
    sealed = [encrypt(state.ss2_dict[n], share) for n, share in zip(numbers, shares)]
    asked = {Key.CIPHERTEXT_LIST: sealed, Key.SOURCE_LIST: list(numbers)}
    parameters = ndarrays_to_parameters([values])
    return lambda: flower._collect_masked_vectors(state, asked, 100, parameters)


def ours(values, neighbours):
    """What a client of ours does when it is asked for its masked input, ready to be called."""
    terms = secagg.Terms(len(values), 8.0, 1000, 3, neighbours + 1, 200, 300)
    session = secagg.Session(b"a measurement", terms)
    made = [
        secagg.Advertised(session, secagg.Identity(os.urandom(32)), os.urandom(32))
        for _ in range(neighbours + 1)
    ]
    made.sort(key=lambda client: client.identity.public)
    members = b"".join(client.advertisement()[38:] for client in made)
    # Under these terms so few are all neighbours.
    roster = messages.head(messages.ROSTER) + session.id + keys.number(len(made)) + members
    stages = [client.share(roster, secagg.Floor()) for client in made]
    # Of every other client, what it sealed for the first.
    sealed = [message[44:124] for _, message in stages[1:]]
    digest = stages[0][0].member.roster.digest
    delivery = messages.head(messages.DELIVERY) + digest + keys.number(len(made))
    delivery += b"".join(map(keys.number, range(len(made)))) + messages.entries(list(enumerate(sealed, 1)))
    return lambda: stages[0][0].mask(delivery, values, 100, os.urandom(32))


def seconds(work, times):
    """The shortest of several runs."""
    taken = []
    for _ in range(times):
        before = time.process_time()
        work()
        taken.append(time.process_time() - before)
    return min(taken)


def main():
    """Prints both sides' seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, default=1_000_000)
    parser.add_argument("--neighbours", type=int, default=10)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    values = np.random.default_rng(1).normal(size=options.numbers).astype(np.float32)
    for name, side in (("flower", flowers), ("thunderline", ours)):
        print(f"{name} {seconds(side(values, options.neighbours), options.times):.3f} s")


if __name__ == "__main__":
    main()
