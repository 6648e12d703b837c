"""The variance law where it is exact, after a training, and as a repair."""

import math

import pytest
import torch
from torch import nn

from vaelab import Experiment, MarginalPosterior, Objective, Train, fit, kl, load, metrics, recipes
from vaelab._utils.errors import InvalidType
from vaelab.divergences import KL
from vaelab.models.vae import VAE
from vaelab.objectives.likelihoods import Normal
from vaelab.posterior import rescale
from vaelab.posterior.variance_law import scale_gradient

# -- the linear VAE, in closed form


def linear_vae(x, latent, gamma, beta):
    """The optimum for images x [n, pixels]: principal axes U with variances λ > β γ², W = U sqrt(λ - β γ²)."""
    center = x.mean(0)
    values, axes = torch.linalg.eigh((x - center).T @ (x - center) / len(x))
    values, axes, noise = values[-latent:], axes[:, -latent:], beta * gamma**2
    assert values.min() > noise
    w = axes * (values - noise).sqrt()
    head, first = (nn.Linear(*widths, dtype=x.dtype) for widths in ((x.shape[1], 2 * latent), (latent, x.shape[1])))
    with torch.no_grad():
        head.weight[:latent] = w.T / values[:, None]
        head.bias[:latent] = -(w.T / values[:, None]) @ center
        head.weight[latent:], head.bias[latent:] = 0, torch.log(noise / values)
        first.weight[:], first.bias[:] = w, center
    model = VAE(nn.Sequential(head), nn.Sequential(first), latent)
    return Experiment(model.double(), Objective(Normal(gamma, squash=False), KL(), beta).double(), (x.shape[1],))


def loss(experiment, x, gamma, beta):
    """The mean loss with the draw of z integrated out: E|x - Wz - b|² = |x - W mean - b|² + Σ s_j |W_j|²."""
    q, first = experiment.model.posterior(x), experiment.model.decoder[0]
    squares = ((x - first(q.mean)) ** 2).sum(1) + q.logvar.exp() @ (first.weight**2).sum(0)
    return (squares / (2 * gamma**2) + beta * kl(q, type(q).standard(x))).mean()


@pytest.mark.parametrize("beta", [0.25, 1.0, 3.0])
def test_the_law_is_exact_at_the_optimum_of_a_linear_vae(beta):
    torch.manual_seed(0)
    x = torch.randn(400, 4).double() @ torch.randn(4, 9).double() * 2 + 0.05 * torch.randn(400, 9).double() + 3
    gamma = 0.4
    experiment = linear_vae(x, 3, gamma, beta)
    slopes = torch.autograd.grad(loss(experiment, x, gamma, beta), list(experiment.model.parameters()))
    assert max(float(slope.abs().max()) for slope in slopes) < 1e-8  # it is stationary
    posterior = MarginalPosterior.from_model(experiment, x)
    law = posterior.variance_law()
    torch.testing.assert_close(law.total, torch.ones(3).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(law.about_zero, law.total, atol=1e-6, rtol=0)
    torch.testing.assert_close(
        scale_gradient(kl, posterior.mean, posterior.logvar), torch.zeros(3).double(), atol=1e-6, rtol=0
    )
    each = posterior.mean**2 + posterior.logvar.exp()
    assert float(each.std(0).min()) > 0.5  # an average: no image by itself obeys it
    rate = kl(experiment.encode(x), type(experiment.encode(x)).standard(x)).mean()
    # where V = 1, the squares in the rate cancel its constant
    assert float(rate) == pytest.approx(float(-0.5 * posterior.logvar.mean(0).sum()), abs=1e-6)


# -- a trained one

GAMMAS = {"mnist-mini": 0.5**0.5, "digits": 0.22}


@pytest.fixture(scope="module", params=[("mnist-mini", "mlp", (100,), 20), ("digits", "conv", (64,), 40)], ids=str)
def trained(request):
    """A VAE with ten latents, beta 1 and summed terms, and the images it saw."""
    name, network, hidden, epochs = request.param
    torch.manual_seed(0)
    data = load(name)
    experiment = recipes.vae(data.images.shape[1:], 10, network=network, hidden=hidden, gamma=GAMMAS[name])
    fit(experiment, data, Train(epochs=epochs, batch_size=64, lr=3e-3, device="cpu", progress=False))
    return experiment, data.images


def test_a_trained_vae_obeys_the_law_on_average_and_no_image_does(trained):
    posterior = MarginalPosterior.from_model(*trained)
    law = posterior.variance_law()
    assert int(law.active.sum()) >= 3
    assert abs(law.mean_active - 1) < 0.1
    each = (posterior.mean**2 + posterior.logvar.exp())[:, law.active]
    assert float(each.std(0).mean()) > 0.5


def test_rescaling_keeps_the_reconstruction_and_saves_the_predicted_nats(trained):
    trained, images = trained
    before = rescale(trained, images).experiment  # from a network that is off the law by far ...
    with torch.no_grad():
        head = [m for m in before.model.encoder.modules() if isinstance(m, nn.Linear)][-1]
        first = next(m for m in before.model.decoder.modules() if isinstance(m, nn.Linear))
        factor = torch.linspace(0.5, 1.6, 10)
        head.weight[:10] *= factor[:, None]
        head.bias[:10] *= factor
        head.bias[10:] += 2 * factor.log()
        first.weight /= factor
    for experiment in (trained, before):  # ... and one that is near it
        kept = {name: value.clone() for name, value in experiment.state_dict().items()}
        after, variance, saved = rescale(experiment, images)
        old, new = (run.decode(run.encode(images).mean) for run in (experiment, after))
        assert float((old - new).abs().max()) < 1e-5
        rates = [metrics.evaluate(run, images)["rate"] for run in (experiment, after)]
        assert rates[0] - rates[1] == pytest.approx(float(saved.sum()), abs=1e-4)
        law = MarginalPosterior.from_model(after, images).variance_law()
        torch.testing.assert_close(law.about_zero, torch.ones(10), atol=1e-5, rtol=0)
        assert all(torch.equal(value, kept[name]) for name, value in experiment.state_dict().items())
    torch.testing.assert_close(variance, factor.double() ** 2, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("variance", "nats"), [(0.5, 0.096574), (0.8, 0.011572), (1.25, 0.013428), (2.0, 0.153426)])
def test_what_is_saved_is_known_in_closed_form(variance, nats):
    """(V - 1 - ln V)/2: deviations of 20 % are cheap, so training takes its time over them."""
    experiment = recipes.vae((4,), 1, hidden=(3,))
    head = experiment.model.encoder[-1][-1]
    with torch.no_grad():
        head.weight.zero_()
        head.bias[:] = torch.tensor([math.sqrt(variance / 2), math.log(variance / 2)])
    assert float(rescale(experiment, torch.zeros(5, 4)).saved) == pytest.approx(nats, abs=1e-6)


def test_only_linear_latents_can_be_rescaled():
    experiment = recipes.vae((4,), 2)
    experiment.model.decoder = nn.Sequential(nn.Tanh(), experiment.model.decoder)
    with pytest.raises(InvalidType, match=r"decoder's first layer is Tanh"):
        rescale(experiment, torch.zeros(5, 4))
