# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 06 · The variance law
#
# **Question.** The KL term is computed for one image at a time. Why, then, do the codes of *all* images together look like $\mathcal N(0,I)$, and how accurate is this?
#
# **You will be able to**
# 1. derive the variance law, the variance of the means plus the mean of the variances is 1, from one argument about scale;
# 2. state what it does *not* claim: it does not hold for single images;
# 3. identify three reasons for a value other than 1, one of them a mistake in published code;
# 4. rescale a trained VAE without retraining, and predict by how many nats this lowers the KL;
# 5. derive the law of any other divergence by automatic differentiation.
#
# **Time** about 70 minutes. **You need** notebook [02 · From one KL to the other](02_divergence_interpolation.ipynb).
# **Symbols** are those of the [table of notation](00_start_here.ipynb#Notation).
#
# Each image $x$ has a posterior $q(z|x)=\mathcal N(\mu,s)$ per latent, with the *variance* $s=\sigma^2$; the prior is $p=\mathcal N(0,1)$. All divergences are in nats.

# %%
import math

import torch
from torch import nn

import vaelab
from vaelab import live, metrics, plots, recipes
from vaelab.posterior.variance_law import optimal_scale, predicted_variance, scale_gradient

train, test = vaelab.load("mnist-mini"), vaelab.load("mnist-mini", "test")

# %% [markdown]
# ## 1 · One posterior with a free scale
#
# $$\mathrm{KL}(q\|p)=\tfrac12\big(\mu^2+s-\ln s-1\big).$$
#
# Multiply a latent by $c$: $\mu\to c\mu$, $\sigma\to c\,\sigma$. If the decoder divides the weights of its first layer by $c$, its output does not change. So the scale is free, and the decoder depends only on the ratio
# $\rho=\sigma/|\mu|$ of noise to signal. Asperti (2019) substitutes $\mu^2=s/\rho^2$ into the KL:
#
# $$\mathrm{KL}=\tfrac12\Big(s\,\frac{1+\rho^2}{\rho^2}-\ln s-1\Big).$$
#
# ### Predict
# Set the derivative with respect to $s$ to zero. Which variance is optimal at $\rho=\tfrac12$, and what is $s+\mu^2$ there?

# %%
best_s, best_sum = 0.2, 1.0  # your answers, two numbers


# %% [markdown]
# ### Try


# %%
def kl_along(s, rho):
    """Compute KL(N(mu, s)‖N(0, 1)) for mu = sigma/rho."""
    return 0.5 * (s * (1 + rho**2) / rho**2 - math.log(s) - 1)


variances = [i / 1000 for i in range(1, 3000)]
lowest = min(variances, key=lambda s: kl_along(s, 0.5))
live.check([best_s, best_sum], [lowest, lowest + lowest / 0.5**2], hint="(1 + ρ²)/ρ² = 1/s, and μ² = s/ρ².")

# %% [markdown]
# ### Explain
# The minimum is at $s=\rho^2/(1+\rho^2)$ and $\mu^2=1/(1+\rho^2)$: for every ratio, $s+\mu^2=1$. Change $\rho$, and the minimum moves along this line.

# %%
rho_panel = live.rho_panel()
live.show(rho_panel)

# %% [markdown]
# ## 2 · All posteriors, one scale
#
# A network cannot choose a scale for each image, since all images share one weight matrix. So apply a *common* factor $c$ and a shift $b$ to all images:
#
# $$f(c,b)=\mathbb E_x\,\tfrac12\big[(c\mu+b)^2+c^2s-\ln(c^2s)-1\big].$$
#
# When training has converged, no such change reduces the loss. $\partial f/\partial b=0$ and $\partial f/\partial c=0$ at $c=1$, $b=0$ give
#
# $$\mathbb E[\mu]=0,\qquad \mathbb E[\mu^2]+\mathbb E[s]=1,$$
#
# or: **variance of the means + mean of the variances = 1**. The left side is $V$, the variance of the *aggregate posterior*, the mixture of the posteriors of all images (`vaelab.MarginalPosterior`; Asperti (2019) calls it the marginal posterior). If $V\ne1$, the optimal factor is $c^*=1/\sqrt V$, and it lowers the KL by
# $\tfrac12(V-1-\ln V)$ nats. Ten lines compare both formulas with a search and with the package.


