"""How far a signal's form lies from that of the training recordings."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecgsvc.inference.signal_form import FORM_FEATURES

FEW_LEADS = 6
"""Recordings with fewer leads have a distribution of their own."""
WITHIN = 0.99
"""Share of the recordings that limits are drawn from that stay below them."""


class FormScore(nn.Module):
    """Mahalanobis distance as a share of the limit: above 1 lies outside.

    One Gaussian for recordings of many leads, one for those of few; their forms differ.
    """

    centres: Tensor
    whitenings: Tensor
    limits: Tensor

    def __init__(self) -> None:
        super().__init__()
        width = len(FORM_FEATURES)
        self.register_buffer("centres", torch.zeros(2, width))
        self.register_buffer("whitenings", torch.eye(width).repeat(2, 1, 1))
        self.register_buffer("limits", torch.ones(2))

    def fit(
        self,
        training: Sequence[NDArray[np.float32]],
        limiting: Sequence[NDArray[np.float32]],
    ) -> "FormScore":
        """Take means and covariances of forms (n, 9), of many leads and of few.

        Limits come from other recordings, `limiting`.
        """
        for kind, (forms, others) in enumerate(zip(training, limiting, strict=True)):
            centre = forms.mean(axis=0)
            covariance = np.cov((forms - centre).T.astype(np.float64))
            covariance += 1e-4 * np.eye(len(covariance))
            values, vectors = np.linalg.eigh(covariance)
            whitening = vectors / np.sqrt(values)
            distances = np.linalg.norm((others - centre) @ whitening, axis=1)
            self.centres[kind] = torch.from_numpy(centre)
            self.whitenings[kind] = torch.from_numpy(whitening.astype(np.float32))
            self.limits[kind] = float(np.quantile(distances, WITHIN))
        return self

    def forward(self, form: Tensor, leads: Tensor) -> Tensor:
        """Scores (batch,) of forms (batch, 9) and leads (batch, 12, 3)."""
        apart = form.unsqueeze(1) - self.centres
        turned = torch.einsum("bkf,kfg->bkg", apart, self.whitenings)
        shares = turned.pow(2).sum(dim=-1).sqrt() / self.limits
        few = leads[..., 0].sum(dim=1) < FEW_LEADS
        return torch.where(few, shares[:, 1], shares[:, 0])
