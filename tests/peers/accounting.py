"""Computes ε with Google's dp-accounting for a list of settings.

Reads JSON from standard input: a list of objects with accountant (rdp, pld), sampling (all, poisson, fixed_size, tree), rate,
noise_multiplier, releases, delta. Writes the list of ε as JSON.
"""

import json
import multiprocessing
import sys

import dp_accounting as dp
from dp_accounting import pld, rdp

RELATION = {
    "fixed_size": dp.NeighboringRelation.REPLACE_ONE,
    "tree": dp.NeighboringRelation.REPLACE_SPECIAL,
}
# Numerator and denominator of a rate that is exact in binary.
POPULATION = 1 << 20


def event(case):
    gaussian = dp.GaussianDpEvent(case["noise_multiplier"])
    sampling, rate, releases = case["sampling"], case["rate"], case["releases"]
    if sampling == "tree":
        return dp.SingleEpochTreeAggregationDpEvent(case["noise_multiplier"], releases)
    if sampling == "poisson":
        gaussian = dp.PoissonSampledDpEvent(rate, gaussian)
    elif sampling == "fixed_size":
        size = round(rate * POPULATION)
        assert size == rate * POPULATION, "the rate is no fraction of the population"
        gaussian = dp.SampledWithoutReplacementDpEvent(POPULATION, size, gaussian)
    return dp.SelfComposedDpEvent(gaussian, releases)


def epsilon(case):
    relation = RELATION.get(case["sampling"], dp.NeighboringRelation.ADD_OR_REMOVE_ONE)
    accountants = {"rdp": rdp.RdpAccountant, "pld": pld.PLDAccountant}
    accountant = accountants[case["accountant"]](neighboring_relation=relation)
    return float(accountant.compose(event(case)).get_epsilon(case["delta"]))


if __name__ == "__main__":
    # Minutes for one processor; a handful at a time, since some settings take a hundred times as long as others.
    with multiprocessing.Pool() as pool:
        json.dump(pool.map(epsilon, json.load(sys.stdin), chunksize=1), sys.stdout)
