"""The law of total variance."""

import pytest
import torch

from vaelab._utils.errors import InvalidValue
from vaelab.posterior import MarginalPosterior


def test_the_variance_law_adds_variances_not_deviations():
    torch.manual_seed(0)
    mean, logvar = (
        torch.randn(40_000, 2) * torch.tensor([0.8, 0.01]),
        torch.log(torch.tensor([0.36, 1.0])).expand(40_000, 2),
    )
    law = MarginalPosterior(mean, logvar).variance_law()
    assert law.total.tolist() == pytest.approx([1.0, 1.0], abs=0.02)
    assert law.active.tolist() == [True, False]
    draws = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
    torch.testing.assert_close(draws.var(0), law.total, atol=0.02, rtol=0)
    with pytest.raises(InvalidValue, match=r"\[n, d\]"):
        MarginalPosterior(torch.zeros(3), torch.zeros(3))
