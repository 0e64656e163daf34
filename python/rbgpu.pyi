"""Real/bogus classifiers for transient surveys."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__version__: str

@final
class Model:
    """A network with its weights, its normalisation and its threshold, on one device."""

    @property
    def threshold(self) -> float:
        """A candidate is real when P(real) is at least this."""
    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, images) of a cutout."""
    @property
    def network(self) -> str:
        """What the network is called."""
    @property
    def preprocess(self) -> str:
        """What is done to cutouts before they go in."""
    @property
    def channels(self) -> list[str] | None:
        """The images of a cutout in the order that it takes them, where the model says."""
    @property
    def device(self) -> str:
        """Where it runs: "cpu", or the gpu's name."""
    @property
    def metrics(self) -> dict[str, Any]:
        """What was measured at the end of training, by part: accuracy, f1, mcc, auc, …"""
    def predict(
        self, cutouts: ArrayLike, planes: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """P(real) for cutouts (N, H, W, C), or (N, H, W) where C is 1, as the survey gives them.
        A single cutout (H, W, C), or (H, W) where C is 1, gives an array of one score. NaN where
        a cutout has no finite pixel. The images are in the order of `channels`, unless
        `planes` says what they are, such as ["search", "template", "difference"]."""
    def save(self, path: str | PathLike[str], *, force: bool = False) -> None:
        """Writes it as a model file, whole or not at all. Raises FileExistsError if `path` exists,
        unless `force`."""

def load(path: str | PathLike[str], device: str = "auto") -> Model:
    """Opens a model file. `device` is "auto", "cpu", "gpu" or a part of an adapter's name."""

def train(
    cutouts: ArrayLike | str | PathLike[str] | Sequence[str | PathLike[str]],
    labels: ArrayLike | None = None,
    *,
    network: str = "otrain",
    out: str | PathLike[str] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    halve_every: int | None = None,
    patience: int | None = None,
    dropout: float | None = None,
    split: str | None = None,
    normalise: str | None = None,
    augment: str | None = None,
    class_weight: str | float | None = None,
    balance: bool = False,
    seed: int = 1,
    device: str = "auto",
    progress: Callable[[dict[str, float]], object] | None = None,
    group: str = "auto",
    force: bool = False,
) -> Model:
    """Trains a network on cutouts (N, H, W, C) with labels (N), 1 real and 0 bogus, or on what
    `rbgpu train` reads: a cube, a folder, a DES triple's prefix. What is not given is the
    network's published setting; the batch is smaller where it would leave fewer than 16 steps per
    epoch, and with fewer than 2,000 cutouts a network by its name has them turned and mirrored
    (augment "d4") and trains for up to 100 epochs with a patience of 15 (augment "none": without
    this). `class_weight` is "balanced", "none" or the weight of a real candidate where a bogus one
    has 1; `balance` oversamples the smaller class. What looks wrong (imbalanced classes, nothing
    learned) is a warning. `progress` is called after every epoch with its record. `group`
    says what the split keeps in one part: "object", "id" (the same id or pixels), "none", or
    "auto": by object where the input knows objects, else by id.
    Raises FileExistsError before any work if `out` exists, unless `force`."""
