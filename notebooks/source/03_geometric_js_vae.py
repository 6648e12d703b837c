# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 03 · The geometric JS in a VAE
#
# **Question.** A VAE trained with a geometric Jensen-Shannon divergence reconstructs better than one trained with KL. Is it a better
# VAE, or one with a weaker penalty?
#
# **You will be able to**
# 1. derive what the primed dual does to latents that are used: a beta-VAE with $\beta=\alpha$, plus an entrance fee;
# 2. read a sweep over $\alpha$, and predict on which side of the ordinary VAE each end lies;
# 3. measure the noise of a training before you rank methods by it;
# 4. compare methods at equal rate, and say which of them survive the comparison;
# 5. find the published mistake in the model evidence with a model whose answer you know.
#
# **Time** about 50 minutes. **You need** notebook [01 · From one KL to the other](01_divergence_interpolation.ipynb).
#
# Here $q=\mathcal N(\mu,s)$ is the encoder's posterior of *one* latent, $s=\sigma^2$ a variance, and $p=\mathcal N(0,1)$ the prior; latents add up. The
# reconstruction is the sum of squared errors of an image, as in Deasy et al. (2020). All divergences are in nats.

# %%
import math

import torch

import vaelab
from vaelab import live, metrics, plots, recipes
from vaelab.metrics.log_likelihood import log_evidence
from vaelab.posterior.variance_law import predicted_variance

# %% [markdown]
# ## 1 · The divergence a VAE meets
#
# Against the prior $p=\mathcal N(0,1)$ the primed mean $G\propto q^{\alpha}p^{1-\alpha}$ is short. Average the precisions $1/s$ and $1$:
#
# $$G=\mathcal N\Big(\frac{\alpha\mu}{A},\,\frac sA\Big),\qquad A=\alpha+(1-\alpha)s .$$
#
# Put $G$ into the two terms of the **primed dual**, $(1-\alpha)\,\mathrm{KL}(G\|q)+\alpha\,\mathrm{KL}(G\|p)$. With the rule of notebook 01,
#
# $$\mathrm{KL}(G\|q)=\tfrac12\Big[\frac1A-1+\ln A+\frac{(\mu-\alpha\mu/A)^2}{s}\Big],\qquad
# \mathrm{KL}(G\|p)=\tfrac12\Big[\frac sA-1-\ln\frac sA+\frac{\alpha^2\mu^2}{A^2}\Big],$$
#
# and since $\mu-\alpha\mu/A=(1-\alpha)s\,\mu/A$,
#
# $$\mathrm{JS}_*^{G}=\tfrac12\Big[\ln A-\alpha\ln s-1+\frac{(1-\alpha)+\alpha s}{A}+\frac{\mu^2\big((1-\alpha)^3s+\alpha^3\big)}{A^2}\Big].$$


# %%
def primed_dual(mu, s, alpha):
    """The primed dual of N(mu, s) against N(0, 1), from the line above."""
    a = alpha + (1 - alpha) * s
    b = 1 - alpha
    return 0.5 * (math.log(a) - alpha * math.log(s) - 1 + (b + alpha * s) / a + mu**2 * (b**3 * s + alpha**3) / a**2)


def gaussian(mu, s):
    """The package's Gaussian: mean and log variance."""
    return vaelab.Gaussian(torch.tensor(float(mu), dtype=torch.float64), torch.tensor(math.log(s), dtype=torch.float64))


worst = 0.0
for mu, s, alpha in ((0.8, 0.3, 0.4), (0, 1e-3, 0.1), (-2, 0.5, 0.9), (1, 1e-2, 0.5)):
    package = float(vaelab.geometric_js(gaussian(mu, s), gaussian(0, 1), alpha, dual=True))
    worst = max(worst, abs(primed_dual(mu, s, alpha) - package))
print(f"largest difference from the package: {worst:.1e}")
assert worst < 1e-6

# %% [markdown]
# A latent that carries information has a *narrow* posterior, $s\ll1$. Then $A\to\alpha$, and with $\mathrm{KL}(q\|p)=\tfrac12[s-1-\ln s+\mu^2]$ beside it
#
# $$\mathrm{JS}_*^{G}\;\to\;\alpha\,\mathrm{KL}(q\|p)+c(\alpha),\qquad c(\alpha)=\tfrac12\ln\alpha+\frac{(1-\alpha)^2}{2\alpha}.$$
#
# So a latent that is used pays $\alpha\,\mathrm{KL}$, as in a **beta-VAE with $\beta=\alpha$**, plus the constant $c(\alpha)$. A latent that is not used,
# $q=p$, pays nothing. The constant is an **entrance fee**.
#
# ### Predict
# The fee at $\alpha=0.1$, $0.3$ and $0.9$: is it `"positive"` (latents are discouraged) or `"negative"` (they are subsidized)?

