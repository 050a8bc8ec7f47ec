"""Server processor time of one secure aggregation: Flower's own SecAgg+ functions and Thunderline's, in turn, in one run.

    compare.py SESSION [--clients 101] [--numbers 100000] [--gone 30] [--kept FILE]

SESSION is the program that `cargo build --release -p thunderline-secagg --example session` makes. Needs flwr 1.42 with its
secure aggregation. What Flower's clients send takes them minutes; with --kept it is made once and read from FILE after that, so
that the comparison itself can be run on a quiet machine. Flower's side runs what `SecAggPlusWorkflow` calls in its collecting and unmasking stages, on values that
Flower's client functions made, with everybody as everybody's neighbour; messages, their encoding and the network are left out
on both sides.
"""

import argparse
import json
import os
import pathlib
import pickle
import subprocess
import time

import numpy as np
from flwr.common.secure_aggregation.crypto.shamir import combine_shares, create_shares
from flwr.common.secure_aggregation.crypto.symmetric_encryption import generate_shared_key
from flwr.common.secure_aggregation.ndarrays_arithmetic import (
    get_parameters_shape,
    parameters_addition,
    parameters_mod,
    parameters_subtraction,
)
from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen
from flwr.supercore.primitives.asymmetric import (
    bytes_to_private_key,
    bytes_to_public_key,
    generate_key_pairs,
    private_key_to_bytes,
    public_key_to_bytes,
)

MODULUS = 1 << 32


def prepared(clients, numbers, gone, threshold):
    """What a Flower server holds before it unmasks; also the plain sum, to check the result against."""
    keys = [generate_key_pairs() for _ in range(clients)]
    seeds = [os.urandom(32) for _ in range(clients)]
    public = [public_key_to_bytes(key[1]) for key in keys]
    dead = set(range(gone))
    alive = [client for client in range(clients) if client not in dead]
    # A dead client's shares are of its key, a living one's of its seed: only those come back.
    secrets = [private_key_to_bytes(keys[c][0]) if c in dead else seeds[c] for c in range(clients)]
    shares = []
    for secret in secrets:
        made = create_shares(secret, threshold, clients)
        shares.append([made[client] for client in alive])
    plain = [np.full(numbers, 7, dtype=np.int64)]
    shape = get_parameters_shape(plain)
    inputs = []
    for client in alive:
        masked = parameters_addition(plain, pseudo_rand_gen(seeds[client], MODULUS, shape))
        # Between two of the living the masks cancel; only those with the dead are put on.
        for other in dead:
            mask = pseudo_rand_gen(generate_shared_key(keys[client][0], keys[other][1]), MODULUS, shape)
            masked = (parameters_addition if client > other else parameters_subtraction)(masked, mask)
        inputs.append(parameters_mod(masked, MODULUS))
    return public, dead, alive, shares, inputs, plain[0] * len(alive) % MODULUS


def flower(clients, public, dead, alive, shares, inputs):
    """The arithmetic of `collect_masked_vectors_stage` and `unmask_stage`."""
    vector = inputs[0]
    for other in inputs[1:]:
        vector = parameters_addition(vector, other)
    vector = parameters_mod(vector, MODULUS)
    for client in range(clients):
        secret = combine_shares(shares[client])
        if client not in dead:
            vector = parameters_subtraction(vector, pseudo_rand_gen(secret, MODULUS, get_parameters_shape(vector)))
            continue
        # Flower takes the masks with all neighbours off, the dead ones' too, which cancel again.
        for other in range(clients):
            if other == client:
                continue
            key = generate_shared_key(bytes_to_private_key(secret), bytes_to_public_key(public[other]))
            mask = pseudo_rand_gen(key, MODULUS, get_parameters_shape(vector))
            vector = (parameters_addition if client > other else parameters_subtraction)(vector, mask)
    return parameters_mod(vector, MODULUS)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("session")
    parser.add_argument("--clients", type=int, default=101)
    parser.add_argument("--numbers", type=int, default=100_000)
    parser.add_argument("--gone", type=int, default=30)
    parser.add_argument("--kept", type=pathlib.Path)
    options = parser.parse_args()
    threshold = options.clients - options.gone - 1

    if options.kept and options.kept.exists():
        made = pickle.loads(options.kept.read_bytes())
    else:
        made = prepared(options.clients, options.numbers, options.gone, threshold)
        if options.kept:
            options.kept.write_bytes(pickle.dumps(made))
            print(f"kept in {options.kept}; now run this again")
            return
    *arguments, plain = made
    began = time.process_time()
    result = flower(options.clients, *arguments)
    theirs = time.process_time() - began
    right = bool((result[0] == plain).all())

    words = [options.session, str(options.clients), str(options.numbers), str(options.gone)]
    ours = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    # Flower's server checks no signatures and keeps no roster: set beside both, the same two stages and all five.
    summing = ours["server_seconds"][2] + ours["server_seconds"][4]
    everything = sum(ours["server_seconds"])
    print(
        json.dumps(
            {
                "clients": options.clients,
                "numbers": options.numbers,
                "gone": options.gone,
                "flower_seconds": round(theirs, 3),
                "flower_sum_is_exact": right,
                "thunderline_seconds_same_stages": round(summing, 4),
                "thunderline_seconds_all_stages": round(everything, 4),
                "ratio_same_stages": round(theirs / summing, 1),
                "ratio_all_stages": round(theirs / everything, 1),
                "thunderline": ours,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
