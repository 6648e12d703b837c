# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 12 · A museum of failures
#
# **Question.** A VAE has trained without an error message and is useless. Which instrument tells you why, and which cure works?
#
# **You will be able to**
# 1. read four instruments (rate, active latents, variance of the codes, spread of the samples) before you change any code;
# 2. tell a collapse that a schedule can prevent from one that the objective asks for;
# 3. find errors of scale (mean for sum, standard deviation for variance, one divergence for the other) from numbers alone;
# 4. test an estimate against what it cannot exceed: a bound that must rise, an information that has a ceiling.
#
# **Time** about 45 minutes. **You need** the variance law ([06 · The variance law](06_variance_law.ipynb)), gamma
# ([08 · Setting gamma](08_setting_gamma.ipynb)) and two stages ([10 · Two stages](10_two_stages.ipynb)).
#
# Every exhibit is a failure that somebody reported in public; the references name the report. You see the **symptoms** first. Choose a cure, then run
# the cell: it applies *every* cure on the list, with three seeds each, and shows what they do. All models are small and learn the 8 x 8 digits in about
# a second. **Symbols** are those of the [table of notation](00_start_here.ipynb#Notation). The error is the squared error summed over the 64 pixels; rates are in nats per image.

# %%
import math

import torch
from torch import nn

import vaelab
from vaelab import KL, Gaussian, live, metrics, plots, recipes
from vaelab.metrics.classifier import classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.posterior.samplers import GMMSampler, PriorSampler
from vaelab.posterior.two_stage import SecondStage

# %% [markdown]
# ## 1 · The instruments
#
# - **error** and **rate**: the two parts of the loss, at the posterior means;
# - **active**: latents whose means vary, so that they say something about the image;
# - **V**: the variance of the codes, averaged over the latents; the variance law says 1;
# - **spread**: the variance of decoded prior samples as a share of the data's variance. A spread of 0 is one image, again and again.

# %%
digits, test = vaelab.load("digits"), vaelab.load("digits", "test")
x = digits.images.float() / 255
shape, pixels = digits.shape, math.prod(digits.shape)


def train(make, seed, epochs=40, batch=64):
    """Build an experiment with a seed and train it on the digits."""
    torch.manual_seed(seed)
    experiment, epochs = make(), live.budget(epochs, fast=2)
    vaelab.fit(experiment, digits, vaelab.TrainConfig(epochs=epochs, batch_size=batch, lr=2e-3, progress=False))
    return experiment


def instruments(experiment):
    """Return error, rate, active latents, V and spread of a trained experiment."""
    q = experiment.encode(x)
    law = vaelab.MarginalPosterior(*q).variance_law()
    prior = torch.randn(1000, experiment.model.latent, generator=torch.Generator().manual_seed(0))
    return {
        "error": float((experiment.decode(q.mean) - x).square().flatten(1).sum(1).mean()),
        "rate": float(vaelab.kl(q, Gaussian.standard(q.mean)).mean()),
        "active": float(law.active.sum()),
        "V": float(law.total.mean()),
        "spread": float(experiment.decode(prior).var(0).sum() / x.var(0).sum()),
    }


# %% [markdown]
# One seed is not evidence. `case` trains with three of them and prints the mean and the range of each instrument.


# %%
def show(name, rows):
    """Print the mean and, below it, the range of each instrument over the seeds; return the means."""
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    means = {key: sum(values) / len(values) for key, values in columns.items()}
    print(f"{name:18}", *(f"{f'{key} {value:.2f}':>13}" for key, value in means.items()))
    print(f"{'':18}", *(f"{f'{min(values):.2f}..{max(values):.2f}':>13}" for values in columns.values()))
    return means


def case(name, make, **options):
    """Train with three seeds, print the instruments and return their means."""
    return show(name, [instruments(train(make, seed, **options)) for seed in range(3)])


healthy = case("a healthy VAE", lambda: recipes.vae(shape, 8, hidden=(64,), gamma="computed"))