# %%
def average_kl(mean, variance, c=1.0):
    """Compute E_x KL(q‖p) of one latent whose scale is multiplied by c."""
    return float(0.5 * (c**2 * (mean**2 + variance) - torch.log(c**2 * variance) - 1).mean())


generator = torch.Generator().manual_seed(0)
mean = 0.9 * torch.randn(2000, dtype=torch.float64, generator=generator)
mean = mean - mean.mean()
variance = 0.1 + 0.5 * torch.rand(2000, dtype=torch.float64, generator=generator)
v = float((mean**2 + variance).mean())
gain = average_kl(mean, variance) - average_kl(mean, variance, 1 / math.sqrt(v))
best_factor = min((i / 10_000 for i in range(5000, 15_000)), key=lambda c: average_kl(mean, variance, c))
package = float(optimal_scale(vaelab.kl, mean[:, None], variance.log()[:, None]))
law = vaelab.MarginalPosterior(mean[:, None], variance.log()[:, None]).variance_law()
print(f"V = {v:.6f}; optimal factor {1 / math.sqrt(v):.6f}, by search {best_factor:.4f}, by the package {package:.6f}")
print(f"KL reduced by {gain:.8f} nats, by the formula {0.5 * (v - 1 - math.log(v)):.8f}")
assert abs(package - 1 / math.sqrt(v)) < 1e-6
assert abs(gain - 0.5 * (v - 1 - math.log(v))) < 1e-6
assert abs(float(law.total) - v) < 1e-6

# %% [markdown]
# Next, a trained VAE: ten latents, the sum of squared errors plus KL, 20 epochs on 10,000 digits.
#
# ### Predict
# (a) Is the mean of $V$ over the active latents within a tenth of 1, `"yes"` or `"no"`? (b) Does $\mu^2+s=1$ hold for single images: are `"most"` or `"few"` images within a tenth of 1?

# %%
law_holds, single_images, sure = "yes", "few", 80  # your guesses: "yes" or "no", "most" or "few"; sure: 50 to 100

# %% [markdown]
# ### Try


# %%
def train_vae(latent=10, epochs=20, weight_decay=0.0, divergence=None):
    """Train a VAE with a fixed seed, by default with the KL divergence."""
    torch.manual_seed(0)
    experiment = recipes.vae(train.shape, latent, hidden=(100,))
    if divergence is not None:
        experiment.objective.divergence = divergence
    settings = vaelab.TrainConfig(
        live.budget(epochs, fast=1), batch_size=64, lr=3e-3, weight_decay=weight_decay, device="cpu", progress=False
    )
    vaelab.fit(experiment, train, settings)
    return experiment


vae = train_vae()
posterior = vaelab.MarginalPosterior.from_model(vae, train.images)
law = posterior.variance_law()

# %%
print("latent  Var of means  mean of variances      V   active")
for k in law.of_means.argsort(descending=True).tolist():
    print(
        f"{k:6} {law.of_means[k]:13.3f} {law.of_noise[k]:18.3f} {law.total[k]:6.3f}   {'yes' if law.active[k] else 'no'}"
    )
sums = (posterior.mean**2 + posterior.logvar.exp())[:, law.active]
share_near = float(((sums - 1).abs() < 0.1).float().mean())
print(f"mean over the active latents {law.mean_active:.3f}; single images within a tenth of 1: {share_near:.0%}")
live.check(
    [law_holds, single_images],
    ["yes" if abs(law.mean_active - 1) < 0.1 else "no", "most" if share_near > 0.5 else "few"],
    hint="Which scale is free, that of one image or the common scale of all images?",
    question="06.law_holds",
    sure=sure,
    trained=True,
)

# %% tags=["hide-input"]
strongest = int(law.of_means.argmax())
with plots.style("notebook"):
    figure = plots.new_figure(8.4, 3.2)
    left, right = figure.subplots(1, 2)
    left.plot(posterior.logvar.exp()[:, strongest], posterior.mean[:, strongest] ** 2, ".", ms=2, alpha=0.3)
    left.plot([0, 1], [1, 0], "--", color=plots.P, label="μ² + s = 1")
    left.plot(law.of_noise[strongest], law.of_squares[strongest], "k*", ms=12, label="the averages")
    left.set(xlabel="s", ylabel="μ²", xlim=(0, 1), ylim=(0, 5), title="one latent, 10,000 images")
    left.legend()
    right.hist(sums.flatten().clamp(max=4).numpy(), 60, color=plots.Q, alpha=0.4, density=True)
    right.axvline(1, color=plots.P, ls="--")
    right.axvline(float(sums.mean()), color="black", label=f"average {float(sums.mean()):.2f}")
    right.set(xlabel="μ² + s, all active latents (last bin: 4 and more)", yticks=[], title="single images")
    right.legend()