# %%
signs = ["positive", "positive", "negative"]  # your guesses for 0.1, 0.3, 0.9


# %% [markdown]
# ### Try


# %%
def fee(alpha):
    """c(alpha), per latent that is used."""
    return 0.5 * math.log(alpha) + (1 - alpha) ** 2 / (2 * alpha)


def kl(mu, s):
    return 0.5 * (s - 1 - math.log(s) + mu**2)


alphas = [i / 200 for i in range(16, 200)]
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.2)
    left, right = figure.subplots(1, 2)
    left.plot(alphas, [fee(a) for a in alphas], color=plots.DUAL)
    left.axhline(0, color="black", lw=0.6)
    left.set(xlabel="α", ylabel="c(α), nats per latent", title="the entrance fee", xlim=(0, 1))
    widths = [10 ** (-i / 20) for i in range(101)]
    for a, shade in zip((0.1, 0.3, 0.5), plots.color_steps("#e9b9dc", plots.DUAL, 3), strict=True):
        right.plot(widths, [primed_dual(1, s, a) - a * kl(1, s) for s in widths], color=shade, label=f"α = {a}")
        right.plot(widths[-1], fee(a), "o", color=shade)
    right.set(xscale="log", xlabel="s, the posterior's variance", title="dual − α KL(q‖p) at μ = 1 (dots: c)")
    right.invert_xaxis()
    right.legend()
live.show(
    figure,
    alt=f"The entrance fee falls from {fee(0.08):.1f} nats at alpha 0.08 through zero near 0.39 to a shallow minimum of {fee(0.618):.2f} at 0.618; "
    "beside it the difference of the dual and alpha KL settles at the fee as the posterior gets narrow.",
    caption="Left: what the primed dual charges for using a latent, beside α KL(q‖p). Right: the difference settles at the fee as s → 0.",
)
live.check(
    signs,
    ["positive" if fee(a) > 0 else "negative" for a in (0.1, 0.3, 0.9)],
    hint="Where does the curve on the left cross zero?",
)

# %% [markdown]
# ### Explain
# $c(\alpha)$ is zero at $\alpha\approx0.394$; below, it grows like $1/(2\alpha)$, to 2.9 nats per latent at 0.1. An encoder can escape the fee only by *not* using a
# latent. That makes a prediction with no free parameter, which we shall now test on trained VAEs:
#
# * $\alpha\ge0.3$: the dual is a beta-VAE with $\beta=\alpha<1$. It reconstructs *better* than the VAE, because its penalty is weaker.
# * $\alpha=0.1$: ten latents would cost 29 nats of fees. It will use few of them, or none well, and reconstruct *worse*.
#
# ## 2 · The sweep
#
# Small VAEs on the 10,000 digits that ship with the package, ten latents, all trained by the package's stacked loop: members that differ in numbers only take their steps together.

# %%
images = vaelab.load("mnist-mini").images
test = vaelab.load("mnist-mini", "test").images
config = vaelab.Train(epochs=8, batch_size=100, lr=2e-3, progress=False)


def trained(recipe, settings):
    """One VAE per setting, each as if trained alone."""

    def make(seed=0, **options):
        return recipe(images.shape[1:], latent=10, hidden=(128,), **options)

    return vaelab.fit_many(make, settings, images, config).experiments


def measured(experiment):
    """Squared error per test image with z at the posterior mean and with z drawn, and the rate KL(q‖p) in nats."""
    torch.manual_seed(0)
    found = metrics.evaluate(experiment, test)
    return found["reconstruction"], found["reconstruction_sampled"], found["rate"]


# %% [markdown]
# ### Predict
# (a) The primed divergence is $\mathrm{KL}(q\|p)$ at $\alpha=0$ and $\mathrm{KL}(p\|q)$ at $\alpha=1$. Will the reconstruction at $\alpha=0.9$ be `"better"` or `"worse"` than that of the
# VAE? (b) The dual at $\alpha=0.1$? (c) The dual at $\alpha=0.5$?

# %%
primed_at_09, dual_at_01, dual_at_05 = "worse", "worse", "better"  # your guesses

# %% [markdown]
# ### Try

