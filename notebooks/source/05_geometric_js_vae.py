# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 05 · The geometric JS in a VAE
#
# **Question.** A VAE trained with a geometric Jensen-Shannon divergence reconstructs better than one trained with KL. Is it a better
# VAE, or does it only have a weaker penalty?
#
# **You will be able to**
# 1. derive the effect of the primed dual on active latents: a beta-VAE with $\beta=\alpha$, plus a constant cost;
# 2. interpret a sweep over $\alpha$, and predict whether each end reconstructs better or worse than the ordinary VAE;
# 3. measure the seed-to-seed variation of a training before you rank methods by it;
# 4. compare methods at equal rate, and identify those whose advantage remains;
# 5. find an error in a published estimate of $\ln p(x)$ with a model whose likelihood is known;
# 6. change alpha while a VAE trains with the dual, and predict how it avoids the constant cost.
#
# **Time** about 90 minutes. **You need** notebooks [02 · From one KL to the other](02_divergence_interpolation.ipynb) and [03 · Train it yourself](03_train_it_yourself.ipynb).
# **Symbols** are those of the [table of notation](00_start_here.ipynb#Notation).
#
# Here $q=\mathcal N(\mu,s)$ is the encoder's posterior of *one* latent, with the variance $s=\sigma^2$, and $p=\mathcal N(0,1)$ is the prior. The divergences of the latents are summed. The
# reconstruction error is the sum of the squared errors over an image, as in Deasy et al. (2020). All divergences are in nats. As in notebook 02:
#
# | | $\alpha=0$ | $\alpha=1$ |
# |---|---|---|
# | **primed** | $\mathrm{KL}(q\|p)$, the VAE | $\mathrm{KL}(p\|q)$ |
# | **primed dual**, here also "the dual" | $\mathrm{KL}(p\|q)$ | $\mathrm{KL}(q\|p)$, the VAE |

# %%
import math

import torch

import vaelab
from vaelab import live, metrics, plots, recipes
from vaelab.metrics.log_likelihood import log_evidence
from vaelab.posterior.variance_law import predicted_variance

# %% [markdown]
# ## 1 · The divergence to the prior of a VAE
#
# For the prior $p=\mathcal N(0,1)$ the primed mean $G\propto q^{\alpha}p^{1-\alpha}$ has a short formula. Average the precisions $1/s$ and $1$:
#
# $$G=\mathcal N\Big(\frac{\alpha\mu}{A},\,\frac sA\Big),\qquad A=\alpha+(1-\alpha)s .$$
#
# Substitute $G$ into the two terms of the **primed dual**, $(1-\alpha)\,\mathrm{KL}(G\|q)+\alpha\,\mathrm{KL}(G\|p)$. With the formula of notebook 02,
#
# $$\mathrm{KL}(G\|q)=\tfrac12\Big[\frac1A-1+\ln A+\frac{(\mu-\alpha\mu/A)^2}{s}\Big],\qquad
# \mathrm{KL}(G\|p)=\tfrac12\Big[\frac sA-1-\ln\frac sA+\frac{\alpha^2\mu^2}{A^2}\Big],$$
#
# and since $\mu-\alpha\mu/A=(1-\alpha)s\,\mu/A$,
#
# $$\mathrm{JS}_*^{G}=\tfrac12\Big[\ln A-\alpha\ln s-1+\frac{(1-\alpha)+\alpha s}{A}+\frac{\mu^2\big((1-\alpha)^3s+\alpha^3\big)}{A^2}\Big].$$


# %%
def primed_dual(mu, s, alpha):
    """Compute the primed dual of N(mu, s) and N(0, 1) from the formula above."""
    a = alpha + (1 - alpha) * s
    b = 1 - alpha
    return 0.5 * (math.log(a) - alpha * math.log(s) - 1 + (b + alpha * s) / a + mu**2 * (b**3 * s + alpha**3) / a**2)


def gaussian(mu, s):
    """Return the package's Gaussian, with mean and log variance."""
    return vaelab.Gaussian(torch.tensor(float(mu), dtype=torch.float64), torch.tensor(math.log(s), dtype=torch.float64))