live.show(
    figure,
    alt="Left: squared mean against variance of one latent; most points are far from the line on which they sum to 1, "
    f"but their average is near it. Right: the histogram of the sum; it is skewed, most images are below 1, and the average is {float(sums.mean()):.2f}.",
    caption="The law holds for averages. For single images, the sum ranges from near 0 to above 4.",
)

# %% [markdown]
# ### Explain
# The argument with $\rho$ assumes a free scale for each image; in training, only the common scale of all images is free. If the law held for single images, no code could be further from 0 than 1, and a code at 0 would need $s=1$.
# For each image, training determines the *ratio of noise to signal*; the scale is determined only on average.
#
# Inactive latents have $\mu\approx0$ and $s\approx1$ (*posterior collapse*). They satisfy the law trivially, since $0+1=1$. Always report the active latents separately.
#
# ## 3 · The latent plane
#
# Two latents can be plotted. On the left of the panel are the codes of 1,000 test digits, some with the ellipse of their sigma; on the right is the image that the decoder generates from a point. How many sigmas of the prior do the codes extend? Move from the
# center outward: *center*, *edge*, *corner*, then *all of the plane*. (Figures `var-digits-plane`, `var-trajectories` and `var-sampling-off` show the codes after training, during training, and without their noise.)

# %%
plane = train_vae(latent=2, epochs=8)
plane_law = vaelab.MarginalPosterior.from_model(plane, train.images).variance_law()
print(f"V = {plane_law.total[0]:.2f} and {plane_law.total[1]:.2f}")
radii = plane.encode(test.images).mean.norm(dim=1).quantile(torch.tensor([0.5, 0.99]))
print(
    f"50 % of the codes are within {radii[0]:.1f} sigmas of the center, 99 % within {radii[1]:.1f}; N(0, I): 1.2 and 3.0"
)
plane_panel = live.latent_panel(plane, test.images[:1000], test.labels[:1000])
live.show(plane_panel)

# %% [markdown]
# The codes extend to about three sigmas, as samples from $\mathcal N(0,I)$ would. Their $V$ is less exact: for two latents it is often 1.1 to 1.3 after a short training. Is the law wrong? Compute the excess KL, $\tfrac12(V-1-\ln V)$.
#
# ### Predict
# By how many nats does a variance that is 20 % too large, $V=1.2$, increase the KL of a latent? Compare it with the rate of the whole code, which is several nats.

# %%
excess = 0.5 * (1.2 - 1 - math.log(1.2))  # your answer, nats

# %%
at_v = average_kl(mean, variance, math.sqrt(1.2 / v)) - average_kl(mean, variance, 1 / math.sqrt(v))
live.check(
    excess,
    at_v,
    tolerance=1e-4,
    hint="Substitute V = 1.2 into (V - 1 - ln V)/2.",
    hints={2 * at_v: "Nearly: divide by two.", 0.1: "That is (V - 1)/2; the logarithm is missing."},
)

# %% [markdown]
# It is about a hundredth of a nat. The minimum is flat: training *converges* to the law, but slowly.
#
# ## 4 · When the law fails
#
# ### Predict
# Compare three VAEs: the one from above; one stopped after a *single* epoch; one with strong L2 weight decay. Weight decay penalizes large weights, so the scale is no longer free. It has two opposite effects. Larger
# codes permit smaller weights in the first layer of the decoder, which *reads* them. Smaller codes permit smaller weights in the last layer of the encoder, which *outputs* them. Which effect is stronger: is the mean $V$
# `"below 1"` or `"above 1"`? And which of the last two VAEs deviates *more* from 1 on average?

# %%
with_decay, sure = "above 1", 70  # your guess: "below 1" or "above 1"; sure: 50 to 100
larger_deviation = "weight decay"  # your guess: "too few steps" or "weight decay"

# %% [markdown]
# ### Try