# %% [markdown]
# ## 2 · One image for everything
#
# **Symptoms.** "KL is about zero after two or three epochs, the reconstructions are identical and make no sense." (reported in 2016 and again in 2018 [1, 2].) The code adds
# `mse_loss(x, reconstruction)`, which is a **mean** over the pixels, to a KL that is **summed** over the latents.
#
# In the units of the likelihood, a mean over $D$ pixels is $\sum(x-\hat x)^2/2\gamma^2$ with $2\gamma^2=D$. The author of the code has chosen a decoder with the standard deviation $\sqrt{D/2}$, for pixels between 0 and 1:

# %%
print(f"gamma = {math.sqrt(pixels / 2):.2f}")
sick = case("mean over pixels", lambda: recipes.vae(shape, 8, hidden=(64,), gamma=math.sqrt(pixels / 2)))

# %% [markdown]
# ### Predict
# Which change gives a model whose latents are alive, with a rate above 1 nat: `"more epochs"`, `"KL annealing"`, or `"sum over pixels"` together with a computed gamma?

# %%
cure_of_mean, sure = (
    "sum over pixels",
    80,
)  # your guess: "more epochs", "KL annealing" or "sum over pixels"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
gamma = math.sqrt(pixels / 2)
cures = {
    "more epochs": case("more epochs", lambda: recipes.vae(shape, 8, hidden=(64,), gamma=gamma), epochs=120),
    "KL annealing": case("KL annealing", lambda: recipes.annealed_vae(shape, 8, steps=500, hidden=(64,), gamma=gamma)),
    "sum over pixels": case("sum over pixels", lambda: recipes.vae(shape, 8, hidden=(64,), gamma="computed")),
}


def pictures(rows):
    """Draw rows of fourteen images, by name."""
    with plots.style("notebook"):
        figure = plots.new_figure(8, 0.58 * len(rows))
        plots.image_grid(
            figure.subplots(), torch.stack([images[:14, 0] for images in rows.values()]), list(rows), gap=1
        )
    return figure


# %%
def best(cures):
    """Return the names of the cures after which the rate is above 1 nat."""
    return " and ".join(name for name, row in cures.items() if row["rate"] > 1) or "none"


live.check(
    cure_of_mean,
    best(cures),
    hint="By which factor is the error too small against the KL? Do epochs or a schedule change it at the end?",
    question="12.cure_of_mean",
    sure=sure,
    trained=True,
)

# %%
dead = train(lambda: recipes.vae(shape, 8, hidden=(64,), gamma=gamma), 0)
alive = train(lambda: recipes.vae(shape, 8, hidden=(64,), gamma="computed"), 0)
rows = {"data": x, "mean": dead.decode(dead.encode(x).mean), "sum": alive.decode(alive.encode(x).mean)}
varies = {name: float(images.std(0).mean()) for name, images in rows.items()}
live.show(
    pictures(rows),
    alt=f"Three rows of fourteen digits: the data; the reconstructions with a mean over pixels, whose pixels vary by {varies['mean']:.3f} from image to image; those with a sum, by {varies['sum']:.3f}.",
    caption="The failure and the cure, one seed. With a mean over pixels, every image is reconstructed as the average of the data.",
)

# %% [markdown]
# ### Explain
# Nothing is broken: the network finds the optimum of the loss that it was given, in which a nat of code costs more than the error it saves. Annealing moves the start and leaves the optimum where it is. The cure is a sum over pixels, or, better, a gamma that
# follows the error. "The loss looks small" is the symptom to remember: a mean squared error of about 0.07 is a squared error of almost 5 per image.
#
# ## 3 · A collapse that the objective asks for
#
# **Symptoms.** "The KL loss becomes zero after several hundred steps; I try to change the weight strategy, but it seems useless." [3] Another author starts with a KL weight near zero, and it works [4]. Who is right?
# Here the decoder has $\gamma=1$, the usual "half the sum of squares".
#
# Notebook 10 derives what a latent gains: it is worth its KL only if the variance $v$ of the data along its direction exceeds $\gamma^2$. For a linear decoder, the directions are the principal components.

# %%
variances = torch.linalg.eigvalsh(torch.cov(x.flatten(1).T)).flip(0)
print("largest variances along principal components:", [round(float(v), 2) for v in variances[:5]])

# %% [markdown]
# ### Predict
# (a) How many principal components of the digits have a variance above $\gamma^2=1$? (b) So which of these gives a rate above 1 nat: `"KL annealing"`, `"more latents"` (32 instead of 8), or `"gamma 0.3"`?