max_error = 0.0
for mu, s, alpha in ((0.8, 0.3, 0.4), (0, 1e-3, 0.1), (-2, 0.5, 0.9), (1, 1e-2, 0.5)):
    package = float(vaelab.geometric_js(gaussian(mu, s), gaussian(0, 1), alpha, dual=True))
    max_error = max(max_error, abs(primed_dual(mu, s, alpha) - package))
print(f"largest difference from the package: {max_error:.1e}")
assert max_error < 1e-6

# %% [markdown]
# A latent that carries information has a *narrow* posterior, $s\ll1$. Then $A\to\alpha$, and in terms of $\mathrm{KL}(q\|p)=\tfrac12[s-1-\ln s+\mu^2]$
#
# $$\mathrm{JS}_*^{G}\;\to\;\alpha\,\mathrm{KL}(q\|p)+c(\alpha),\qquad c(\alpha)=\tfrac12\ln\alpha+\frac{(1-\alpha)^2}{2\alpha}.$$
#
# So the cost of an active latent is $\alpha\,\mathrm{KL}$, as in a **beta-VAE with $\beta=\alpha$**, plus the constant $c(\alpha)$. An inactive latent,
# $q=p$, costs nothing. We call this constant cost of each active latent the **entrance fee**.
#
# ### Predict
# Is the fee at $\alpha=0.1$, $0.3$ and $0.9$ `"positive"` (active latents are penalized) or `"negative"` (they are rewarded)?

# %%
signs, sure = ["positive", "positive", "negative"], 80  # your guesses: "positive" or "negative"; sure: 50 to 100


# %% [markdown]
# ### Try


# %%
def fee(alpha):
    """Compute c(alpha), the cost per active latent in nats."""
    return 0.5 * math.log(alpha) + (1 - alpha) ** 2 / (2 * alpha)


def kl(mu, s):
    """Compute KL(q‖p) of one latent."""
    return 0.5 * (s - 1 - math.log(s) + mu**2)


alphas = [i / 200 for i in range(16, 200)]

# %% tags=["hide-input"]
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
    right.set(xscale="log", xlabel="posterior variance s", title="dual − α KL(q‖p) at μ = 1 (dots: c)")
    right.invert_xaxis()
    right.legend()
live.show(
    figure,
    alt=f"Left: the entrance fee falls from {fee(0.08):.1f} nats at alpha 0.08 through zero near 0.39 to a shallow minimum of {fee(0.618):.2f} at 0.618. "
    "Right: the difference between the dual and alpha KL converges to the fee as the posterior becomes narrow.",
    caption="Left: the cost of an active latent under the primed dual in addition to α KL(q‖p). Right: the difference converges to the fee as s → 0.",
)

# %%
live.check(
    signs,
    ["positive" if fee(a) > 0 else "negative" for a in (0.1, 0.3, 0.9)],
    hint="Where does the left curve cross zero?",
    question="05.signs",
    sure=sure,
)

# %% [markdown]
# ### Explain
# $c(\alpha)$ is zero at $\alpha\approx0.394$. For smaller $\alpha$ it grows like $1/(2\alpha)$, to about 2.9 nats per latent at 0.1. An encoder can avoid the fee in two ways: it does *not* use a
# latent, or it keeps the posterior *wide*, where the formula for narrow posteriors does not hold. This gives predictions without free parameters, which we now test on trained VAEs:
#
# * $\alpha\ge0.3$: the dual is close to a beta-VAE with $\beta=\alpha<1$. It reconstructs *better* than the VAE, because its penalty is weaker.
# * $\alpha=0.1$: ten active, narrow latents would cost about 29 nats of fees. The VAE will use few of them, or use wide posteriors, and reconstruct *worse*.
#
# ## 2 · The sweep
#
# We train small VAEs with ten latents on the 10,000 digits that come with the package. Models whose settings differ only in numbers are trained together, in one loop.

# %%
images = vaelab.load("mnist-mini").images
test = vaelab.load("mnist-mini", "test").images
config = vaelab.TrainConfig(epochs=live.budget(8, fast=1), batch_size=100, lr=2e-3, progress=False)


def train_all(recipe, settings):
    """Train one VAE per setting; each result is the same as if it were trained alone."""

    def make(seed=0, **options):
        return recipe(images.shape[1:], latent=10, hidden=(128,), **options)

    return vaelab.fit_many(make, settings, images, config).experiments