# %%
sweep = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
(vae,) = trained(recipes.vae, [{"seed": 0}])
primed = dict(zip(sweep, trained(recipes.gjs_vae, [{"alpha": a} for a in sweep]), strict=True))
dual = dict(zip(sweep, trained(recipes.gjs_vae, [{"alpha": a, "dual": True} for a in sweep]), strict=True))
vae_error, _, vae_rate = measured(vae)
errors = {
    name: [measured(e)[0] for e in family.values()] for name, family in (("primed", primed), ("primed dual", dual))
}

with plots.style("notebook"):
    figure = plots.new_figure(8, 3.2)
    ax = figure.subplots()
    ax.axhline(vae_error, color=plots.Q, label="KL(q‖p), the VAE")
    for name, color in (("primed", plots.JS), ("primed dual", plots.DUAL)):
        ax.plot(sweep, errors[name], "o-", color=color, label=name)
    ax.set(
        xlabel="α", ylabel="squared error per test image", xlim=(0, 1), title="reconstruction, z at the posterior mean"
    )
    ax.legend()
live.show(
    figure,
    alt=f"Test reconstruction error against alpha. The VAE lies at {vae_error:.1f}; primed goes from {errors['primed'][0]:.1f} to {errors['primed'][-1]:.1f}; "
    f"the dual from {errors['primed dual'][0]:.1f} at 0.1 down to {min(errors['primed dual']):.1f} and back to {errors['primed dual'][-1]:.1f}.",
    caption="Reconstruction against α: primed rises from below the VAE to above it; the dual is bad at 0.1, best in the middle, and returns to the VAE.",
)


def side(error):
    return "better" if error < vae_error else "worse"


live.check(
    [primed_at_09, dual_at_01, dual_at_05],
    [side(errors["primed"][-1]), side(errors["primed dual"][0]), side(errors["primed dual"][3])],
    hint="KL(p‖q) punishes narrow posteriors, and the dual at 0.1 charges 2.9 nats per latent.",
)

# %% [markdown]
# ### Explain
# This is the published picture, on a laptop: the primed family starts *below* the VAE, the dual has its best point in the middle, and both ends go where
# section 1 said. It is tempting to conclude that $\alpha=0.3$ gives the better VAE. Two questions first.
#
# ## 3 · How large is the seed-to-seed variation?
#
# At $\alpha=\tfrac12$ plain and primed weigh $q$ and $p$ alike, so they are **the same loss**. Trained from different seeds, the two must agree up to seed-to-seed variation.
#
# ### Predict
# Four seeds of the primed, four *other* seeds of the plain one, all at $\alpha=\tfrac12$. Will the eight errors span `"less"` or `"more"` than the distance between the
# VAE and the best dual above?

# %%
span = "less"  # your guess

# %% [markdown]
# ### Try

# %%
half = {
    name: [
        measured(e)[0]
        for e in trained(recipes.gjs_vae, [{"alpha": 0.5, "primed": name == "primed", "seed": s} for s in seeds])
    ]
    for name, seeds in (("primed", range(4)), ("plain", range(4, 8)))
}
for name, values in half.items():
    print(f"{name:7}", *(f"{v:6.2f}" for v in values))
everyone = half["primed"] + half["plain"]
noise = max(everyone) - min(everyone)
gain = vae_error - min(errors["primed dual"])
print(f"range over eight trainings of one loss: {noise:.2f}    VAE minus best dual: {gain:.2f}")
live.check(span, "less" if noise < gain else "more", hint="Compare the two numbers in the last line.")

# %% [markdown]
# ### Explain
# The range over seeds is the yardstick: a single-seed difference that is not clearly larger is no evidence. (In the published tables, plain and primed at $\tfrac12$ differ
# by 0.16, and their duals, again one loss, by 0.70. Differences between methods there are often smaller than that.) The dual's gain here is larger than chance. So it is real. But is it *better*?
#
# ## 4 · The fair comparison
#
# A weaker penalty allows more detail. So compare at equal **rate**, $\mathrm{KL}(q\|p)$ in nats, whatever was minimized: a point on the
# rate-distortion plane. The beta-VAE gives the reference curve: every $\beta$ is one way of asking for less.
#
# ### Predict
# Section 1 says where the duals must lie. For $\alpha=0.9$, $0.7$, $0.5$, $0.1$: `"on"` the point of the beta-VAE with $\beta=\alpha$, or `"off"` it?

# %%
positions = ["on", "on", "on", "off"]  # your guesses for 0.9, 0.7, 0.5, 0.1

