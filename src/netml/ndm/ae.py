"""`AE`: an autoencoder; linear in the rows."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from netml.errors import MissingExtraError, OptionError
from netml.ndm._base import Array, Detector, is_number, score_in_blocks
from netml.ndm._state import ArrayState, Field, Fields
from netml.validation import require_choice, require_whole

if TYPE_CHECKING:
    import torch
    from torch import nn

Backend = Literal["sklearn", "torch"]


@dataclass(eq=False, repr=False)
class AE(ArrayState, Detector):
    """Autoencoder: the Euclidean distance between a row and what the network makes of it.

    The network has layers of `hid_dim`, `lat_dim` and `hid_dim` units. The original's was linear, by a slip (a leaky
    ReLU whose slope is 1 on both sides); this one bends. Rows are standardised inside, and the distance is one of
    standardised values.

    Parameters
    ----------
    epochs : int
        Passes over the training rows.
    batch_size : int
        Rows for each step of Adam.
    lr : float
        Learning rate.
    loss : "mse"
        Mean squared error; nothing else.
    dropout_rate : float
        Accepted, as in the original, which does nothing with it either.
    l2_regularizer : float
        Weight decay.
    validation_size : float
        Accepted; the original only took that share of the rows away from training.
    verbose : int
        Accepted; nothing is printed.
    random_state : int, optional
        Seed of the first weights and of the order of the rows.
    contamination : float
        Share of the training rows that is to count as abnormal.
    hid_dim, lat_dim : int
        Units of the outer and the inner hidden layer.
    backend : {"sklearn", "torch"}
        Library that trains the network: scikit-learn's `MLPRegressor`, or PyTorch (the extra `torch`). A trained model
        needs neither.

    Attributes
    ----------
    weights_, biases_ : list of ndarray of float64
        Weights and biases of each layer, (n_inputs, n_outputs) and (n_outputs,).
    mean_, scale_ : ndarray of float64, shape (n_features,)
        Mean and standard deviation of the training rows; 1 instead of a standard deviation of 0.
    """

    epochs: int = 100
    batch_size: int = 32
    lr: float = 0.001
    loss: Literal["mse"] = "mse"
    dropout_rate: float = 0.2
    l2_regularizer: float = 0.1
    validation_size: float = 0.1
    verbose: int = 1
    random_state: int | None = 42
    contamination: float = 0.1
    hid_dim: int = 16
    lat_dim: int = 8
    backend: Backend = "sklearn"

    def _check_parameters(self) -> None:
        for name in ("epochs", "batch_size", "hid_dim", "lat_dim"):
            require_whole(name, getattr(self, name), 1)
        if not is_number(self.lr) or not 0 < self.lr < np.inf:
            raise OptionError("lr", self.lr, "a number above 0")
        if not is_number(self.l2_regularizer) or not 0 <= self.l2_regularizer < np.inf:
            raise OptionError("l2_regularizer", self.l2_regularizer, "a number, at least 0")
        for name in ("dropout_rate", "validation_size"):
            if not is_number(getattr(self, name)) or not 0 <= getattr(self, name) < 1:
                raise OptionError(name, getattr(self, name), "a number from 0 to below 1")
        if self.loss != "mse":
            raise OptionError("loss", self.loss, "'mse'")
        require_choice("backend", self.backend, get_args(Backend))
        if self.backend == "torch" and find_spec("torch") is None:
            raise MissingExtraError("AE(backend='torch')", "torch")

    def _fields(self) -> Fields:
        layers = ("n_features", "n_outer", "n_inner", "n_outer", "n_features")
        return {
            "mean_": Field(("n_features",)),
            "scale_": Field(("n_features",)),
            "weights_": [Field(shape) for shape in pairwise(layers)],
            "biases_": [Field((n_units,)) for n_units in layers[1:]],
        }

    def _fit(self, rows: Array) -> None:
        self.mean_ = rows.mean(axis=0)
        scale = rows.std(axis=0)
        self.scale_ = np.where((scale > 0) & np.isfinite(scale), scale, 1.0)
        scaled = (rows - self.mean_) / self.scale_
        if self.backend == "torch":
            self.weights_, self.biases_ = _train_torch(self, scaled)
        else:
            self._fit_sklearn(scaled)

    def _fit_sklearn(self, scaled: Array) -> None:
        from sklearn.neural_network import MLPRegressor

        network = MLPRegressor(
            hidden_layer_sizes=(self.hid_dim, self.lat_dim, self.hid_dim),
            alpha=self.l2_regularizer,
            batch_size=min(self.batch_size, len(scaled)),
            learning_rate_init=self.lr,
            max_iter=self.epochs,
            n_iter_no_change=self.epochs,
            random_state=self.random_state,
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            network.fit(scaled, scaled)
        # scikit-learn ends the training at Ctrl-C, and goes on with what has been learned.
        if any("interrupted by user" in str(warning.message) for warning in caught):
            raise KeyboardInterrupt
        self.weights_, self.biases_ = network.coefs_, network.intercepts_

    def _score(self, rows: Array) -> Array:
        return score_in_blocks(self._score_block, rows, max(map(len, self.biases_)))

    def _score_block(self, rows: Array) -> Any:
        scaled = (rows - self.mean_) / self.scale_
        values = scaled
        for depth, (weights, biases) in enumerate(zip(self.weights_, self.biases_, strict=True), start=1):
            values = values @ weights + biases
            if depth < len(self.weights_):
                np.maximum(values, 0, out=values)
        distances: NDArray[Any] = np.linalg.norm(scaled - values, axis=1)
        return distances


def _train_torch(parameters: AE, scaled: Array) -> tuple[list[Array], list[Array]]:
    """Train an autoencoder with PyTorch on standardised rows, and return the weights and biases of each layer."""
    import torch
    from torch import nn

    n_features = scaled.shape[1]
    sizes = (n_features, parameters.hid_dim, parameters.lat_dim, parameters.hid_dim, n_features)
    with torch.random.fork_rng(devices=[]):  # the generator that all code shares stays as it was
        if parameters.random_state is not None:
            torch.manual_seed(int(parameters.random_state))
        layers = [nn.Linear(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)]
        steps: list[nn.Module] = [step for layer in layers for step in (layer, nn.ReLU())]
        _descend(nn.Sequential(*steps[:-1]), torch.from_numpy(scaled.astype(np.float32)), parameters)
    weights = [layer.weight.detach().numpy().T.astype(np.float64) for layer in layers]
    return weights, [layer.bias.detach().numpy().astype(np.float64) for layer in layers]


def _descend(network: nn.Module, rows: torch.Tensor, parameters: AE) -> None:
    import torch

    # Decay apart from the gradient (AdamW): inside Adam, a decay of 0.1 outweighs the gradient and the weights vanish.
    optimizer = torch.optim.AdamW(network.parameters(), lr=parameters.lr, weight_decay=parameters.l2_regularizer)
    criterion = torch.nn.MSELoss()
    for _ in range(parameters.epochs):
        order = torch.randperm(len(rows))
        for start in range(0, len(rows), parameters.batch_size):
            batch = rows[order[start : start + parameters.batch_size]]
            optimizer.zero_grad()
            criterion(network(batch), batch).backward()
            optimizer.step()