def measure(experiment):
    """Compute the squared error per test image, at the posterior mean and for sampled z, and the rate KL(q‖p) in nats."""
    torch.manual_seed(0)
    results = metrics.evaluate(experiment, test)
    return results["reconstruction"], results["reconstruction_sampled"], results["rate"]


# %% [markdown]
# ### Predict
# (a) The primed divergence is $\mathrm{KL}(q\|p)$ at $\alpha=0$ and $\mathrm{KL}(p\|q)$ at $\alpha=1$. Will its reconstruction at $\alpha=0.9$ be `"better"` or `"worse"` than that of the
# VAE? (b) And that of the dual at $\alpha=0.1$? (c) And that of the dual at $\alpha=0.5$?

# %%
primed_at_09, dual_at_01, dual_at_05, sure = (
    "worse",
    "worse",
    "better",
    70,
)  # your guesses: "better" or "worse"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
sweep = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
(vae,) = train_all(recipes.vae, [{"seed": 0}])
primed = dict(zip(sweep, train_all(recipes.gjs_vae, [{"alpha": a} for a in sweep]), strict=True))
dual = dict(zip(sweep, train_all(recipes.gjs_vae, [{"alpha": a, "dual": True} for a in sweep]), strict=True))
vae_error, _, vae_rate = measure(vae)
errors = {
    name: [measure(e)[0] for e in family.values()] for name, family in (("primed", primed), ("primed dual", dual))
}

# %% tags=["hide-input"]
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.2)
    ax = figure.subplots()
    ax.axhline(vae_error, color=plots.Q, label="KL(q‖p), the VAE")
    for name, color in (("primed", plots.JS), ("primed dual", plots.DUAL)):
        ax.plot(sweep, errors[name], "o-", color=color, label=name)
    ax.set(
        xlabel="α", ylabel="squared error per test image", xlim=(0, 1), title="reconstruction from the posterior mean"
    )
    ax.legend()
live.show(
    figure,
    alt=f"Test reconstruction error against alpha. The error of the VAE is {vae_error:.1f}. That of the primed divergence goes from {errors['primed'][0]:.1f} to {errors['primed'][-1]:.1f}; "
    f"that of the dual falls from {errors['primed dual'][0]:.1f} at 0.1 to {min(errors['primed dual']):.1f} and rises again to {errors['primed dual'][-1]:.1f}.",
    caption="Reconstruction error against α. Primed: it rises from below the VAE to above it. Dual: it is large at 0.1, lowest in the middle, and approaches the VAE.",
)


# %%
def side(error):
    """Return whether an error is better or worse than that of the VAE."""
    return "better" if error < vae_error else "worse"


