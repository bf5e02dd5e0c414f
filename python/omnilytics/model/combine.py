"""How much the model owner lets its private model say beside the public one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

CANDIDATES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0)
"""Weights w of (1 - w) log p_public + w log p_private: 0 is the public model alone, 1 the private one."""

TEMPERATURES = tuple(2.0 ** (k / 2) for k in range(-4, 9))
"""Factors of the combined logits that each candidate may choose from."""

MATTERS = 0.01
"""Nats a sample: a gain below this is none, however certain."""

FOLDS = 4


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log probabilities (n, classes) of logits (n, classes)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), dtype=np.float32)


def combine(public: NDArray[np.float32], private: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """Combined logits, (n, classes): (1 - weight) log p_public + weight log p_private."""
    return np.float32(1 - weight) * log_softmax(public) + np.float32(weight) * log_softmax(private)


def choose_weight(public: NDArray[np.float32], private: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The smallest candidate whose mean negative log likelihood is within one standard error of the best one's.

    And 0 after all unless that one also mends more errors of 0 than it makes, by more than the square root of both.
    Standard errors are those of paired differences. Each candidate is judged at its own best temperature: adding log
    probabilities also sharpens them, which improves the likelihood of a good public model without making it right more
    often. Both logits must be honest on these samples: `public` of a model that never saw them, `private` of folds
    without them.

    Args:
        public: logits (n, classes).
        private: logits (n, classes).
        labels: (n,).
    """
    if len(labels) < 2:
        return 0.0
    losses = [_losses(combine(public, private, a), labels) for a in CANDIDATES]
    best = min(losses, key=lambda loss: float(loss.mean()))
    weight = next(a for a, loss in zip(CANDIDATES, losses, strict=True) if _no_worse(loss - best))
    before, after = (combine(public, private, a).argmax(axis=1) == labels for a in (0.0, weight))
    mended, made = int(np.sum(after & ~before)), int(np.sum(before & ~after))
    return weight if mended > made and (mended - made) ** 2 > mended + made else 0.0


def _losses(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Negative log likelihood of each sample at the temperature that suits them best, (n,)."""
    rows = np.arange(len(labels))
    every = [-log_softmax(np.float32(t) * logits)[rows, labels] for t in TEMPERATURES]
    return min(every, key=lambda loss: float(loss.mean()))


def _no_worse(difference: NDArray[np.float32]) -> bool:
    """Whether the mean of these paired differences is within its standard error of 0, or doesn't matter."""
    return float(difference.mean()) <= max(MATTERS, float(difference.std(ddof=1)) / math.sqrt(len(difference)))


def folds(n: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """The samples 0..n-1 in `FOLDS` disjoint parts (fewer when n is smaller), drawn uniformly."""
    return [np.sort(part) for part in np.array_split(rng.permutation(n), min(FOLDS, n))]