# %%
how_many = 0  # your guess, a number
cure_of_gamma, sure = "gamma 0.3", 70  # your guess: "KL annealing", "more latents" or "gamma 0.3"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
sick = case("gamma 1", lambda: recipes.vae(shape, 8, hidden=(64,), gamma=1.0))
cures = {
    "KL annealing": case("KL annealing", lambda: recipes.annealed_vae(shape, 8, steps=500, hidden=(64,), gamma=1.0)),
    "more latents": case("more latents", lambda: recipes.vae(shape, 32, hidden=(64,), gamma=1.0)),
    "gamma 0.3": case("gamma 0.3", lambda: recipes.vae(shape, 8, hidden=(64,), gamma=0.3)),
}
live.check(
    [how_many, cure_of_gamma],
    [int((variances > 1).sum()), best(cures)],
    hint="Compare the largest variance with γ². A schedule ends.",
    question="12.cure_of_gamma",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# With $\gamma=1$ no direction pays for itself, and the collapsed model is the *optimum*. During annealing the latents live; when the weight reaches 1 they die. Elsewhere the optimum is alive, and only the way to it leads through the
# collapsed state: there a schedule helps, and section 8 shows such a case. The instrument that separates the two is not the loss curve, but the comparison of $v$ with $\gamma^2$.
#
# The panel shows twelve trained VAEs that differ in gamma alone. Find the gamma at which the rate leaves zero, and compare its square with the largest variance above.

# %%
panel = live.balance_panel()
live.show(panel)

# %% [markdown]
# ## 4 · Good reconstructions, one sample
#
# **Symptoms.** The reconstructions are good, the rate is high, and all samples from the prior look alike. The code computes $\mathrm{KL}(p\|q)$ instead of $\mathrm{KL}(q\|p)$, "since both are zero for equal distributions". Related
# reports speak of exploding standard deviations and NaN [5].

# %%
sick = case("KL(p‖q)", lambda: recipes.reverse_kl_vae(shape, 8, hidden=(64,), gamma=0.15))
right = case("KL(q‖p)", lambda: recipes.vae(shape, 8, hidden=(64,), gamma=0.15))

# %% [markdown]
# ### Predict
# For one latent, $\mathrm{KL}(p\|q)=\tfrac12\big[(1+\mu^2)/\sigma^2-1+\ln\sigma^2\big]$. (a) Which $\sigma^2$ minimizes it for a code with $\mu=2$? (b) A latent needs means that are far apart compared with $\sigma$. Is V then `"above"` or `"below"` 1?

# %%
best_variance = 5.0  # your answer, a number
v_is, sure = "above", 70  # your guess: "above" or "below"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
grid = torch.linspace(0.1, 20, 2000)
reverse = 0.5 * ((1 + 2.0**2) / grid - 1 + grid.log())
live.check(
    [best_variance, v_is],
    [float(grid[reverse.argmin()]), "above" if sick["V"] > 1 else "below"],
    tolerance=0.05,
    hint="Set the derivative by σ² to zero; where does it move σ when μ grows?",
    hints={(1, 4): "That is μ² alone; the prior has a variance, too."},
    question="12.v_is",
    sure=sure,
    trained=True,
)

# %% [markdown]
# The cure has two candidates: train with the right divergence, or keep the network and *rescale* its latents to $V=1$, which changes no reconstruction (notebook 06).

# %%
experiments = [train(lambda: recipes.reverse_kl_vae(shape, 8, hidden=(64,), gamma=0.15), seed) for seed in range(3)]
rescaled = show("KL(p‖q), rescaled", [instruments(vaelab.rescale(e, digits.images).experiment) for e in experiments])
print(f"spread: {sick['spread']:.2f} before, {rescaled['spread']:.2f} rescaled, {right['spread']:.2f} with KL(q‖p)")

# %%
prior = torch.randn(14, 8, generator=torch.Generator().manual_seed(1))
rows = {"as trained": experiments[0], "rescaled": vaelab.rescale(experiments[0], digits.images).experiment}
live.show(
    pictures({name: experiment.decode(prior) for name, experiment in rows.items()}),
    alt=f"Two rows of fourteen samples from the prior. As trained they resemble one another, with {sick['spread']:.2f} of the data's variance; rescaled they are different digits, with {rescaled['spread']:.2f}.",
    caption="The same decoder at the same points of the prior, one seed: with its latents as trained, and with its latents rescaled to V = 1.",
)

# %% [markdown]
# ### Explain
# $\mathrm{KL}(p\|q)$ punishes a narrow posterior without limit and a wide one hardly at all: $\sigma^2=1+\mu^2$ is its optimum. The encoder keeps $\sigma$ near 1 and moves the means far apart, so the codes fill a much larger ball than the prior, whose samples all lie near
# the center: one image. Without the reconstruction term the widths would grow with the means; this is the explosion. V finds the error at once, and the rescaling shows how much of the damage is only a matter of scale.
#
# ## 5 · A likelihood that is too good
#
# **Symptoms.** The loss is lower than in the paper; the importance-weighted likelihood "is much different from what you have reported" once one line is changed [6]: `mu + eps * logvar.exp()`. The same line was proposed, corrected and defended in a well-known library [7].
#
# The noise then has the standard deviation $\sigma^2$ where the KL believes $\sigma$. In our notation: the true posterior is $\mathcal N(\mu,\sigma^2)$, and the KL is computed with $\sigma$ in place of $\sigma^2$.


# %%
class WrongKL(nn.Module):
    """KL with the standard deviation in place of the variance."""

    def forward(self, q, p):
        return KL()(Gaussian(q.mean, 0.5 * q.logvar), p)


def wrong():
    """Build a VAE with the wrong divergence."""
    right = recipes.vae(shape, 8, hidden=(64,), gamma=0.15)
    return vaelab.Experiment(right.model, vaelab.Objective(right.objective.likelihood, WrongKL()), shape)


experiments = [train(wrong, seed) for seed in range(3)]
sick = show("wrong noise", [instruments(e) for e in experiments])
believed = [float(WrongKL()(q := e.encode(x), Gaussian.standard(q.mean)).mean()) for e in experiments]
print(f"the program reports a rate of {sum(believed) / 3:.1f} nats; the true rate is {sick['rate']:.1f}")

# %% [markdown]
# ### Predict
# Scale a latent by $c$ and let the decoder undo it. The wrong KL becomes $\tfrac12[c^2\mu^2+c\,\sigma-1-\ln(c\,\sigma)]$. At the optimum its derivative by $c$ is zero at $c=1$. Which value does
# $\mathbb E[\mu^2]+\tfrac12\mathbb E[\sigma]$ then take, in place of the 1 of the variance law?

# %%
law, sure = 0.5, 60  # your guess, a number; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
c = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
mu, sigma = torch.randn(4000, dtype=torch.float64), torch.rand(4000, dtype=torch.float64)
(0.5 * (c**2 * mu**2 + c * sigma - 1 - (c * sigma).log())).mean().backward()
# The derivative is E[mu²] + E[sigma]/2 minus the value in question.
longer = show("wrong, 3 x longer", [instruments(train(wrong, seed, epochs=120)) for seed in range(3)])
live.check(
    law,
    float((mu**2 + sigma / 2).mean() - c.grad),
    hint="Differentiate, and set c = 1.",
    hints={1: "That is the law of the right KL; here the derivative of the logarithm has a factor of ½."},
    question="12.law",
    sure=sure,
)

# %% [markdown]
# ### Explain
# The codes of a VAE with this error have a variance near one half, which no reading of the loss would reveal, and the reported rate is too low by several nats, so the reported likelihood is too high. It is one of the errors that train perfectly well: the network adapts to the
# wrong noise. Only an identity that must hold, here the variance law, finds it.
#
# ## 6 · The ratchet
#
# **Symptoms.** A computed gamma ends below the error that it is meant to follow, and the smaller the batches, the further below. The rule in the published code [8] is `variance = min(variance, mean of recent errors)`.


# %%
def mismatch(rule, batch):
    """Return γ² over the mean squared error per pixel, with sampled z: three seeds."""
    ratios = []
    for seed in range(3):
        policy = vaelab.gamma.Computed(rule=rule, rate=0.1)
        experiment = train(lambda p=policy: recipes.vae(shape, 8, hidden=(64,), gamma=p), seed, 15, batch)
        error = float((experiment.decode(experiment.encode(x).sample()) - x).square().mean())
        ratios.append(float(experiment.objective.likelihood.gamma.gamma.detach()) ** 2 / error)
    print(f"{rule:>12}, batches of {batch:3}: γ² / error", "  ".join(f"{ratio:.2f}" for ratio in ratios))
    return sum(ratios) / 3


# %% [markdown]
# ### Predict
# The rule is `"running_min"`; a plain running mean is `"ema"`. Which of the four runs (rule, batch size) ends farthest **below** a ratio of 1?

# %%
farthest, sure = ["running_min", 8], 80  # your guess: "running_min" or "ema", 8 or 128; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
ratios = {(rule, batch): mismatch(rule, batch) for rule in ("running_min", "ema") for batch in (8, 128)}
rule, batch = min(ratios, key=ratios.get)
live.check(
    farthest,
    [rule, batch],
    hint="Which rule can only fall? When does the mean of a batch vary most?",
    question="12.farthest",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# A minimum over many noisy numbers is below their mean, and the noise is larger in small batches. The rule forgets that errors also rise. A running mean has no such bias; with large batches both rules agree, which is why the error stayed unnoticed.
#
# ## 7 · Holes
#
# **Symptoms.** "If we sample directly from N(0, 1), it will not generate a reasonable shape", although the reconstructions are excellent [9]. All instruments of section 1 look fine, V included.

# %%
experiments = [train(lambda: recipes.vae(shape, 8, hidden=(64,), gamma=0.1), seed, epochs=60) for seed in range(3)]
experiments = [vaelab.rescale(e, digits.images).experiment for e in experiments]  # V = 1: not a matter of scale
sick = show("small gamma", [instruments(e) for e in experiments])
posteriors = [vaelab.MarginalPosterior(*e.encode(x)) for e in experiments]
print("KL(Q‖p), nats:", "  ".join(f"{p.kl_to_prior().value:.1f}" for p in posteriors))

# %% [markdown]
# ### Predict
# Call a point a *hole* if the aggregate posterior is less dense there than at 99 % of the codes. Are `"few"` (under a tenth), `"some"`, or `"most"` (over a half) of the samples from the prior in holes?

# %%
in_holes, sure = "most", 70  # your guess: "few", "some" or "most"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
generator = torch.Generator().manual_seed(0)
shares = []
for posterior in posteriors:
    limit = posterior.log_prob(posterior.sample(2000, generator)).quantile(0.01)
    shares.append(float((posterior.log_prob(torch.randn(2000, 8, generator=generator)) < limit).float().mean()))
print("share of prior samples in holes:", "  ".join(f"{share:.0%}" for share in shares))
share = sum(shares) / 3
live.check(
    in_holes,
    "few" if share < 0.1 else "most" if share > 0.5 else "some",
    hint="KL(Q‖p) compares two densities: e to the power of its value is a typical ratio.",
    question="12.in_holes",
    sure=sure,
    trained=True,
)

# %% [markdown]
# The cure samples where the codes are: a mixture of Gaussians fitted to them. The Fréchet distance on the features of a classifier compares the samples with test digits.

# %%
network = classifier(digits)
real = network.features(test.images)


def distance(sampler, experiment):
    """Return the Fréchet distance of 1000 decoded samples from the test digits."""
    z = sampler.fit(experiment.encode(x)).sample(1000, torch.Generator().manual_seed(0))
    return frechet_distance(real, network.features(experiment.decode(z)))


samplers = {"prior": PriorSampler(), "mixture": GMMSampler()}
scores = {name: [distance(sampler, e) for e in experiments] for name, sampler in samplers.items()}
for name, values in scores.items():
    print(f"{name:>8}: distance", "  ".join(f"{value:.1f}" for value in values))

# %%
generator = torch.Generator().manual_seed(3)
live.show(
    pictures({name: experiments[-1].decode(sampler.sample(14, generator)) for name, sampler in samplers.items()}),
    alt=f"Two rows of fourteen samples: from the prior, at a distance of {scores['prior'][-1]:.1f} from the test digits; from a mixture of Gaussians, at {scores['mixture'][-1]:.1f}.",
    caption="Samples of one decoder, one seed. Between the codes it decodes strokes that belong to no digit.",
)

# %% [markdown]
# ### Explain
# The variance law fixes two moments, and a distribution has more than two. A small gamma buys reconstruction with rate; the codes become islands, and the decoder was never trained between them. $\mathrm{KL}(Q\|p)$ is the instrument. A sampler that follows the codes is the cure, or a larger gamma, which
# has its own price (notebook 08).
#
# ## 8 · The second stage that learned nothing
#
# **Symptoms.** "What prevents the second stage from falling into the same trap?" [10] asks a reader of a two-stage VAE. Here is a second stage on the codes of section 7, whose samples, multiplied by the right factor, have the right variance. They decode to mush.
#
# ### Predict
# Which of these gives a stage that has not collapsed, for all three seeds: `"renormalization"`, `"no warm-up"`, or `"KL warm-up"`?

# %%
cure_of_stage, sure = "KL warm-up", 80  # your guess: "renormalization", "no warm-up" or "KL warm-up"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
codes = [e.encode(x) for e in experiments]
steps = live.budget(600, fast=200)
cold = [SecondStage(width=64, steps=steps, warmup=0.0, seed=k).fit(q) for k, q in enumerate(codes)]
warm = [SecondStage(width=64, steps=steps, warmup=0.5, seed=k).fit(q) for k, q in enumerate(codes)]
for name, stages in (("no warm-up", cold), ("KL warm-up", warm)):
    print(f"{name}: spread of the samples", "  ".join(f"{stage.std_ratio:.2f}" for stage in stages))
try:
    cold[0].renormalized("law")
except ValueError as error:
    print("renormalization:", error)
alive = [name for name, stages in (("no warm-up", cold), ("KL warm-up", warm)) if not any(s.collapsed for s in stages)]
live.check(
    cure_of_stage,
    " and ".join(alive) or "none",
    hint="Multiplying a cluster by a number does not make it a ring.",
    hints={"no warm-up": "At γ² = 1 no direction of these codes is worth its KL."},
    question="12.cure_of_stage",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# The codes have variance 1 in every direction, and gamma starts at 1: $v=\gamma^2$, the borderline of section 3. This time the live state exists and has the lower loss; the stage does not find it, because gamma follows the error and the error follows gamma. A warm-up gets past the
# borderline. This is the case in which annealing cures. Renormalizing a collapsed stage is refused by the package.
#
# ## 9 · A bound that falls
#
# **Symptoms.** With more importance samples the "IWAE loss" gets worse. In one popular implementation [11] the weights are a softmax over the *errors*, so that the worst sample gets the largest weight. Another takes the mean of the logarithms instead of the logarithm of the mean [12].
#
# Write $\ln w_k=\ln p(x,z_k)-\ln q(z_k|x)$. Then $\ln\frac1K\sum_kw_k$ is the bound, which rises with $K$ on average. The two errors are $\sum_k\tilde w_k\ln w_k$ with $\tilde w=\mathrm{softmax}(-\ln w)$, and $\frac1K\sum_k\ln w_k$.

# %%
model = train(lambda: recipes.vae(shape, 8, hidden=(64,), gamma="computed"), seed=0)


def log_weights(count, images=x[:200]):
    """Return ln w of draws from the posterior, [count, images]."""
    q = model.encode(images)
    torch.manual_seed(1)
    z = torch.stack([q.sample() for _ in range(count)])
    prior = Gaussian.standard(q.mean)
    nll = [model.objective.likelihood.nll(model.model.decoder(draw).view(-1, *shape), images) for draw in z]
    return torch.stack([-n + prior.log_prob(d) - q.log_prob(d) for n, d in zip(nll, z, strict=True)]).detach()


# %% [markdown]
# ### Predict
# From $K=1$ to $K=50$, does each value get `"better"` (higher), `"worse"`, or stay the `"same"` (within 0.2 nats)? In this order: the right bound, softmax over errors, mean of the logarithms.

# %%
changes, sure = ["better", "worse", "same"], 70  # your guesses: "better", "worse" or "same"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
estimates = {
    "right": lambda w: w.logsumexp(0) - math.log(len(w)),
    "softmax over errors": lambda w: ((-w).softmax(0) * w).sum(0),
    "mean of logarithms": lambda w: w.mean(0),
}
weights = log_weights(50)
found = []
for name, estimate in estimates.items():
    one, many = (float(estimate(w).mean()) for w in (weights[:1], weights))
    found.append("same" if abs(many - one) < 0.2 else "better" if many > one else "worse")
    print(f"{name:>20}: K = 1 {one:8.2f}, K = 50 {many:8.2f}")
package = metrics.nll(model, x[:200], samples=50)
print(f"{'the package':>20}: K = 50 {-float(package.per_image.mean()):8.2f} ± {package.by_draws:.2f} from the draws")
live.check(
    changes,
    found,
    hint="Which of them still is the ELBO for K = 50?",
    question="12.changes",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# Two tests find both errors without reading the code: at $K=1$ the bound equals the ELBO, and it does not fall as $K$ grows. A mean of logarithms is the ELBO for every $K$: harmless, and useless. A softmax over errors trains the model on its worst draws.
#
# ## 10 · More information than there is
#
# **Symptoms.** "I think I must have made a mistake somewhere": a derivation of $\mathbb E_q\ln q(z|x)$ that lacks a term, and a mutual information between image and code that does not agree with other programs [13].
# For $d$ latents, $\mathbb E_q\ln q=-\tfrac d2\ln2\pi-\tfrac12\sum(1+\ln\sigma^2)$. Without the 1, the information is too large by a constant.
#
# ### Predict
# (a) By how many nats is it too large with 8 latents? (b) The code of one of $N$ images cannot say more about *which* image it is than $\ln N$. Does the wrong number stay `"below"` this ceiling or rise `"above"` it, for the model of section 7?

# %%
excess = 4.0  # your answer, nats
against_ceiling, sure = "above", 70  # your guess: "below" or "above"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
q = experiments[0].encode(x)
posterior = vaelab.MarginalPosterior(*q)
right = posterior.mutual_information()
z = q.sample()
log_q = posterior.log_prob(z).mean()  # E ln Q(z), of the mixture of all posteriors
d = q.mean.shape[1]
negative_entropy = -0.5 * d * math.log(2 * math.pi) - 0.5 * q.logvar.sum(1).mean()  # lacks the 1
exact_entropy = -torch.distributions.Normal(q.mean, (0.5 * q.logvar).exp()).entropy().sum(1).mean()
wrong_value, value = float(negative_entropy - log_q), right.leave_one_in.value
print(f"information {value:.2f}, without the 1 {wrong_value:.2f}, ceiling ln {len(x)} = {right.ceiling:.2f} nats")
live.check(
    [excess, against_ceiling],
    [float(negative_entropy - exact_entropy), "above" if wrong_value > right.ceiling else "below"],
    tolerance=1e-3,
    hint="One half per latent.",
    hints={(1, d): "That is one nat per latent; look at the factor in front of the sum."},
    question="12.against_ceiling",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# An estimate of information has a ceiling: $\ln N$, if the $N$ images are the world. A value above it needs no further inspection. A value that is nearly *at* the ceiling is not a triumph either: every image then has a code of its own, and with more images the number would grow.
#
# ## All exhibits at a glance
#
# | symptom | instrument | cause | cure |
# |---|---|---|---|
# | one image for everything | rate 0 | mean over pixels against a summed KL | sum, or a gamma that follows the error |
# | KL dies when its weight reaches 1 | largest variance against $\gamma^2$ | $\gamma$ too large: the optimum is dead | smaller gamma; annealing does not help |
# | KL dies at once, live state is better | loss of both states | start at the borderline | annealing |
# | good reconstructions, one sample | V far above 1 | $\mathrm{KL}(p\Vert q)$ | $\mathrm{KL}(q\Vert p)$; rescaling repairs the scale |
# | too good a likelihood | V near one half | noise with $\sigma^2$ for $\sigma$ | the square root |
# | gamma below the error | γ² / error | a minimum of noisy errors | a running mean |
# | bad samples, V = 1 | $\mathrm{KL}(Q\Vert p)$ | holes | sample from a mixture |
# | bound falls with $K$ | $K=1$ against the ELBO | weights inverted | log of the mean |
# | information above $\ln N$ | the ceiling | entropy without its constant | the full entropy |
#
# ## Exercises
# **1.** A colleague reports a rate of 0.00 and an error of 4.8 on these digits. Which error has a decoder that ignores its code and always returns the mean image, that is, what is the total variance
# $\sum_iv_i$ of the data? (`x` contains the images.)

# %%
total_variance = 4.7  # your answer, a number to within 0.1

# %%
mean_error = float((x - x.mean(0)).square().flatten(1).sum(1).mean())
live.check(total_variance, mean_error, tolerance=0.1, hint="Compute the squared error of the mean image.")

# %% [markdown]
# **2.** Lower $\gamma$ from 1. At which $\gamma$ does a *second* principal component of the digits begin to pay for itself, in a linear decoder?

# %%
second_alive = 0.796  # your answer, a number

# %%
live.check(
    second_alive,
    float(variances[1].sqrt()),
    tolerance=0.005,
    hint="A component is worth its KL if its variance, printed in section 3, exceeds γ².",
    hints={
        float(variances[1]): "That is γ²; take its root.",
        float(variances[0].sqrt()): "There the first component begins to pay.",
    },
)

# %% [markdown]
# **3.** With the error of section 5 at its optimum, and with almost no noise ($\sigma\to0$): what is the variance of the codes?

# %%
variance_of_codes = 0.5  # your answer, a number

# %%
tiny = 1e-6 * sigma
live.check(
    variance_of_codes,
    float((mu**2 + sigma / 2).mean() - c.grad - tiny.mean() / 2),
    hint="Drop σ from the law of section 5.",
)

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("12")

# %% [markdown]
# ## Recap
# 1. Rate, active latents, V and spread cost a second and exclude most causes before any code is read.
# 2. If no direction of the data has a variance above $\gamma^2$, collapse is the optimum and no schedule helps; if the live state is better, a schedule finds it.
# 3. Errors of scale train without complaint. They show in V, or in the factor between the two parts of the loss.
# 4. Bounds that must rise and informations that have a ceiling are tests: a number on the wrong side ends the discussion.
#
# ## References
# 1. [y0ast/VAE-Torch, issue 11](https://github.com/y0ast/VAE-Torch/issues/11) (2016): averaging the criterion makes the KL vanish.
# 2. [AppliedDataSciencePartners/WorldModels, issue 12](https://github.com/AppliedDataSciencePartners/WorldModels/issues/12) (2018): both losses are means.
# 3. [yanggeng1995/vae_tacotron, issue 10](https://github.com/yanggeng1995/vae_tacotron/issues/10) (2020).
# 4. [CompVis/vunet, issue 5](https://github.com/CompVis/vunet/issues/5) (2018).
# 5. [vanderschaarlab/synthcity, issue 331](https://github.com/vanderschaarlab/synthcity/issues/331) (2025): standard deviations explode.
# 6. [rachtsingh/ibp_vae, issue 3](https://github.com/rachtsingh/ibp_vae/issues/3) (2019).
# 7. [keras-team/keras, pull request 9972](https://github.com/keras-team/keras/pull/9972) (2018).
# 8. A. Asperti, M. Trentin (2020). *Balancing Reconstruction Error and Kullback-Leibler Divergence in Variational Autoencoders.* IEEE Access. [doi:10.1109/ACCESS.2020.3034828](https://doi.org/10.1109/ACCESS.2020.3034828), with [its code](https://github.com/asperti/BalancingVAE).
# 9. [nv-tlabs/LION, issue 40](https://github.com/nv-tlabs/LION/issues/40) (2023).
# 10. [daib13/TwoStageVAE, issue 13](https://github.com/daib13/TwoStageVAE/issues/13) (2021).
# 11. [AntixK/PyTorch-VAE, issue 34](https://github.com/AntixK/PyTorch-VAE/issues/34) (2021).
# 12. [arahuja/generative-tf, issue 1](https://github.com/arahuja/generative-tf/issues/1) (2017).
# 13. [seongminp/transformers-into-vaes, issue 3](https://github.com/seongminp/transformers-into-vaes/issues/3) (2022).
