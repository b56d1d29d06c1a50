"""Reference values for crates/sdmad/src/logistic.rs: scikit-learn 1.9.1, numpy 2.4.6.

    python scripts/reference/logistic.py crates/sdmad/tests/fixtures/logistic.json

Samples follow from a linear congruential generator, so that the fixture holds answers only (and the first sample of
each case, to see that both sides generate the same).
"""

import json
import sys

import numpy
from sklearn.linear_model import LogisticRegression

from congruential import uniforms

# samples, features, share of positives, l2, whether samples are weighted
CASES = [
    (40, 5, 0.5, 1.0, False),
    (60, 3, 0.2, 0.01, False),
    (30, 80, 0.5, 1.0, False),
    (24, 200, 0.3, 0.001, False),
    (50, 10, 0.4, 0.1, True),
    (20, 64, 0.4, 10.0, True),
]


def main():
    cases = []
    for seed, (samples, features, share, l2, weighted) in enumerate(CASES):
        x, state = uniforms(samples * features, seed)
        x = (2 * x - 1).reshape(samples, features)
        draws, state = uniforms(samples, state)
        y = draws + 0.3 * x[:, 0] < share
        weights, state = uniforms(samples, state)
        weights = 2 * weights if weighted else numpy.ones(samples)
        model = LogisticRegression(C=1 / l2, solver="newton-cholesky", tol=1e-12, max_iter=1000)
        model.fit(x, y, sample_weight=weights)
        cases.append({
            "samples": samples, "features": features, "share": share, "l2": l2, "weighted": weighted,
            "first": x[0].tolist()[:3], "positives": int(y.sum()),
            "weights": model.coef_[0].tolist(), "bias": float(model.intercept_[0]),
        })
    with open(sys.argv[1], "w") as file:
        json.dump({"scikit_learn": __import__("sklearn").__version__, "cases": cases}, file)
        file.write("\n")


main()