# %% [markdown]
# ### Try

# %%
beta = dict(zip(sweep, trained(recipes.beta_vae, [{"beta": b} for b in sweep]), strict=True))
planes = {
    name: {a: measured(e)[:0:-1] for a, e in family.items()}  # rate, distortion of a drawn z
    for name, family in (("beta-VAE", beta), ("primed dual", dual), ("primed", primed))
}

with plots.style("notebook"):
    figure = plots.new_figure(8, 3.6)
    ax = figure.subplots()
    for name, color, look in (
        ("beta-VAE", plots.Q, "s-"),
        ("primed dual", plots.DUAL, "o"),
        ("primed", plots.JS, "o:"),
    ):
        points = planes[name]
        ax.plot(*zip(*points.values(), strict=True), look, color=color, label=name)
        for a, (rate, distortion) in points.items():
            if name != "primed":
                below = name == "beta-VAE"
                ax.annotate(
                    f"{a:g}",
                    (rate, distortion),
                    (-12, -14) if below else (5, 4),
                    textcoords="offset points",
                    color=color,
                    fontsize=9,
                )
    for a in sweep:
        ax.plot(
            *zip(planes["beta-VAE"][a], planes["primed dual"][a], strict=True), ":", color="black", lw=0.8, zorder=0
        )
    ax.set(xlabel="rate KL(q‖p), nats", ylabel="distortion, z drawn\n(squared error per test image)")
    ax.legend()
dual_01 = planes["primed dual"][0.1]
live.show(
    figure,
    alt="Distortion against rate. The points of the primed dual at alpha 0.9, 0.7 and 0.5 lie beside those of the beta-VAE with the same beta; "
    f"the dual at 0.1 lies far above, at rate {dual_01[0]:.1f} and distortion {dual_01[1]:.1f}. The primed family leaves the curve to the right.",
    caption="The rate-distortion plane. Dotted lines join the dual at α with the beta-VAE at β = α: one and the same, until the fee bites.",
)


def where(a):
    """On the point, if neither coordinate is further off than twice the noise of a seed."""
    (rate_b, error_b), (rate_d, error_d) = planes["beta-VAE"][a], planes["primed dual"][a]
    return "on" if max(abs(rate_b - rate_d), abs(error_b - error_d)) < 2 * max(noise, 0.5) else "off"


live.check(
    positions,
    [where(a) for a in (0.9, 0.7, 0.5, 0.1)],
    hint="Compare the fee c(α) for ten latents with the whole divergence, some ten nats.",
)

# %% [markdown]
# ### Explain
# Where the fee is small, the dual **is** the beta-VAE: same rate, same distortion. Its lower reconstruction error was bought with rate, and any $\beta<1$ sells it at the same
# price. Where the fee is large (0.1, and already 0.2), the dual leaves the curve, upwards: worse at equal rate. The primed family with large $\alpha$ spends far more
# nats than its reconstruction is worth, and the next section says on what.
#
# ## 5 · A different variance law
#
# Under $\mathrm{KL}(q\|p)$ every latent ends with $V=\mathrm{Var}(\mu)+\mathbb E[s]=1$: that is the scale at which the average divergence is smallest, and the decoder does not care
# about the scale. Under another divergence the best scale is another. With Gaussian means and a common $s$, only the ratio $R=\mathrm{Var}(\mu)/\mathbb E[s]$ enters, and
# `predicted_variance` minimizes the average over the scale.
#
# ### Predict
# At $R=5.7$: is $V$ for the primed divergence with $\alpha=\tfrac12$ `"below 1"`, `"about 1"` or `"above 2"`? And for its dual?

# %%
variances = ["above 2", "about 1"]  # your guesses: primed 0.5, primed dual 0.5

# %% [markdown]
# ### Try


# %%
def class_of(v):
    return "above 2" if v > 2 else "about 1" if 0.7 < v < 1.5 else "below 1"


def predicted(ratio, dual):
    return predicted_variance(lambda q, p: vaelab.geometric_js(q, p, 0.5, dual=dual), ratio)


print("            R     V measured   V predicted from R")
for name, experiment, is_dual in (("primed", primed[0.5], False), ("primed dual", dual[0.5], True)):
    q = metrics.encode(experiment, test)
    law = vaelab.MarginalPosterior(q.mean, q.logvar).variance_law()
    ratio = float((law.of_means / law.of_noise).mean())
    print(f"{name:12}{ratio:4.1f} {float(law.total.mean()):12.2f} {predicted(ratio, is_dual):17.2f}")
