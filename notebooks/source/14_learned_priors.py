# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 14 · Learned priors
#
# **Question.** The aggregate posterior of a VAE is not $\mathcal N(0,I)$. What changes if the prior is learned together with encoder and decoder?
#
# **You will be able to**
# 1. say how many nats a better prior can save for a given encoder, and why the savings on test images are smaller;
# 2. estimate the rate where it has no closed form, and give its Monte Carlo error;
# 3. write down three priors that can be learned: a Gaussian mixture, the mixture of posteriors of pseudo-inputs (VampPrior), and a normalizing flow;
# 4. explain what happens to the variance law, and compare learned priors by rate, distortion, NLL and samples.
#
# **Time** about 50 minutes. **You need** notebooks [06 · The variance law](06_variance_law.ipynb) and [07 · The aggregate posterior](07_aggregate_posterior.ipynb).
# **Symbols** are those of the [table of notation](00_start_here.ipynb#Notation).

# %%
import math

import torch

import vaelab
from vaelab import live, metrics, plots, recipes
from vaelab.data.images import binarize_images

train, test = vaelab.load("mnist-mini"), vaelab.load("mnist-mini", "test")
binary = {"training": binarize_images(train.images, seed=0), "test": binarize_images(test.images, seed=0)}
words = {"N(0, I)": "standard", "mixture": "mixture:50", "VampPrior": "vamp:50", "flow": "flow"}


def trained(word, epochs=10):
    """Train a VAE with a prior; all start from the same encoder and decoder."""
    torch.manual_seed(0)
    vae = recipes.vae(train.shape, 8, hidden=(200,), likelihood="bernoulli", prior=word)
    config = vaelab.TrainConfig(
        live.budget(epochs, fast=1), 100, lr=2e-3, binarize="dynamic", device="cpu", progress=False
    )
    vaelab.fit(vae, train, config)
    return vae


# %%
vaes = {name: trained(word) for name, word in words.items()}
posteriors = {name: vaelab.MarginalPosterior.from_model(vae, binary["training"]) for name, vae in vaes.items()}
plain, plain_vae = posteriors["N(0, I)"], vaes["N(0, I)"]
print(f"{len(vaes)} VAEs: {', '.join(vaes)}")

# %% [markdown]
# ## 1 · How much can a better prior save?
#
# Notebook 07 split the mean rate into the information about the image and $\mathrm{KL}(Q\|p)$. The information does not contain $p$. For a given encoder, the best prior is therefore the aggregate posterior itself, $p=Q$.
#
# ### Predict
# The cell below measures the rate and $\mathrm{KL}(Q\|p)$ of the VAE with the prior $\mathcal N(0,I)$. Its encoder and decoder stay as they are. By how many nats does the ELBO of the training images rise if $p$ becomes $Q$? Is the rise for *test* images `"larger"`, `"equal"` or `"smaller"`?

# %%
rate = float(plain_vae.rate(binary["training"]).mean())
gap = plain.kl_to_prior(1000)
print(f"rate {rate:.2f} nats    KL(Q‖p) {gap.value:.2f} ± {gap.standard_error:.2f} nats")

# %%
rise, rise_of_test, sure = (
    gap.value,
    "smaller",
    70,
)  # your guess: nats, and "larger", "equal" or "smaller"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
torch.manual_seed(0)
codes = {name: plain_vae.encode(images[:2000]).sample() for name, images in binary.items()}
standard = vaelab.priors.Standard(8)
rises = {name: float((plain.log_prob(z) - standard.log_prob(z)).mean()) for name, z in codes.items()}
for name, nats in rises.items():
    print(f"{name:8} images: ln Q(z) - ln p(z) is {nats:.2f} nats on average")
