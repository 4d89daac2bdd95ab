"""The autoencoder that PyTorch trains, for `AE(backend="torch")`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netml.ndm._base import Array

if TYPE_CHECKING:
    import torch
    from torch import nn


def train(parameters: Any, scaled: Array) -> tuple[list[Array], list[Array]]:
    """Train an autoencoder.

    Parameters
    ----------
    parameters : AE
        Whose parameters say how.
    scaled : ndarray of float64, shape (n_flows, n_features)
        Standardised training rows.

    Returns
    -------
    weights, biases : list of ndarray of float64
        Of each layer, (n_inputs, n_outputs) and (n_outputs,).
    """
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


def _descend(network: nn.Module, rows: torch.Tensor, parameters: Any) -> None:
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