live.check(
    variances,
    [class_of(predicted(5.7, False)), class_of(predicted(5.7, True))],
    hint="A hard wall 1/s stands against narrow posteriors: widen them, and the means must follow.",
)

# %% [markdown]
# The primed prediction is met. The dual's latents lie a little above theirs: how wide a posterior is differs from image to image, which $R$ alone does not know, and
# near its minimum the dual hardly cares for the scale, so a short training does not find it. (Figure `gjs-variance-law` shows every latent.)
#
# What does that mean for new images? A VAE draws $z\sim\mathcal N(0,1)$. If the codes of the data have variance $V$ instead, then such draws sit too close to the center. Multiply by $\sqrt V$:

# %%
q = metrics.encode(primed[0.5], test)
scale = vaelab.MarginalPosterior(q.mean, q.logvar).variance_law().total.sqrt()
torch.manual_seed(3)
z = torch.randn(12, 10)
rows = torch.stack([primed[0.5].decode(z), primed[0.5].decode(z * scale), vae.decode(z)])[:, :, 0]
with plots.style("notebook"):
    figure = plots.new_figure(8, 2.2)
    plots.image_grid(figure.subplots(), rows, ["primed ½, z ~ N(0, 1)", "primed ½, z ~ N(0, V)", "VAE, z ~ N(0, 1)"])
live.show(
    figure,
    alt="Three rows of twelve digits drawn from the prior: the primed VAE from N(0, 1), blurred and alike; the same draws times the square root of V, more varied; "
    "the ordinary VAE from N(0, 1).",
    caption="Draws from the prior. The primed VAE at α = ½ samples too near the center, unless its draws are given the variance of its codes.",
)

# %% [markdown]
# ## 6 · Code archaeology: the evidence
#
# How good is a model of the data? Not by reconstruction, but by $\ln p(x)$, which importance sampling estimates with the encoder as the proposal:
#
# $$\ln p(x)\approx\ln\frac1K\sum_k\frac{p(x|z_k)\,p(z_k)}{q(z_k|x)},\qquad z_k\sim q(z|x).$$
#
# The code published with the paper calls the encoder's second output `z_log_sigma`, and draws with `scale = exp(z_log_sigma)`. But the encoder was trained to put out
# $\ln\sigma^2$. Which instrument shows the mistake? A model with a **known answer**: $z\sim\mathcal N(0,1)$ in ten dimensions, $x=z+0.2\,\varepsilon$. Then $x\sim\mathcal N(0,1.04)$, and
# the posterior is $\mathcal N(x/1.04,\;0.04/1.04)$ exactly.
#
# ### Predict
# With the *exact* posterior as the proposal, every term of the sum equals $p(x)$: the estimate has no error at all. With $\sigma^2$ instead of $\sigma$ the proposal is five times too
# narrow. Will the estimate come out too `"high"` or too `"low"`?

# %%
biased = "low"  # your guess

# %% [markdown]
# ### Try


# %%
def normal(x, mean, variance):
    """ln N(x; mean, variance), summed over the last axis."""
    return (-0.5 * (math.log(2 * math.pi * variance) + (x - mean) ** 2 / variance)).sum(-1)


def estimate(x, scale, samples=128):
    """ln p(x) [n] by importance sampling, the proposal's standard deviation being `scale`."""
    generator = torch.Generator().manual_seed(0)
    z = x / 1.04 + scale * torch.randn(samples, *x.shape, generator=generator, dtype=x.dtype)
    ratios = normal(x, z, 0.04) + normal(z, torch.zeros_like(z), 1.0) - normal(z, x / 1.04, scale**2)
    return ratios.logsumexp(0) - math.log(samples)


