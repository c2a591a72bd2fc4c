"""What a few noisy values say of places between and beyond them: Gaussian process regression.

Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, algorithm 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: How far, in the logarithm of cpu or load, two places tell of each other.
REACH = 1.0


@dataclass(frozen=True)
class Known:
    """Values at places (a row each), with the standard deviation of their noise.

    `strains`: by how much the value at each place shows the process below it.
    """

    places: np.ndarray
    strains: np.ndarray
    values: np.ndarray
    noise: np.ndarray

    def without(self, index: int) -> Known:
        return Known(*(np.delete(part, index, axis=0) for part in vars(self).values()))


def krige(
    known: Known, places: np.ndarray, strains: np.ndarray, offset: float, own: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation at places.

    A value is an offset that all share plus strain x a process of standard deviation `own`, whose
    correlation falls with distance d as exp(-d / REACH).
    """

    def covariance(a: np.ndarray, sa: np.ndarray, b: np.ndarray, sb: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(a[:, None, :] - b[None, :, :], axis=2)
        return offset**2 + own**2 * np.outer(sa, sb) * np.exp(-distance / REACH)

    among = covariance(known.places, known.strains, known.places, known.strains)
    across = covariance(places, strains, known.places, known.strains)
    weights = np.linalg.solve(among + np.diag(known.noise**2), across.T).T
    variance = offset**2 + (own * strains) ** 2 - np.einsum("ij,ij->i", weights, across)
    return weights @ known.values, np.sqrt(np.maximum(variance, 0.0))