# %%
cases = {"as above": vae, "too few steps": train_vae(epochs=1), "weight decay": train_vae(weight_decay=0.02)}
distance = {}
print("                 mean V of the active   lowest   highest     excess nats   active")
for name, experiment in cases.items():
    case_law = vaelab.MarginalPosterior.from_model(experiment, train.images).variance_law()
    excess_kl = float(0.5 * (case_law.about_zero - 1 - case_law.about_zero.log()).sum())
    distance[name] = abs(case_law.mean_active - 1)
    active_v = case_law.total[case_law.active]
    print(
        f"{name:16} {case_law.mean_active:20.3f} {active_v.min():8.2f} {active_v.max():9.2f} {excess_kl:15.3f} {int(case_law.active.sum()):8}"
    )
live.check(
    [with_decay, larger_deviation],
    ["above 1" if case_law.mean_active > 1 else "below 1", max(("too few steps", "weight decay"), key=distance.get)],
    hint="One of the two has not yet converged to the law; the other has a different optimum.",
    question="06.with_decay",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# A training that is stopped early has *not converged*. Weight decay has a *different optimum*: a factor $c$ is no longer free of cost, since it changes penalized weights in both networks. No
# derivation shows which effect is stronger; the table shows that here it is that of the decoder, which makes $V$ too large. The law assumes that the scale is free; without this assumption the result is different. Look at the excess nats, too: after one epoch, single latents deviate in both directions, by more than their mean shows.
#
# ### A mistake in published code
# Published code for a VAE with balanced terms prints a "variance law". For the latents of a model that satisfies the law, its formula gives about **1.2**. Here it is reimplemented:


# %%
def published_law(mean, second_output):
    """Return, per latent, the variance of the means plus the average of exp(second output): [n, d] -> [d]."""
    return mean.var(0) + second_output.exp().mean(0)


# %% [markdown]
# The function is called with the second output of the encoder. In that code, this output is trained to be $\ln\sigma$. Apply the function to our VAE, which satisfies the law.
#
# ### Predict
# What should replace `second_output` so that the sum is $V$? Write it as a multiple of $\ln\sigma$. And does the published formula print too `"much"` or too `"little"`?

# %%
multiple, formula_prints = 2, "much"  # your answers: a number, "much" or "little"

# %% [markdown]
# ### Try

# %%
log_sigma = 0.5 * posterior.logvar
with_sigma, with_variance = (published_law(posterior.mean, m * log_sigma)[law.active] for m in (1, 2))
print(
    f"with ln σ:  {float(with_sigma.mean()):.3f} on average, from {float(with_sigma.min()):.2f} to {float(with_sigma.max()):.2f}"
)
print(f"with 2 ln σ: {float(with_variance.mean()):.3f}")
live.check(
    [multiple, formula_prints],
    [
        min((1, 2), key=lambda m: abs(float((published_law(posterior.mean, m * log_sigma) - law.total).mean()))),
        "much" if with_sigma.mean() > with_variance.mean() else "little",
    ],
    hint="The law contains variances. And which is larger, σ or σ², if σ < 1?",
    trained=True,
)

# %% [markdown]
# ### Explain
# $\mathbb E[\sigma]$ exceeds $\mathbb E[\sigma^2]$ wherever $\sigma<1$. For a latent that satisfies the law exactly, the formula gives about 1.2: the value itself identifies the mistake. For a collapsed latent,
# $\sigma=1$, it gives 1 in either case, so an average over *all* latents hides it. Name a quantity for what it is: `logvar`, or `log_sigma`.
#
# ## 5 · Rescale the latents
#
# `vaelab.rescale` divides every latent by $\sqrt V$ and compensates for this in the first layer of the decoder. Apply it to the VAE that was stopped after one epoch.
#
# ### Predict
# Use its row in the table above: by how many nats will the KL fall? And is the largest change of any pixel in any reconstruction below $10^{-5}$, `"yes"` or `"no"`?

# %%
early = cases["too few steps"]
early_law = vaelab.MarginalPosterior.from_model(early, train.images).variance_law()

# %%
predicted_gain = float(0.5 * (early_law.about_zero - 1 - early_law.about_zero.log()).sum())  # your formula, nats
change_is_small, sure = "yes", 90  # your guess: "yes" or "no"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
rescaled_vae = vaelab.rescale(early, train.images).experiment
before, after = (metrics.evaluate(experiment, train.images)["rate"] for experiment in (early, rescaled_vae))
old, new = (experiment.decode(experiment.encode(test.images).mean) for experiment in (early, rescaled_vae))
change = float((old - new).abs().max())
print(f"KL {before:.5f} -> {after:.5f}: lower by {before - after:.5f} nats; largest change of a pixel {change:.1e}")
live.check(
    [predicted_gain, change_is_small],
    [before - after, "yes" if change < 1e-5 else "no"],
    tolerance=1e-4,
    hint="Sum (V - 1 - ln V)/2 over the latents, with V = E[μ²] + E[s].",
    question="06.change_is_small",
    sure=sure,
    trained=True,
)

# %% [markdown]
# Without any training, and with the same reconstructions, the lower bound on $\ln p(x)$ is higher by these nats. In the panel, choose a latent and switch the rescaling on.

# %%
posterior_panel = live.posterior_panel(early, train.images)
live.show(posterior_panel)

# %% [markdown]
# ## 6 · The law of another divergence
#
# The argument of section 2 applies to *any* divergence $\mathcal D$ between $q$ and the prior. When a latent is multiplied by $c$, the average of $\mathcal D$ changes at the rate
#
# $$\frac{d}{d\ln c}\,\mathbb E[\mathcal D]=\mathbb E\Big[\mu\,\frac{\partial\mathcal D}{\partial\mu}+2s\,\frac{\partial\mathcal D}{\partial s}\Big],$$
#
# and after convergence it is 0. `scale_gradient` computes it by automatic differentiation. For $\mathrm{KL}(q\|p)$ it is $\mathbb E[\mu^2]+\mathbb E[s]-1$; for $\mathrm{KL}(p\|q)$ it is $1-\mathbb E[1/s]$, which
# does not depend on the means.
#
# Which variance results from **Jeffreys'** symmetric divergence $J=\mathrm{KL}(q\|p)+\mathrm{KL}(p\|q)=\tfrac12\big(\mu^2+s+\tfrac1s+\tfrac{\mu^2}s\big)-1$?
#
# ### Predict
# The ratio $\mu^2/s$ does not change with the scale, so the law is $\mathbb E[\mu^2]+\mathbb E[s]=\mathbb E[1/s]$. Suppose that all posteriors of a latent have the same width, and that its signal-to-noise
# ratio is $\mathrm{SNR}=\mathrm{Var}(\mu)/s=5.7$. What is $V$?

# %%
jeffreys_v = math.sqrt(1 + 5.7)  # your answer, a number

# %% [markdown]
# ### Try


# %%
class Jeffreys(nn.Module):
    """KL(q‖p) + KL(p‖q), [b, d] to [b]. Replace it by another divergence, summed over the latents by .sum(-1)."""

    def forward(self, q, p):
        return vaelab.kl(q, p) + vaelab.kl(p, q)


package_v = predicted_variance(Jeffreys(), 5.7)
print(f"predicted V at SNR = 5.7: {package_v:.5f}")
live.check(jeffreys_v, package_v, tolerance=1e-3, hint="V = (1 + SNR) s, and by the law V = 1/s.")

# %% [markdown]
# What happens in a VAE trained with this divergence? Its latents have different signal-to-noise ratios, and their posteriors have different widths. The prediction still works: `optimal_scale` computes, from the posteriors, the factor at which the law would hold.

# %%
jeffreys_vae = train_vae(divergence=Jeffreys())
q = jeffreys_vae.encode(train.images)
jeffreys_law = vaelab.MarginalPosterior(q.mean, q.logvar).variance_law()
optimal_v = jeffreys_law.total * optimal_scale(Jeffreys(), q.mean, q.logvar) ** 2
gradient = scale_gradient(Jeffreys(), q.mean, q.logvar)
print("latent   V measured   V by its law   E[1/s] gradient")
for k in jeffreys_law.of_means.argsort(descending=True).tolist():
    print(
        f"{k:6} {jeffreys_law.total[k]:12.3f} {optimal_v[k]:14.3f} {float(torch.exp(-q.logvar[:, k]).mean()):8.3f} {gradient[k]:8.3f}"
    )
deviation = float((jeffreys_law.total / optimal_v).log().abs().max())
print(f"largest deviation from the prediction: {deviation:.0%}")

# %% [markdown]
# ### Explain
# In each latent, the measured variance agrees with the law of *this* divergence, which is far above 1 for the most active latents. Each regularizer has its own law, and sampling from $\mathcal N(0,1)$ is correct only if that law is $V=1$. Notebook
# [05](05_geometric_js_vae.ipynb) contains one with $V\approx3$. The remedy is always the same: derive the law, then sample with its variance. Figure `var-other-laws` compares eight regularizers with their predictions.
#
# ## Exercises
#
# **1.** At which variance is the excess KL of a latent a tenth of a nat? Write the body of `v_of_excess`, which solves $\tfrac12(V-1-\ln V)=0.1$ for $V>1$ by bisection.


# %%
def v_of_excess(nats=0.1, low=1.0, high=4.0):
    """Return the V between low and high at which (V - 1 - ln V)/2 has this value."""
    ### BEGIN SOLUTION
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if 0.5 * (middle - 1 - math.log(middle)) < nats else (low, middle)
    return low
    ### END SOLUTION


# %%
nearest_v = min((1 + i / 10_000 for i in range(30_000)), key=lambda v: abs(0.5 * (v - 1 - math.log(v)) - 0.1))
live.check(v_of_excess, nearest_v, tolerance=1e-3, hint="At V = 1.5 it is 0.047 nats, at V = 2 it is 0.153.")

# %% [markdown]
# **2.** The law of $\mathrm{KL}(p\|q)$ is $\mathbb E[1/s]=1$. What is $V$ at $\mathrm{SNR}=5.7$ if all posteriors have the same width?

# %%
reverse_v = 1 + 5.7  # your answer, a number

# %%
live.check(
    reverse_v,
    predicted_variance(lambda q, p: vaelab.kl(p, q), 5.7),
    tolerance=1e-3,
    hint="Posteriors of the same width: s = 1. Then V = (1 + SNR) s.",
)

# %% [markdown]
# **3.** The squared Wasserstein distance $\mu^2+(\sigma-1)^2$ has the law $\mathbb E[\mu^2]+\mathbb E[s]=\mathbb E[\sigma]$. What is $V$ at $\mathrm{SNR}=5.7$? Is sampling from $\mathcal N(0,1)$ appropriate with this regularizer?

# %%
wasserstein_v = 1 / (1 + 5.7)  # your answer, a number

# %%
live.check(
    wasserstein_v,
    predicted_variance(lambda q, p: (q.mean**2 + (torch.exp(0.5 * q.logvar) - 1) ** 2).sum(-1), 5.7),
    tolerance=1e-3,
    hint="Posteriors of the same width: V = (1 + SNR) s = σ.",
)

# %% [markdown]
# **4.** Multiply the KL by $\beta=4$. Which $V$ does the law predict? (Then train such a VAE and check which latents remain active.)

# %%
beta_v = 1.0  # your answer, a number

# %%
live.check(
    beta_v,
    predicted_variance(lambda q, p: 4 * vaelab.kl(q, p), 5.7),
    tolerance=1e-3,
    hint="A constant factor does not change the position of a minimum.",
)

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("06")

# %% [markdown]
# ## Recap
# 1. The decoder does not depend on the scale of a latent, so KL alone determines it: $\mathrm{Var}(\mu)+\mathbb E[s]=1$, for any $\beta$.
# 2. The law holds for averages. For single images the sum ranges from near 0 to far above 1, and collapsed latents satisfy the law trivially.
# 3. After short training $V$ is near the law; weight decay changes it; and $\sigma$ instead of $\sigma^2$ gives 1.2 where the correct value is 1.
# 4. Dividing by $\sqrt V$ needs no training, changes no reconstruction, and lowers the KL by $\tfrac12(V-1-\ln V)$ nats per latent. This is little, which is why training approaches the law slowly.
# 5. For any divergence the law is $\mathbb E[\mu\,\partial_\mu\mathcal D+2s\,\partial_s\mathcal D]=0$; most do not lead to $V=1$.
#
# ## References
# 1. A. Asperti (2019). *About Generative Aspects of Variational Autoencoders.* LOD 2019, LNCS. doi 10.1007/978-3-030-37599-7_7.
# 2. A. Asperti, M. Trentin (2020). *Balancing Reconstruction Error and Kullback-Leibler Divergence in Variational Autoencoders.* IEEE Access. arXiv 2002.07514.
# 3. J. Deasy, N. Simidjievski, P. Liò (2020). *Constraining Variational Inference with Geometric Jensen-Shannon Divergence.* NeurIPS. arXiv 2006.10599.