compared = "smaller" if rises["test"] < rises["training"] - 0.1 else "larger or equal"
live.check(
    [rise, rise_of_test],
    [gap.value, compared],
    tolerance=0.2,
    hint="Only the rate contains p, and of the rate only the second part. Does Q contain the test images?",
    question="14.rise",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# $Q$ has one narrow component for each training image, so its advantage comes from recognizing these images. At the codes of test images it can even be worse than $\mathcal N(0,I)$: look at the sign above. A prior that generalizes has far fewer parameters than $Q$: a mixture of $M$ components, for example. If it is trained together with the encoder, the encoder can adapt too.
#
# ## 2 · A rate without a closed form
#
# The KL of a Gaussian from $\mathcal N(0,I)$ has a formula. From a mixture it has none, but for a sample $z\sim q$
#
# $$\mathrm{KL}(q\|p)=\mathbb E_q\big[\ln q(z\mid x)-\ln p(z)\big]\approx\ln q(z\mid x)-\ln p(z).$$
#
# The decoder needs a sample of $z$ anyway, so a training step costs only $\ln p(z)$ more.
#
# ### Predict
# Write the density of a mixture as a log-sum-exp. How many times as many samples does an estimate need to *halve* its standard error?

# %%
times_as_many, sure = 4, 90  # your guess: a number; sure: 50 to 100

# %% [markdown]
# ### Try


# %%
def log_mixture(z, log_weights, mean, logvar):
    """Return ln Σ_m w_m N(z; mean_m, exp(logvar_m)) for z [b, d] and components [M, d]: [b]."""
    squares = (z[:, None] - mean) ** 2 / logvar.exp()
    log_densities = -0.5 * (squares + logvar + math.log(2 * math.pi)).sum(2)
    return (log_weights + log_densities).logsumexp(1)


# %%
prior = vaes["mixture"].model.prior
with torch.no_grad():
    log_weights, parts = prior.components()
    ours, theirs = log_mixture(codes["test"], log_weights, *parts), prior.log_prob(codes["test"])
    assert float((ours - theirs).abs().max()) < 1e-4
    torch.manual_seed(0)
    q = vaes["mixture"].encode(binary["test"][:1])
    draws = prior.rate(vaelab.Gaussian(*(part.expand(2**16, 8) for part in q)))
spread = {n: float(draws.unflatten(0, (-1, n)).mean(1).std()) for n in (16, 64, 256)}
print(f"rate of the first test image: {draws.mean():.2f} nats")
for n, error in spread.items():
    print(f"{n:5} samples: estimates have the standard deviation {error:.3f} nats")
live.check(
    times_as_many,
    (spread[16] / spread[64]) ** 2,
    tolerance=0.7,
    hint="The standard error of a mean of n samples falls with the root of n.",
    hints={2: "Twice as many samples divide the error by 1.41."},
    question="14.times_as_many",
    sure=sure,
)

# %% [markdown]
# ### Explain
# One sample per image is enough for training: its noise averages out over the batch, like the noise of the reconstruction. For a report it is not. `metrics.report` uses 32 samples for each image and prints the standard error of the mean rate below it.
#
# ## 3 · Three priors
#
# - **Mixture**: $p(z)=\sum_m w_m\,\mathcal N(z;m_m,s_m)$ with learned weights, means and variances.
# - **VampPrior** (Tomczak & Welling 2018): $p(z)=\frac1M\sum_m q(z\mid u_m)$. Its components are posteriors of the *encoder*, for $M$ pseudo-inputs $u_m$ that are learned by gradient descent, pixel by pixel.
# - **Flow** (RealNVP, Dinh et al. 2017): noise $e\sim\mathcal N(0,I)$ goes through layers, each of which scales and shifts one half of the latents by functions of the other half. The inverse and the determinant are exact, so $\ln p(z)$ is too.
#
# Compare VAEs that differ in the prior only: same networks, same first weights, same number of epochs.
#
# ### Predict
# With a learned prior the rate falls. What happens to the *distortion* with the VampPrior, compared with $\mathcal N(0,I)$: does it `"rise"` or `"fall"`, by more than half a nat, or does it stay the `"same"`?

# %%
distortion_goes, sure = "fall", 60  # your guess: "rise", "fall" or "same"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
results = {}
for name, vae in vaes.items():
    terms = metrics.bound(vae, binary["test"])
    error = float(terms.rate_error.square().sum().sqrt()) / len(terms.rate_error)
    results[name] = {
        "ELBO": float(terms.elbo.mean()),
        "distortion": float(terms.distortion.mean()),
        "rate": float(terms.rate.mean()),
        "KL(Q‖p)": posteriors[name].kl_to_prior(1000, prior=vae.model.prior).value,
        "NLL": metrics.nll(vae, binary["test"][:500], 100).by_images.value,
    }
    row = "  ".join(f"{key} {value:7.2f}" for key, value in results[name].items())
    print(f"{name:9} {row}   (Monte Carlo error of the rate {error:.3f})")

# %%
moved = results["VampPrior"]["distortion"] - results["N(0, I)"]["distortion"]
live.check(
    distortion_goes,
    "same" if abs(moved) < 0.5 else "rise" if moved > 0 else "fall",
    hint="A nat that is not spent on KL(Q‖p) can be spent on information about the image.",
    question="14.distortion_goes",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# A prior that follows $Q$ has a smaller $\mathrm{KL}(Q\|p)$ (last column but one, of the 10,000 training images), and so the encoder is free to put codes farther apart, where they are easier to tell from each other. This is one seed and a short training, and the ELBO differs between seeds. Figure `prior-table` repeats the comparison with three seeds, a wider network and twice the epochs,
# and adds what can be done *after* the training: rescaling, a second stage and a fitted Gaussian mixture. There, every learned prior lowers the NLL with every seed. So does the mixture that is fitted afterward, which beats the mixture that is learned; the VampPrior is ahead of both, by little in the Fréchet distance of samples.
#
# ## 4 · What happens to the variance law
#
# The law $V=1$ follows from the derivative of $\mathrm{KL}(q\|\mathcal N(0,1))$ with respect to the scale of a latent.
#
# ### Predict
# Under the VampPrior, is the mean $V$ of the active latents within 10 % of 1, `"yes"` or `"no"`?

# %%
law_holds, sure = "no", 70  # your guess: "yes" or "no"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
variances = {name: posterior.variance_law().mean_active for name, posterior in posteriors.items()}
for name, value in variances.items():
    print(f"{name:9} mean V of the active latents {value:.2f}")
live.check(
    law_holds,
    "yes" if abs(variances["VampPrior"] - 1) < 0.1 else "no",
    hint="If codes and prior are stretched by the same factor, does the rate change?",
    question="14.law_holds",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# The KL does not depend on the units of $z$: stretch the codes and the prior by one factor, let the decoder undo it, and nothing changes. $\mathcal N(0,I)$ fixes the units; a learned prior adopts those of the codes. With $\mathcal N(0,I)$ the mean $V$ approaches 1 as the training goes on (this one is short); with a learned prior there is no such value. Step through the latents of the VampPrior's
# $Q$: which of them is far from a Gaussian?

# %%
latents = live.posterior_panel(posteriors["VampPrior"])
live.show(latents)

# %% [markdown]
# ## 5 · Pseudo-inputs and samples
#
# The pseudo-inputs start at the mean of the training images plus noise. Nothing in the loss asks them to look like digits. A *test* image has a nearest training image at some Euclidean distance.
#
# ### Predict
# After the training, is a pseudo-input `"nearer"` to its nearest training image than a test image is, or `"farther"` away? And the image that the decoder makes of the code of a pseudo-input?

# %%
pseudo_inputs_are, decoded_are, sure = "farther", "nearer", 60  # your guesses: "nearer" or "farther"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
vamp = vaes["VampPrior"].model.prior
pseudo_inputs = vamp.pseudo_inputs.detach()
decoded = vaes["VampPrior"].decode(vaes["VampPrior"].encode(pseudo_inputs).mean)
kinds = {"test images": test.images.float() / 255, "pseudo-inputs": pseudo_inputs, "decoded": decoded}
known = train.images.float().flatten(1) / 255
distance = {kind: float(torch.cdist(x.flatten(1), known).min(1).values.mean()) for kind, x in kinds.items()}
for kind, value in distance.items():
    print(f"{kind:14} {value:5.2f} from the nearest training image")
live.check(
    [pseudo_inputs_are, decoded_are],
    ["nearer" if distance[kind] < distance["test images"] else "farther" for kind in ("pseudo-inputs", "decoded")],
    hint="Only the posterior of a pseudo-input matters, and many images have nearly the same posterior.",
    question="14.pseudo_inputs_are",
    sure=sure,
    trained=True,
)

# %% tags=["hide-input"]
torch.manual_seed(0)
rows_of_images = {
    "pseudo-inputs": pseudo_inputs[:14],
    "their codes,\ndecoded": decoded[:14],
    **{f"samples,\n{name}": vae.sample(14) for name, vae in vaes.items()},
}
with plots.style("notebook"):
    figure = plots.new_figure(8.4, 4.0)
    plots.image_grid(
        figure.subplots(), torch.stack([images[:, 0] for images in rows_of_images.values()]), list(rows_of_images)
    )
live.show(
    figure,
    alt="Six rows of fourteen images: pseudo-inputs, which are blurred digits in noise; the clean digits that their codes "
    "decode to; and samples from the standard normal prior, the mixture, the VampPrior and the flow.",
    caption="Pseudo-inputs, the decoded means of their posteriors, and samples of the four VAEs.",
)

# %% [markdown]
# ### Explain
# A pseudo-input must excite the encoder like a digit, and need not look like one. Its code decodes to a clean image, which is nearer to the training images than a real test image is, since the decoder's mean is smooth. Compare the rows of samples: which shapes of $\mathcal N(0,I)$ are no digits?

# %% [markdown]
# ## Exercises
#
# **1.** A coupling multiplies three latents by $e^{0.5}$ and leaves the others alone. By how much does it change $\ln p(z)$, compared with the density of the noise $e$ from which it came?

# %%
change = -1.5  # your answer, nats

# %%
scale = torch.full((3,), 0.5)
noise = torch.distributions.Normal(0.0, 1.0)
stretched = torch.distributions.Normal(0.0, scale.exp())
e = torch.tensor([0.3, -1.0, 0.7])
live.check(
    change,
    float((stretched.log_prob(e * scale.exp()) - noise.log_prob(e)).sum()),
    hint="The density falls where the space is stretched: by the logarithm of the volume's factor.",
    hints={1.5: "Mind the sign: stretched space has a lower density.", -0.5: "Three latents are stretched, not one."},
)

# %% [markdown]
# **2.** A VampPrior gets the $N$ training images themselves as pseudo-inputs, and they stay fixed. What is $\mathrm{KL}(Q\|p)$ over the training images? And what is the largest possible mean rate, for $N=10{,}000$?

# %%
distance_of_all, largest_rate = 0.0, math.log(10_000)  # your answers, nats

# %%
with torch.no_grad():  # with 200 of them
    few = vaelab.priors.VampPrior(200, images=binary["training"][:200]).sized(8, train.shape)
    few.bind(vaes["N(0, I)"].model.posterior)
    of_few = vaelab.MarginalPosterior(plain.mean[:200], plain.logvar[:200])
    measured = of_few.kl_to_prior(500, prior=few)
live.check(
    [distance_of_all, largest_rate],
    [measured.value, of_few.mutual_information(500).ceiling + math.log(50)],
    hint="Then p is Q. What remains of the rate is the information about which image it is.",
)

# %% [markdown]
# **3.** Give the mixture the units of another encoder: multiply all codes, the means of the mixture and its standard deviations by 3. By how many nats does the mean rate change?

# %%
change_of_rate = 0.0  # your answer, nats

# %%
rates = []
for factor in (1.0, 3.0):
    other = vaelab.priors.Mixture(50, latent=8)
    with torch.no_grad():
        other.logits.copy_(prior.logits)
        other.mean.copy_(factor * prior.mean)
        other.logvar.copy_(prior.logvar + 2 * math.log(factor))
        torch.manual_seed(0)
        q = vaes["mixture"].encode(binary["test"])
        rates.append(float(other.rate(vaelab.Gaussian(factor * q.mean, q.logvar + 2 * math.log(factor))).mean()))
live.check(
    change_of_rate,
    rates[1] - rates[0],
    hint="ln q and ln p change by the same amount.",
    hints={-8 * math.log(3): "That is the change of ln q(z|x) alone.", 8 * math.log(3): "And ln p(z)?"},
)

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("14")

# %% [markdown]
# ## Recap
# 1. For a given encoder the best prior is $Q$, and it saves $\mathrm{KL}(Q\|p)$. On new images the savings are smaller, since $Q$ contains the training images.
# 2. $\ln q(z\mid x)-\ln p(z)$ at the samples of the decoder is an estimate of the rate without bias. Report it with its standard error.
# 3. A mixture is free, a VampPrior consists of the encoder's own posteriors, and a flow has an exact density by its determinant. All three descend the same loss as the networks.
# 4. With a learned prior the units of the latents are arbitrary, and the variance law does not hold.
#
# ## References
# 1. J. Tomczak, M. Welling (2018). *VAE with a VampPrior.* AISTATS. arXiv 1705.07120.
# 2. L. Dinh, J. Sohl-Dickstein, S. Bengio (2017). *Density estimation using Real NVP.* ICLR. arXiv 1605.08803.
# 3. M. Hoffman, M. Johnson (2016). *ELBO surgery: yet another way to carve up the variational evidence lower bound.* NIPS workshop.
# 4. A. Asperti (2019). *About Generative Aspects of Variational Autoencoders.* LOD 2019, LNCS. doi 10.1007/978-3-030-37599-7_7.
