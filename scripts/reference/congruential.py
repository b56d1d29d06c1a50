"""Uniform numbers that a test makes again without a fixture: a linear congruential generator (Knuth's MMIX constants)."""

import numpy

MULTIPLIER, INCREMENT, MASK = 6364136223846793005, 1442695040888963407, (1 << 64) - 1


def uniforms(count, state):
    """`count` numbers in [0, 1) and the state behind them."""
    numbers = numpy.empty(count)
    for i in range(count):
        state = (state * MULTIPLIER + INCREMENT) & MASK
        numbers[i] = (state >> 11) / (1 << 53)
    return numbers, state