live.check(
    [primed_at_09, dual_at_01, dual_at_05],
    [side(errors["primed"][-1]), side(errors["primed dual"][0]), side(errors["primed dual"][3])],
    hint="KL(p‖q) penalizes narrow posteriors, and at 0.1 the dual costs 2.9 nats per active latent.",
    question="05.primed_at_09",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# These are the shapes of the published curves, on a laptop. The error of the primed family starts *below* the VAE and rises above it. That of the dual is large at 0.1, as the fee predicts,
# lowest in the middle, and on its way back to the VAE at 0.9; it has not returned to it there, since even at $\alpha=0.9$ the penalty is a little weaker.
#
# It is tempting to conclude that a dual from the middle is the better VAE. Two questions must be answered first.
#
# ## 3 · How large is the seed-to-seed variation?
#
# At $\alpha=\tfrac12$, plain and primed give $q$ and $p$ equal weights, so they are **the same loss**. Trained from different seeds, they must agree up to the seed-to-seed variation.
#
# ### Predict
# Train four seeds of the primed divergence and four *other* seeds of the plain one, all at $\alpha=\tfrac12$. Is the range of the eight errors `"less"` or `"more"` than the difference between the
# VAE and the best dual above?

# %%
span, sure = "less", 90  # your guess: "less" or "more"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
half = {
    name: [
        measure(e)[0]
        for e in train_all(recipes.gjs_vae, [{"alpha": 0.5, "primed": name == "primed", "seed": s} for s in seeds])
    ]
    for name, seeds in (("primed", range(4)), ("plain", range(4, 8)))
}
for name, values in half.items():
    print(f"{name:7}", *(f"{v:6.2f}" for v in values))
all_errors = half["primed"] + half["plain"]
noise = max(all_errors) - min(all_errors)
gain = vae_error - min(errors["primed dual"])
print(f"range over eight runs of one loss: {noise:.2f}    VAE minus best dual: {gain:.2f}")
live.check(
    span,
    "less" if noise < gain else "more",
    hint="Compare the two numbers in the last line.",
    question="05.span",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# The range over seeds sets the scale: a difference between single runs that is not clearly larger is no evidence. (In the plots stored with the authors' code, plain and primed at $\tfrac12$ differ
# by about 0.2, and their duals, again one loss, by about 0.7. Differences between methods there are often smaller.)
#
# The gain of the dual here is larger than the seed-to-seed variation. But is the dual *better*?
#
# ## 4 · Comparison at equal rate
#
# A weaker penalty permits a higher rate, and thus more detail. So compare the models at equal **rate**, $\mathrm{KL}(q\|p)$ in nats, whichever divergence was minimized: each model is a point in the
# rate-distortion plane. The beta-VAE gives the reference curve, since every $\beta<1$ is a weaker penalty.
#
# ### Predict
# Section 1 predicts the positions of the duals. For $\alpha=0.9$, $0.7$, $0.5$, $0.1$: is the dual `"on"` the point of the beta-VAE with $\beta=\alpha$, or `"off"` it?
#
# "On" needs a scale, and section 3 has shown which: the range over seeds. Rate and distortion have different units, so each is measured on its own. We train four seeds of the
# beta-VAE with $\beta=\tfrac12$, and call two points equal if they differ by at most **twice the range**, in rate and in distortion.

# %%
positions, sure = ["on", "on", "on", "off"], 60  # your guesses: "on" or "off"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
beta = dict(zip(sweep, train_all(recipes.beta_vae, [{"beta": b} for b in sweep]), strict=True))
planes = {
    name: {a: measure(e)[:0:-1] for a, e in family.items()}  # rate, distortion of a sampled z
    for name, family in (("beta-VAE", beta), ("primed dual", dual), ("primed", primed))
}
seeds = [measure(e)[:0:-1] for e in train_all(recipes.beta_vae, [{"beta": 0.5, "seed": s} for s in range(4)])]
ranges = [max(values) - min(values) for values in zip(*seeds, strict=True)]
print(f"range over four seeds of the beta-VAE: rate {ranges[0]:.2f} nats, distortion {ranges[1]:.2f}")


# %% tags=["hide-input"]
def draw_plane(ax):
    """Draw every model as a point of rate and distortion; dotted lines join alpha and beta of the same value."""
    styles = (("beta-VAE", plots.Q, "s-"), ("primed dual", plots.DUAL, "o"), ("primed", plots.JS, "o:"))
    for name, color, marker in styles:
        ax.plot(*zip(*planes[name].values(), strict=True), marker, color=color, label=name)
    for name, color, offset in (("beta-VAE", plots.Q, (-12, -14)), ("primed dual", plots.DUAL, (5, 4))):
        for a, point in planes[name].items():
            ax.annotate(f"{a:g}", point, offset, textcoords="offset points", color=color, fontsize=9)
    for a in sweep:
        ends = zip(planes["beta-VAE"][a], planes["primed dual"][a], strict=True)
        ax.plot(*ends, ":", color="black", lw=0.8, zorder=0)
    ax.set(xlabel="rate KL(q‖p), nats", ylabel="distortion, z sampled\n(squared error per test image)")
    ax.legend()


# %% tags=["hide-input"]
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.6)
    draw_plane(figure.subplots())
listed = "; ".join(
    f"at {a:g} the dual has rate {planes['primed dual'][a][0]:.1f} and distortion {planes['primed dual'][a][1]:.1f}, "
    f"the beta-VAE {planes['beta-VAE'][a][0]:.1f} and {planes['beta-VAE'][a][1]:.1f}"
    for a in (0.9, 0.7, 0.5, 0.1)
)
live.show(
    figure,
    alt=f"Distortion against rate for the beta-VAE and the primed dual: {listed}. The primed family deviates from the curve to the right.",
    caption="The rate-distortion plane. Dotted lines join the dual at α with the beta-VAE at β = α. The two are close unless the fee is large.",
)


# %%
def where(a):
    """Return "on" if rate and distortion each differ by at most twice their range over seeds."""
    pairs = zip(planes["beta-VAE"][a], planes["primed dual"][a], ranges, strict=True)
    return "on" if all(abs(first - second) <= 2 * spread for first, second, spread in pairs) else "off"


for a in sweep:
    rate, distortion = (y - x for x, y in zip(planes["beta-VAE"][a], planes["primed dual"][a], strict=True))
    print(f"{a:g}: dual minus beta-VAE: rate {rate:7.2f} nats, distortion {distortion:6.2f}   fee c = {fee(a):5.2f}")
live.check(
    positions,
    [where(a) for a in (0.9, 0.7, 0.5, 0.1)],
    hint="Compare the fee of ten latents with the whole divergence, about ten nats at 0.9.",
    question="05.positions",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# Where the fee is small, the dual is close to the beta-VAE, in rate and in distortion. (At 0.7 and 0.5 its rate is a little higher: there the fee is negative and rewards active latents.) So its
# lower reconstruction error comes from a higher rate, and a beta-VAE with $\beta<1$ makes the same trade.
#
# Where the fee is large (0.1, and already 0.2), the dual is above the curve: worse at equal rate.
#
# The primed family with large $\alpha$ has a much higher rate than its reconstruction requires, as in notebook 03. The next section explains why.
#
# ## 5 · A different variance law
#
# The *scale* of a latent is free: multiply its mean and its standard deviation by two and let the decoder halve its input, and every reconstruction stays as it was. Only the divergence depends on
# the scale, so training finds the scale at which the average divergence is smallest. Call the variance of the latent over the aggregate posterior
#
# $$V=\mathrm{Var}(\mu)+\mathbb E[s].$$
#
# For $\mathrm{KL}(q\|p)$ the best scale has $V=1$; notebook 06 derives this *variance law*. Other divergences have another best scale. If the means are Gaussian and all posteriors have the same
# $s$, it depends only on the signal-to-noise ratio $\mathrm{SNR}=\mathrm{Var}(\mu)/\mathbb E[s]$, and `predicted_variance` finds it by minimizing the average divergence over the scale.
#
# ### Predict
# At $\mathrm{SNR}=5.7$, is $V$ for the primed divergence with $\alpha=\tfrac12$ `"below 1"`, `"about 1"` or `"above 2"`? And for its dual?

# %%
variances, sure = ["above 2", "about 1"], 75  # your guesses: "below 1", "about 1" or "above 2"; sure: 50 to 100

# %% [markdown]
# ### Try


# %%
def class_of(v):
    """Return the words of a predicted variance."""
    return "above 2" if v > 2 else "about 1" if 0.7 < v < 1.5 else "below 1"


def predict_variance(snr, dual):
    """Return V at the best scale for the primed divergence at 1/2, or its dual."""
    return predicted_variance(lambda q, p: vaelab.geometric_js(q, p, 0.5, dual=dual), snr)


print("            SNR   V measured   V predicted from SNR")
for name, experiment, is_dual in (("primed", primed[0.5], False), ("primed dual", dual[0.5], True)):
    q = metrics.encode(experiment, test)
    law = vaelab.MarginalPosterior(q.mean, q.logvar).variance_law()
    snr = float((law.of_means / law.of_noise).mean())
    print(f"{name:12}{snr:4.1f} {float(law.total.mean()):12.2f} {predict_variance(snr, is_dual):17.2f}")
live.check(
    variances,
    [class_of(predict_variance(5.7, False)), class_of(predict_variance(5.7, True))],
    hint="A term that grows like 1/s penalizes narrow posteriors. A larger scale makes them wider, and increases the variance of the means too.",
    question="05.variances",
    sure=sure,
)

# %% [markdown]
# ### Explain
# The prediction for the primed divergence is confirmed. This divergence grows like $1/s$ as a posterior becomes narrow, so it prefers a larger scale, at which the posteriors are wider and the means
# farther apart. The $V$ of the dual is above its prediction, for two reasons: the posterior widths vary from image to image, which the SNR alone does not describe, and near its minimum the
# dual hardly depends on the scale, so a short training does not reach it. (Figure `gjs-variance-law` shows every latent.)
#
# What does this mean for new images? A VAE samples $z\sim\mathcal N(0,1)$. If the codes of the data have variance $V$ instead, these samples are too close to the center. Multiply them by $\sqrt V$:

# %% tags=["hide-input"]
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
    alt="Three rows of twelve digits generated from samples: the primed VAE from N(0, 1), blurred and similar; the same samples times the square root of V, more varied; "
    "the ordinary VAE from N(0, 1).",
    caption="Generated digits. The samples of the primed VAE at α = ½ are too close to the center unless they are scaled to the variance of its codes.",
)

# %% [markdown]
# ## 6 · An error in a published estimate of ln p(x)
#
# A generative model is measured by the log-likelihood $\ln p(x)$ that it gives to test images, not by its reconstructions. It is an integral over all codes, $p(x)=\int p(x|z)\,p(z)\,dz$. Importance sampling
# estimates it: sample codes where they matter, from the encoder (the *proposal*), and divide by the density from which they were sampled.
#
# $$\ln p(x)\approx\ln\frac1K\sum_k\frac{p(x|z_k)\,p(z_k)}{q(z_k|x)},\qquad z_k\sim q(z|x).$$
#
# The code published with the paper calls the second output of the encoder `z_log_sigma`, and samples with `scale = exp(z_log_sigma)`. But the encoder was trained to output
# $\ln\sigma^2$. A model with a **known likelihood** reveals the error: $z\sim\mathcal N(0,1)$ in ten dimensions, $x=z+0.2\,\varepsilon$. Then $x\sim\mathcal N(0,1.04)$, and
# the posterior is $\mathcal N(x/1.04,\;0.04/1.04)$ exactly.
#
# ### Predict
# With the *exact* posterior as the proposal, every term of the sum equals $p(x)$, and the estimate has no error at all. With $\sigma^2$ instead of $\sigma$, the proposal is five times too
# narrow. Will the estimate be too `"high"` or too `"low"`?

# %%
bias_direction, sure = "low", 80  # your guess: "high" or "low"; sure: 50 to 100

# %% [markdown]
# ### Try


# %%
def normal(x, mean, variance):
    """Compute ln N(x; mean, variance), summed over the last axis."""
    return (-0.5 * (math.log(2 * math.pi * variance) + (x - mean) ** 2 / variance)).sum(-1)


def estimate(x, scale, samples=128):
    """Estimate ln p(x) [n] by importance sampling; `scale` is the standard deviation of the proposal."""
    generator = torch.Generator().manual_seed(0)
    z = x / 1.04 + scale * torch.randn(samples, *x.shape, generator=generator, dtype=x.dtype)
    ratios = normal(x, z, 0.04) + normal(z, torch.zeros_like(z), 1.0) - normal(z, x / 1.04, scale**2)
    return ratios.logsumexp(0) - math.log(samples)


# %%
x = torch.randn(500, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * math.sqrt(1.04)
exact = normal(x, torch.zeros_like(x), 1.04)
sigma = math.sqrt(0.04 / 1.04)
with_sigma, with_variance = estimate(x, sigma), estimate(x, sigma**2)
print(
    f"exact {float(exact.mean()):8.4f}    with σ {float(with_sigma.mean()):8.4f}    with σ² {float(with_variance.mean()):8.2f}"
)
assert float((with_sigma - exact).abs().max()) < 1e-6
live.check(
    bias_direction,
    "low" if with_variance.mean() < exact.mean() else "high",
    hint="The mean is dominated by rare large terms. What is its logarithm if none of them is sampled?",
    question="05.bias_direction",
    sure=sure,
)

# %% [markdown]
# Here the exact value is known, and the faulty estimate is several nats too low. For the trained VAEs the exact value is unknown, but the two estimates can be compared: the proposal `squared` repeats the error.


# %%
def squared(q):
    """Return q with the variance taken for the standard deviation."""
    return vaelab.Gaussian(q.mean, 2 * q.logvar)


print("ln p(x) of 100 test images   correct    published difference")
for name, experiment in (
    ("VAE", vae),
    ("primed 0.1", primed[0.1]),
    ("primed 0.5", primed[0.5]),
    ("primed dual 0.5", dual[0.5]),
):
    correct, published = (
        float(log_evidence(experiment, test[:100], proposal=proposal).mean()) for proposal in (None, squared)
    )
    print(f"{name:28}{correct:8.1f} {published:12.1f} {correct - published:10.1f}")

# %% [markdown]
# ### Explain
# A narrow proposal misses most of the posterior, so the logarithm of the mean is too low. The bias is *largest for narrow posteriors*. The error is therefore not a common offset: it
# penalizes the divergences that lead to narrow posteriors, and affects those with wide posteriors less. A published ranking by this number is partly a ranking by posterior width.
#
# ## 7 · Turn alpha during training
#
# In notebook 03 you changed the primed divergence during training. Now the dual, which goes in the opposite direction: a *smaller* alpha brings it closer to $\mathrm{KL}(p\|q)$. The decoder has
# $\gamma=0.7$, so that one nat costs about one unit of squared error.
#
# ### Predict
# After four epochs $\alpha$ falls from 0.5 to 0.1, where each of the two latents would owe the fee of section 1 if its posteriors were narrow. After eight more epochs, compared with a control
# without the change: is the rate `"higher"` or `"lower"`, the distortion `"higher"` or `"lower"`, and is the mean $\sigma$ of the posteriors `"larger"` or `"smaller"`?

# %%
dual_effects, sure = (
    ["higher", "higher", "larger"],
    70,
)  # your guesses: "higher" or "lower", "larger" or "smaller"; sure: 50 to 100

# %% [markdown]
# ### Try
# Press **Start**. After epoch 4 the training pauses by itself: move $\alpha$ to 0.1 and press **Start** again. After epoch 12, where the replay below ends, it pauses
# once more: move $\alpha$ back to 0.5 and continue.

# %%
training = live.training_panel(
    data="mnist-mini", divergence="dual JS", alpha=0.5, gamma=0.7, latent=2, epochs=100, pause_at=(4, 12)
)
live.show(training)


# %%
STEPS = live.budget(len(images) // 64, fast=5)  # of one epoch


def replay(changes=(), epochs=12):
    """Train the dual with planned changes (step, name, old, new); return rate, distortion and mean sigma."""
    torch.manual_seed(0)
    experiment = recipes.gjs_vae(images.shape[1:], 2, alpha=0.5, dual=True, hidden=(64,), gamma=0.7)
    plan = vaelab.TrainConfig(steps=epochs * STEPS, batch_size=64, lr=1e-3, device="cpu", progress=False)
    vaelab.fit(experiment, images, plan, interventions=vaelab.Interventions(changes))
    _, distortion, rate = measure(experiment)
    return rate, distortion, float((0.5 * metrics.encode(experiment, test).logvar).exp().mean())


steady, turned = replay(), replay([(4 * STEPS, "alpha", 0.5, 0.1)])
for name, row in (("control", steady), ("alpha 0.5 -> 0.1", turned)):
    print(f"{name:18} rate {row[0]:5.2f} nats, distortion {row[1]:5.2f}, mean sigma {row[2]:.2f}")
words = (("lower", "higher"), ("lower", "higher"), ("smaller", "larger"))
live.check(
    dual_effects,
    [pair[after > before] for pair, before, after in zip(words, steady, turned, strict=True)],
    hint="Only narrow posteriors owe the whole fee. How can an encoder avoid it, and what does that do to the reconstruction?",
    question="05.dual_effects",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# The encoder avoids the fee by keeping its posteriors **wide**. Their noise blurs the reconstruction (a higher distortion), and the means must move apart to be distinguished in spite of
# it (a higher rate). So the fee is not paid, but the VAE moves away from the best trade-off. Notebook 03 reached the same state with the primed divergence at *large* alpha: both are then
# close to $\mathrm{KL}(p\|q)$.
#
# ## 8 · Explore the fee
#
# The panel shows the posterior of one latent and the prior. Decrease the sigma of $q$ and observe the divergence at small $\alpha$: plain, primed, dual.
#
# * *dual*, $\alpha=0.1$: as $q$ becomes narrow, the value approaches $0.1\,\mathrm{KL}+2.9$.
# * *primed*: as $q$ becomes narrow, the value grows like $\alpha^2/(2s)$. This term keeps its posteriors wide.

# %%
panel = live.divergence_panel(alpha=0.1, q=(1, 0.3), p=(0, 1))
live.show(panel)

# %% [markdown]
# ## Exercises
#
# **1.** At which $\alpha$ between 0.1 and 0.6 is the entrance fee zero? Write the body of `root_of_fee`, which finds it to three digits by bisection: halve the interval again and again, and keep the half in which `fee` changes its sign.


# %%
def root_of_fee(low=0.1, high=0.6):
    """Return the alpha between low and high at which the fee is zero."""
    ### BEGIN SOLUTION
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if fee(middle) > 0 else (low, middle)
    return low
    ### END SOLUTION


# %%
nearest_alpha = min((i / 10_000 for i in range(1000, 6000)), key=lambda a: abs(fee(a)))
live.check(
    root_of_fee,
    nearest_alpha,
    tolerance=5e-4,
    hint="Halve the interval: c is positive at 0.1 and negative at 0.6.",
    hints={
        0.1: "That is the lower end: raise it when the fee in the middle is positive.",
        0.6: "That is the upper end: lower it when the fee in the middle is negative.",
    },
)

# %% [markdown]
# **2.** At which $\alpha$ is the fee lowest, so that active latents are rewarded most? Set $c'(\alpha)=\tfrac1{2\alpha}+\tfrac12-\tfrac1{2\alpha^2}$ to zero: $\alpha^2+\alpha-1=0$.

# %%
lowest = (math.sqrt(5) - 1) / 2  # your answer, a number

# %%
live.check(lowest, min(alphas, key=fee), tolerance=0.006, hint="The positive root, the inverse of the golden ratio.")

# %% [markdown]
# **3.** Train the dual with `weight=2` and $\alpha=\tfrac12$. To which beta-VAE should it be equivalent? Do the numbers agree?

# %%
(weighted_dual,) = train_all(recipes.gjs_vae, [{"alpha": 0.5, "dual": True, "weight": 2.0}])
error, _, rate = measure(weighted_dual)
print(f"dual α = ½, weight 2: error {error:.2f}, rate {rate:.2f}    VAE: error {vae_error:.2f}, rate {vae_rate:.2f}")

# %%
equivalent_beta = 1.0  # your answer, a number

# %%
slope = 2.0 * (primed_dual(1, 1e-8, 0.5) - primed_dual(1, 1e-6, 0.5)) / (kl(1, 1e-8) - kl(1, 1e-6))
live.check(
    equivalent_beta,
    slope,
    hint="The loss is weight · (α KL + c). What is the factor of KL?",
    hints={0.5: "That is α alone; the weight multiplies it.", 2: "That is the weight alone; α multiplies it."},
)

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("05")

# %% [markdown]
# ## Recap
# 1. For active latents, the primed dual is $\alpha\,\mathrm{KL}(q\|p)+c(\alpha)$: a beta-VAE with $\beta=\alpha$ and an entrance fee, about 2.9 nats at 0.1, zero near 0.39.
# 2. The reconstruction error of the primed family rises from below the VAE to above it as the divergence approaches $\mathrm{KL}(p\|q)$. That of the dual is large at 0.1, lowest in the middle, and approaches the VAE.
# 3. Plain and primed at $\tfrac12$ are one loss: their difference is the seed-to-seed variation, the scale for all other differences.
# 4. With a small fee, the dual has nearly the rate and the distortion of the beta-VAE; with a large fee it is worse at equal rate. A lower reconstruction error alone only shows a weaker penalty.
# 5. Test an estimator on a model with a known answer. Using $\sigma^2$ for $\sigma$ lowers the estimate, and by more the narrower the posterior.
# 6. Turned to a small alpha during training, the dual makes its posteriors wide to avoid the fee, and both rate and distortion rise.
#
# ## References
# 1. J. Deasy, N. Simidjievski, P. Liò (2020). *Constraining Variational Inference with Geometric Jensen-Shannon Divergence.* NeurIPS. arXiv 2006.10599.
# 2. I. Higgins et al. (2017). *beta-VAE.* ICLR.
# 3. A. Alemi et al. (2018). *Fixing a Broken ELBO.* ICML. arXiv 1711.00464. (The rate-distortion plane.)
# 4. Y. Burda, R. Grosse, R. Salakhutdinov (2016). *Importance Weighted Autoencoders.* ICLR. arXiv 1509.00519. (The estimator of section 6.)