x = torch.randn(500, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * math.sqrt(1.04)
exact = normal(x, torch.zeros_like(x), 1.04)
sigma = math.sqrt(0.04 / 1.04)
right, published = estimate(x, sigma), estimate(x, sigma**2)
print(
    f"exact {float(exact.mean()):8.4f}    with σ {float(right.mean()):8.4f}    with σ² {float(published.mean()):8.2f}"
)
assert float((right - exact).abs().max()) < 1e-6
live.check(
    biased,
    "low" if published.mean() < exact.mean() else "high",
    hint="The logarithm of a mean: what if the few draws that matter are never drawn?",
)

# %% [markdown]
# Eight nats are lost where the truth is known. On the trained VAEs nobody knows the truth, but the two estimates can be compared: `as_published=True` repeats the mistake.

# %%
print("ln p(x) of 100 test images    right    as published    lost")
for name, experiment in (
    ("VAE", vae),
    ("primed 0.1", primed[0.1]),
    ("primed 0.5", primed[0.5]),
    ("primed dual 0.5", dual[0.5]),
):
    good, bad = (float(log_evidence(experiment, test[:100], as_published=flag).mean()) for flag in (False, True))
    print(f"{name:28}{good:8.1f} {bad:12.1f} {good - bad:10.1f}")

# %% [markdown]
# ### Explain
# A narrow proposal never visits most of the posterior, and the logarithm of the mean falls. It falls *most for narrow posteriors*, so the mistake is not a common offset: it
# penalizes the divergences that make posteriors narrow and spares those that keep them wide. A published ranking by this number is partly a ranking by posterior width.
#
# ## 7 · Move it
#
# The posterior of one latent and the prior. Narrow $q$ with its slider and watch the divergence at small $\alpha$, plain, primed, dual.
#
# * *dual*, $\alpha=0.1$: the value stays near $0.1\,\mathrm{KL}+2.9$ however narrow $q$ is.
# * *primed*: make $q$ narrow, and the value explodes like $\alpha^2/(2s)$: the wall that keeps its posteriors wide.

# %%
panel = live.divergence_panel(alpha=0.1, q=(1, 0.3), p=(0, 1))
live.show(panel)

# %% [markdown]
# ## Exercises
#
# **1.** At which $\alpha$ does the entrance fee vanish? Solve $c(\alpha)=0$ by bisection, to three digits.

# %%
low, high = 0.1, 0.6
for _ in range(40):
    middle = (low + high) / 2
    low, high = (middle, high) if fee(middle) > 0 else (low, middle)
live.check(low, 0.394230, tolerance=5e-4, hint="c is positive at 0.1 and negative at 0.6.")

# %% [markdown]
# **2.** Where is the fee lowest, so that latents are subsidized most? Set $c'(\alpha)=\tfrac1{2\alpha}+\tfrac12-\tfrac1{2\alpha^2}$ to zero: $\alpha^2+\alpha-1=0$.

# %%
lowest = (math.sqrt(5) - 1) / 2  # your answer
live.check(lowest, min(alphas, key=fee), tolerance=0.006, hint="The positive root; you know it from elsewhere.")

# %% [markdown]
# **3.** Train the dual with `weight=2` and $\alpha=\tfrac12$. Which beta-VAE should it be, and is it?

# %%
(heavy,) = trained(recipes.gjs_vae, [{"alpha": 0.5, "dual": True, "weight": 2.0}])
error, _, rate = measured(heavy)
print(f"dual α = ½, weight 2: error {error:.2f}, rate {rate:.2f}    VAE: error {vae_error:.2f}, rate {vae_rate:.2f}")
equivalent_beta = 1.0  # your answer
live.check(equivalent_beta, 2.0 * 0.5, hint="weight · (α KL + c): the factor in front of KL.")

# %% [markdown]
# ## Recap
# 1. For latents that are used, the primed dual is $\alpha\,\mathrm{KL}(q\|p)+c(\alpha)$: a beta-VAE with $\beta=\alpha$ and an entrance fee, 2.9 nats at 0.1, none near 0.39.
# 2. The primed family runs from below the VAE to $\mathrm{KL}(p\|q)$ above it; the dual is bad at 0.1, best in the middle, and returns to the VAE.
# 3. Plain and primed at $\tfrac12$ are one loss: what is between them is the noise of a training, and the yardstick for everything else.
# 4. At equal rate the dual with a small fee equals the beta-VAE; with a large one it is worse. Lower reconstruction error alone shows that less was asked.
# 5. An estimator is tested on a model with a known answer: $\sigma^2$ for $\sigma$ costs eight nats there, and more the narrower the posterior.
#
# ## References
# 1. J. Deasy, N. Simidjievski, P. Liò (2020). *Constraining Variational Inference with Geometric Jensen-Shannon Divergence.* NeurIPS. arXiv 2006.10599.
# 2. I. Higgins et al. (2017). *beta-VAE.* ICLR.
# 3. A. Alemi et al. (2018). *Fixing a Broken ELBO.* ICML. arXiv 1711.00464. (The rate-distortion plane.)
# 4. Y. Burda, R. Grosse, R. Salakhutdinov (2016). *Importance Weighted Autoencoders.* ICLR. arXiv 1509.00519. (The estimator of section 6.)
