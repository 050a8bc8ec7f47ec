"""Computes what rounds with banded noise cost and how far off they are, densely in NumPy, and ε with Google's dp-accounting.

Reads JSON from standard input: a list of objects with rounds, separation, most, bands, residue, noise_multiplier, delta. Writes,
for each, the weights (in steps of 2^-24), the sensitivity, whether that is the worst of all allowed rounds (else it is that of
the earliest ones), the error and ε, as JSON.

With `--jax-privacy`, in an environment that has it (2.0.0), also compares sensitivity and error with what that library says,
and says on standard error for how many settings it said something.
"""

import itertools
import json
import sys

import dp_accounting as dp
import numpy as np
from dp_accounting import rdp
from scipy.special import binom

ONE = 1 << 24
# Up to so many rounds every set of them is tried.
TRIED = 12


def weights(bands, residue):
    if bands == 1:
        return [ONE]
    forget = 1.0 - residue**2
    series = [(-1) ** back * binom(0.5, back) * forget**back for back in range(bands - 1)]
    first = [int(weight * ONE) for weight in series]
    return first + [int(residue * ONE) - sum(first)]


def allowed(case):
    rounds, most, separation = case["rounds"], case["most"], case["separation"]
    if rounds > TRIED:
        yield list(range(0, rounds, separation))[:most]
        return
    for count in range(1, most + 1):
        for there in itertools.combinations(range(rounds), count):
            if all(b - a >= separation for a, b in zip(there, there[1:])):
                yield list(there)


def of(case):
    rounds = case["rounds"]
    steps = weights(case["bands"], case["residue"])
    noise = sum(np.eye(rounds, k=-back) * (weight / ONE) for back, weight in enumerate(steps))
    strategy = np.linalg.inv(noise)
    sensitivity = max(np.linalg.norm(strategy[:, there].sum(axis=1)) for there in allowed(case))
    workload = np.tril(np.ones((rounds, rounds)))
    error = sensitivity * np.linalg.norm(workload @ noise) / np.sqrt(rounds)
    accountant = rdp.RdpAccountant()
    accountant.compose(dp.GaussianDpEvent(case["noise_multiplier"] / sensitivity))
    epsilon = accountant.get_epsilon(case["delta"])
    return {
        "weights": steps,
        "sensitivity": float(sensitivity),
        "worst": rounds <= TRIED,
        "error": float(error),
        "epsilon": float(epsilon),
    }


def compare(cases, answers):
    import jax
    from jax_privacy.matrix_factorization import toeplitz

    jax.config.update("jax_enable_x64", True)
    told = 0
    for case, answer in zip(cases, answers):
        rounds = case["rounds"]
        noise = toeplitz.pad_coefs_to_n(jax.numpy.array(answer["weights"][:rounds]) / ONE, rounds)
        strategy = toeplitz.inverse_coef(noise, n=rounds)
        errors = toeplitz.per_query_error(noising_coef=noise, n=rounds)
        mean = np.sqrt(np.mean(np.asarray(errors))) * answer["sensitivity"]
        assert abs(mean / answer["error"] - 1) < 1e-9, (case, mean, answer)
        if np.any(np.diff(np.asarray(strategy)) > 0):
            continue
        squared = toeplitz.minsep_sensitivity_squared(strategy, case["separation"], case["most"], n=rounds)
        assert abs(np.sqrt(float(squared)) / answer["sensitivity"] - 1) < 1e-9, (case, squared, answer)
        told += 1
    print(f"jax-privacy says the same of {len(cases)} errors and {told} sensitivities", file=sys.stderr)


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    answers = [of(case) for case in cases]
    if "--jax-privacy" in sys.argv:
        compare(cases, answers)
    json.dump(answers, sys.stdout)
