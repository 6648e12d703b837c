# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 04 · The variance law
#
# **Question.** The KL term looks at one image at a time. Why, then, does the cloud of *all* codes look like $\mathcal N(0,I)$, and how far can you trust that?
#
# **You will be able to**
# 1. derive the variance law, the variance of the means plus the mean of the variances is 1, from one argument about scale;
# 2. say what it does *not* claim: nothing about a single image;
# 3. break it in three ways, and find a published slip by the number that its formula gives;
# 4. rescale a trained VAE without retraining, and predict the nats that this saves;
# 5. find the law of a divergence of your own, by autograd.
#
# **Time** about 50 minutes. **You need** notebook [01 · From one KL to the other](01_divergence_interpolation.ipynb).
#
# Each image $x$ has a posterior $q(z|x)=\mathcal N(\mu,s)$ per latent, with $s=\sigma^2$ a *variance*; the prior is $p=\mathcal N(0,1)$. All divergences are in nats.

# %%
import math

import torch
from torch import nn

import vaelab
from vaelab import live, metrics, plots, recipes
from vaelab.posterior.variance_law import optimal_scale, predicted_variance, scale_gradient

train, test = vaelab.load("mnist-mini"), vaelab.load("mnist-mini", "test")

# %% [markdown]
# ## 1 · One posterior whose scale is free
#
# $$\mathrm{KL}(q\|p)=\tfrac12\big(\mu^2+s-\ln s-1\big).$$
#
# Multiply a latent by $c$: $\mu\to c\mu$, $\sigma\to c\,\sigma$. The decoder divides its first weights by $c$ and notices nothing. So the scale is free, and only the ratio
# $\rho=\sigma/|\mu|$, noise to signal, is the decoder's business. Asperti (2019) puts $\mu^2=s/\rho^2$ into the KL:
#
# $$\mathrm{KL}=\tfrac12\Big(s\,\frac{1+\rho^2}{\rho^2}-\ln s-1\Big).$$
#
# ### Predict
# Set the derivative by $s$ to zero. Which variance is best at $\rho=\tfrac12$, and what is $s+\mu^2$ there?

# %%
best_s, best_sum = 0.2, 1.0  # your answers


# %% [markdown]
# ### Try


# %%
def kl_along(s, rho):
    """KL(N(mu, s)‖N(0, 1)) with mu = sigma/rho."""
    return 0.5 * (s * (1 + rho**2) / rho**2 - math.log(s) - 1)


variances = [i / 1000 for i in range(1, 3000)]
lowest = min(variances, key=lambda s: kl_along(s, 0.5))
live.check([best_s, best_sum], [lowest, lowest + lowest / 0.5**2], hint="(1 + ρ²)/ρ² = 1/s, and μ² = s/ρ².")

# %% [markdown]
# ### Explain
# The minimum lies at $s=\rho^2/(1+\rho^2)$ and $\mu^2=1/(1+\rho^2)$: whatever the ratio, $s+\mu^2=1$. Move $\rho$, and watch the minimum walk along the line.

# %%
rho = live.rho_panel()
live.show(rho)

# %% [markdown]
# ## 2 · All posteriors, one scale
#
# A network cannot choose a scale for every image: one weight matrix serves them all. So let a *common* factor $c$ and a shift $b$ act on all images:
#
# $$f(c,b)=\mathbb E_x\,\tfrac12\big[(c\mu+b)^2+c^2s-\ln(c^2s)-1\big].$$
#
# Where training has come to rest no such change helps. $\partial f/\partial b=0$ and $\partial f/\partial c=0$ at $c=1$, $b=0$ read
#
# $$\mathbb E[\mu]=0,\qquad \mathbb E[\mu^2]+\mathbb E[s]=1,$$
#
# or: **variance of the means + mean of the variances = 1**. The left side is $V$, the variance of the mixture of all posteriors. And elsewhere? The best factor is $c^*=1/\sqrt V$, and it saves
# $\tfrac12(V-1-\ln V)$ nats. Ten lines check both against a search and against the package.


# %%
def average_kl(mean, variance, c=1.0):
    """E_x KL(q‖p) of one latent whose scale is multiplied by c."""
    return float(0.5 * (c**2 * (mean**2 + variance) - torch.log(c**2 * variance) - 1).mean())


generator = torch.Generator().manual_seed(0)
mean = 0.9 * torch.randn(2000, dtype=torch.float64, generator=generator)
mean = mean - mean.mean()
variance = 0.1 + 0.5 * torch.rand(2000, dtype=torch.float64, generator=generator)
v = float((mean**2 + variance).mean())
saved = average_kl(mean, variance) - average_kl(mean, variance, 1 / math.sqrt(v))
searched = min((i / 10_000 for i in range(5000, 15_000)), key=lambda c: average_kl(mean, variance, c))
package = float(optimal_scale(vaelab.kl, mean[:, None], variance.log()[:, None]))
law = vaelab.MarginalPosterior(mean[:, None], variance.log()[:, None]).variance_law()
print(f"V = {v:.6f}; best factor {1 / math.sqrt(v):.6f}, by search {searched:.4f}, by the package {package:.6f}")
print(f"saved {saved:.8f} nats, by the formula {0.5 * (v - 1 - math.log(v)):.8f}")
assert abs(package - 1 / math.sqrt(v)) < 1e-6
assert abs(saved - 0.5 * (v - 1 - math.log(v))) < 1e-6
assert abs(float(law.total) - v) < 1e-6

# %% [markdown]
# Now a trained VAE: ten latents, the sum of squared errors plus KL, 20 epochs on 10,000 digits.
#
# ### Predict
# (a) The mean of $V$ over the latents in use: within a tenth of 1, `"yes"` or `"no"`? (b) Does $\mu^2+s=1$ hold image by image: do `"most"` or `"few"` images come within a tenth of 1?

# %%
law_holds, single_images = "yes", "few"  # your guesses

# %% [markdown]
# ### Try


# %%
def trained(latent=10, epochs=20, weight_decay=0.0, divergence=None):
    """A VAE, or one with another divergence instead of KL, from the same seed."""
    torch.manual_seed(0)
    experiment = recipes.vae(train.shape, latent, hidden=(100,))
    if divergence is not None:
        experiment.objective.divergence = divergence
    settings = vaelab.Train(epochs, batch_size=64, lr=3e-3, weight_decay=weight_decay, device="cpu", progress=False)
    vaelab.fit(experiment, train, settings)
    return experiment


vae = trained()
posterior = vaelab.MarginalPosterior.from_model(vae, train.images)
law = posterior.variance_law()
print("latent  Var of means  mean of variances      V   active")
for k in law.of_means.argsort(descending=True).tolist():
    print(
        f"{k:6} {law.of_means[k]:13.3f} {law.of_noise[k]:18.3f} {law.total[k]:6.3f}   {'yes' if law.active[k] else 'no'}"
    )
each = (posterior.mean**2 + posterior.logvar.exp())[:, law.active]
near = float(((each - 1).abs() < 0.1).float().mean())
print(f"mean over the active latents {law.mean_active:.3f}; single images within a tenth of 1: {near:.0%}")
live.check(
    [law_holds, single_images],
    ["yes" if abs(law.mean_active - 1) < 0.1 else "no", "most" if near > 0.5 else "few"],
    hint="Which scale is free, that of one image or that of all?",
)

# %%
strongest = int(law.of_means.argmax())
with plots.style("notebook"):
    figure = plots.new_figure(8.4, 3.2)
    left, right = figure.subplots(1, 2)
    left.plot(posterior.logvar.exp()[:, strongest], posterior.mean[:, strongest] ** 2, ".", ms=2, alpha=0.3)
    left.plot([0, 1], [1, 0], "--", color=plots.P, label="μ² + s = 1")
    left.plot(law.of_noise[strongest], law.of_squares[strongest], "k*", ms=12, label="the averages")
    left.set(xlabel="s", ylabel="μ²", xlim=(0, 1), ylim=(0, 5), title="one latent, 10,000 images")
    left.legend()
    right.hist(each.flatten().clamp(max=4).numpy(), 60, color=plots.Q, alpha=0.4, density=True)
    right.axvline(1, color=plots.P, ls="--")
    right.axvline(float(each.mean()), color="black", label=f"average {float(each.mean()):.2f}")
    right.set(xlabel="μ² + s, all active latents (last bin: 4 and more)", yticks=[], title="image by image")
    right.legend()
live.show(
    figure,
    alt=f"Left, mean squared against variance of one latent: a cloud far from the line where they sum to 1, its average near it. Right, the histogram of the sum: "
    f"skewed, most images below 1, the average {float(each.mean()):.2f}.",
    caption="The law speaks of averages. Image by image the sum runs from near 0 to above 4.",
)

# %% [markdown]
# ### Explain
# The $\rho$ argument frees the scale of one image; training frees that of all together. If the law held image by image, no code could lie further out than 1, and a code at 0 would need $s=1$.
# What is true for every image is the *noise to signal ratio that it needs*; what is true on average is the scale.
#
# Latents that are not used have $\mu\approx0$ and $s\approx1$: they satisfy the law trivially, $0+1$. Always report the active ones separately.
#
# ## 3 · The plane
#
# With two latents the cloud can be seen: codes of 1,000 test digits on the left, some with the ellipse of their sigma, and on the right what the decoder makes of a point. How many sigmas of the prior does the cloud fill? Walk from the
# center to the edge: *center*, *edge*, *corner*, then *all of the plane*. (Figures `var-digits-plane`, `var-trajectories` and `var-sampling-off` show the cloud at rest, on its way, and without its noise.)

# %%
plane = trained(latent=2, epochs=8)
plane_law = vaelab.MarginalPosterior.from_model(plane, train.images).variance_law()
print(f"V = {plane_law.total[0]:.2f} and {plane_law.total[1]:.2f}")
far = plane.encode(test.images).mean.norm(dim=1).quantile(torch.tensor([0.5, 0.99]))
print(f"half of the codes lie within {far[0]:.1f} sigmas of the center, 99 % within {far[1]:.1f}; N(0, I): 1.2 and 3.0")
walk = live.latent_panel(plane, test.images[:1000], test.labels[:1000])
live.show(walk)

# %% [markdown]
# The cloud fills about three sigmas, as draws from $\mathcal N(0,I)$ would. Its $V$ is less exact: in the plane it is often 1.1 to 1.3 after a short training. Is the law wrong? Look at what is at stake: $\tfrac12(V-1-\ln V)$.
#
# ### Predict
# How many nats does a latent lose that is 20 % too wide, $V=1.2$? Compare with the three or so nats that the codes cost altogether.

# %%
lost = 0.5 * (1.2 - 1 - math.log(1.2))  # your answer
live.check(lost, 0.008839, tolerance=1e-4, hint="Put V = 1.2 into (V - 1 - ln V)/2.")

# %% [markdown]
# A hundredth of a nat. The valley is flat: training *ends* at the law, but approaches it slowly.
#
# ## 4 · Break it
#
# ### Predict
# Three VAEs: the one from above; one stopped after a *single* epoch; one with strong L2 weight decay. Decay punishes large weights, so the scale is no longer free. It pulls both ways: the larger
# the codes, the smaller may the weights of the decoder's first layer be that *read* them; the smaller the codes, the smaller the weights of the encoder's last layer that *make* them. Which force wins, does the mean $V$ lie
# `"below 1"` or `"above 1"`? And which of the two broken ones is *further* from 1 on average?

# %%
with_decay, further = "above 1", "weight decay"  # your guesses; the second: "too few steps" or "weight decay"

# %% [markdown]
# ### Try

# %%
broken = {"as above": vae, "too few steps": trained(epochs=1), "weight decay": trained(weight_decay=0.02)}
distance = {}
print("                 mean V of the active   lowest   highest   nats at stake   active")
for name, experiment in broken.items():
    found = vaelab.MarginalPosterior.from_model(experiment, train.images).variance_law()
    stake = float(0.5 * (found.about_zero - 1 - found.about_zero.log()).sum())
    distance[name] = abs(found.mean_active - 1)
    used = found.total[found.active]
    print(
        f"{name:16} {found.mean_active:20.3f} {used.min():8.2f} {used.max():9.2f} {stake:15.3f} {int(found.active.sum()):8}"
    )
live.check(
    [with_decay, further],
    ["above 1" if found.mean_active > 1 else "below 1", max(("too few steps", "weight decay"), key=distance.get)],
    hint="One of the two is on its way to the law; the other has another optimum.",
)

# %% [markdown]
# ### Explain
# A training that is cut short is *on its way*. Weight decay has *another optimum*: a factor $c$ is no longer for nothing, since it changes weights that are punished, at both ends. No
# derivation says which end wins; in this run it was the decoder's, and the codes are too wide. The law rests on one premise, that scale is free; break the premise and another number comes out. Look at the column of nats, too: after one epoch single latents are off in both directions, more than their mean tells.
#
# ### Code archaeology
# Published code for a VAE with balanced terms prints a "variance law". Its formula gives **1.2** or so for the latents of a model that obeys the law. In our own words:


# %%
def suspect(mean, second_output):
    """Per latent, the variance of the means plus the average of exp(second output): [n, d] -> [d]."""
    return mean.var(0) + second_output.exp().mean(0)


# %% [markdown]
# The function is called with what the encoder's second head puts out. In that code the head is trained to give $\ln\sigma$. Feed our VAE, whose law is in order, through it.
#
# ### Predict
# What should replace `second_output` for the sum to be $V$: write it as a multiple of $\ln\sigma$. And will the slip print too `"much"` or too `"little"`?

# %%
multiple, slip_prints = 2, "much"  # your answers

# %% [markdown]
# ### Try

# %%
log_sigma = 0.5 * posterior.logvar
wrong, right = (suspect(posterior.mean, m * log_sigma)[law.active] for m in (1, 2))
print(f"with ln σ:  {float(wrong.mean()):.3f} on average, from {float(wrong.min()):.2f} to {float(wrong.max()):.2f}")
print(f"with 2 ln σ: {float(right.mean()):.3f}")
live.check(
    [multiple, slip_prints],
    [2, "much" if wrong.mean() > right.mean() else "little"],
    hint="The law speaks of variances. And which is larger, σ or σ², if σ < 1?",
)

# %% [markdown]
# ### Explain
# $\mathbb E[\sigma]$ exceeds $\mathbb E[\sigma^2]$ wherever $\sigma<1$. A latent that obeys the law to the last digit prints 1.2 or so: the number itself identifies the error. A collapsed latent,
# $\sigma=1$, prints 1 either way, so an average over *all* latents hides it. Name what you store: `logvar`, or `log_sigma`.
#
# ## 5 · Repair it
#
# `vaelab.rescale` divides every latent by $\sqrt V$ and lets the decoder's first layer undo it. Take the VAE that was stopped after one epoch.
#
# ### Predict
# From its table row above: how many nats will the KL fall? And the largest change of any pixel in any reconstruction, is it below $10^{-5}$, `"yes"` or `"no"`?

# %%
early = broken["too few steps"]
early_law = vaelab.MarginalPosterior.from_model(early, train.images).variance_law()
will_save = float(0.5 * (early_law.about_zero - 1 - early_law.about_zero.log()).sum())  # your formula
pixels_stay = "yes"  # your guess

# %% [markdown]
# ### Try

# %%
repaired = vaelab.rescale(early, train.images).experiment
before, after = (metrics.evaluate(experiment, train.images)["rate"] for experiment in (early, repaired))
old, new = (experiment.decode(experiment.encode(test.images).mean) for experiment in (early, repaired))
change = float((old - new).abs().max())
print(f"KL {before:.5f} -> {after:.5f}: {before - after:.5f} nats saved; largest change of a pixel {change:.1e}")
assert abs(before - after - will_save) < 1e-4
live.check(
    [will_save, pixels_stay],
    [before - after, "yes" if change < 1e-5 else "no"],
    tolerance=1e-4,
    hint="Sum (V - 1 - ln V)/2 over latents, with V = E[μ²] + E[s].",
)

# %% [markdown]
# Nothing was trained, nothing is reconstructed differently, and the bound on $\ln p(x)$ is better by these nats. In the panel: choose a latent, and switch the rescaling on.

# %%
mixture = live.posterior_panel(early, train.images)
live.show(mixture)

# %% [markdown]
# ## 6 · A law of your own
#
# The argument of section 2 works for *any* divergence $D$ between $q$ and the prior. Multiplying a latent by $c$ changes the average of $D$ at the rate
#
# $$\frac{d}{d\ln c}\,\mathbb E[D]=\mathbb E\Big[\mu\,\frac{\partial D}{\partial\mu}+2s\,\frac{\partial D}{\partial s}\Big],$$
#
# and where training rests this is 0. `scale_gradient` computes it by autograd. For $\mathrm{KL}(q\|p)$ it is $\mathbb E[\mu^2]+\mathbb E[s]-1$; for $\mathrm{KL}(p\|q)$ it is $1-\mathbb E[1/s]$, which
# says nothing about the means at all.
#
# Which variance does **Jeffreys'** symmetric divergence $D=\mathrm{KL}(q\|p)+\mathrm{KL}(p\|q)=\tfrac12\big(\mu^2+s+\tfrac1s+\tfrac{\mu^2}s\big)-1$ lead to?
#
# ### Predict
# The ratio $\mu^2/s$ does not change with the scale, so the law reads $\mathbb E[\mu^2]+\mathbb E[s]=\mathbb E[1/s]$. Let all posteriors of a latent be equally wide, and its signal-to-noise
# ratio be $R=\mathrm{Var}(\mu)/s=5.7$. Which $V$ follows?

# %%
jeffreys_v = math.sqrt(1 + 5.7)  # your answer

# %% [markdown]
# ### Try


# %%
class Jeffreys(nn.Module):
    """KL(q‖p) + KL(p‖q), [b, d] to [b].  Put a divergence of your own here, summed over the latents by .sum(-1)."""

    def forward(self, q, p):
        return vaelab.kl(q, p) + vaelab.kl(p, q)


by_package = predicted_variance(Jeffreys(), 5.7)
print(f"predicted V at R = 5.7: {by_package:.5f}")
live.check(jeffreys_v, by_package, tolerance=1e-3, hint="V = (1 + R) s, and the law says V = 1/s.")

# %% [markdown]
# And a VAE that is trained with it? Its latents have ratios $R$ of their own, and posteriors of many widths. Nothing more is needed: `optimal_scale` asks its posteriors for the factor at which the law would hold.

# %%
own = trained(divergence=Jeffreys())
q = own.encode(train.images)
found = vaelab.MarginalPosterior(q.mean, q.logvar).variance_law()
liked = found.total * optimal_scale(Jeffreys(), q.mean, q.logvar) ** 2
slope = scale_gradient(Jeffreys(), q.mean, q.logvar)
print("latent   V measured   V by its law   E[1/s]    slope")
for k in found.of_means.argsort(descending=True).tolist():
    print(
        f"{k:6} {found.total[k]:12.3f} {liked[k]:14.3f} {float(torch.exp(-q.logvar[:, k]).mean()):8.3f} {slope[k]:8.3f}"
    )
apart = float((found.total / liked).log().abs().max())
print(f"largest deviation from the prediction: {apart:.0%}")

# %% [markdown]
# ### Explain
# The measured variances follow the law of *this* divergence, latent by latent, up to 1.7 and not 1. Each regularizer has its own law, and draws from $\mathcal N(0,1)$ are right only where it is $V=1$. Notebook
# [03](03_geometric_js_vae.ipynb) met one that leads to $V\approx3$. The cure is always the same: know your law, then sample with its variance. Figure `var-other-laws` holds eight regularizers against their predictions.
#
# ## Exercises
#
# **1.** How wide must a latent be for a tenth of a nat to be at stake? Solve $\tfrac12(V-1-\ln V)=0.1$ for $V>1$ by bisection.

# %%
low, high = 1.0, 4.0
for _ in range(50):
    middle = (low + high) / 2
    low, high = (middle, high) if 0.5 * (middle - 1 - math.log(middle)) < 0.1 else (low, middle)
live.check(low, 1.7722, tolerance=1e-3, hint="At V = 1.5 it is 0.047 nats, at V = 2 it is 0.153.")

# %% [markdown]
# **2.** The law of $\mathrm{KL}(p\|q)$ is $\mathbb E[1/s]=1$. At $R=5.7$ with equal posteriors, what is $V$?

# %%
reverse_v = 1 + 5.7  # your answer
live.check(
    reverse_v,
    predicted_variance(lambda q, p: vaelab.kl(p, q), 5.7),
    tolerance=1e-3,
    hint="Equal posteriors: s = 1. Then V = (1 + R) s.",
)

# %% [markdown]
# **3.** The squared Wasserstein distance $\mu^2+(\sigma-1)^2$ has the law $\mathbb E[\mu^2]+\mathbb E[s]=\mathbb E[\sigma]$. Which $V$ at $R=5.7$? Is it a regularizer to sample from $\mathcal N(0,1)$ with?

# %%
wasserstein_v = 1 / (1 + 5.7)  # your answer
live.check(
    wasserstein_v,
    predicted_variance(lambda q, p: (q.mean**2 + (torch.exp(0.5 * q.logvar) - 1) ** 2).sum(-1), 5.7),
    tolerance=1e-3,
    hint="Equal posteriors: V = (1 + R) s = σ.",
)

# %% [markdown]
# **4.** Multiply the KL by $\beta=4$. Which $V$ does the law ask for? (Then train one and see which latents are left.)

# %%
beta_v = 1.0  # your answer
live.check(
    beta_v,
    predicted_variance(lambda q, p: 4 * vaelab.kl(q, p), 5.7),
    tolerance=1e-3,
    hint="A factor does not move a minimum.",
)

# %% [markdown]
# ## Recap
# 1. The decoder does not care for a latent's scale, so KL alone sets it: $\mathrm{Var}(\mu)+\mathbb E[s]=1$, for any $\beta$.
# 2. It is a law of averages. Single images scatter from near 0 to far above 1, and collapsed latents satisfy it trivially.
# 3. Short training leaves it nearby, weight decay moves it, and $\sigma$ instead of $\sigma^2$ prints 1.2 where the truth is 1.
# 4. Dividing by $\sqrt V$ costs nothing, changes no reconstruction, and saves $\tfrac12(V-1-\ln V)$ nats per latent: little, which is why training is in no hurry.
# 5. For any divergence the law is $\mathbb E[\mu\,\partial_\mu D+2s\,\partial_sD]=0$; most do not lead to $V=1$.
#
# ## References
# 1. A. Asperti (2019). *About Generative Aspects of Variational Autoencoders.* LOD 2019, LNCS. doi 10.1007/978-3-030-37599-7_7.
# 2. A. Asperti, M. Trentin (2020). *Balancing Reconstruction Error and Kullback-Leibler Divergence in Variational Autoencoders.* IEEE Access. arXiv 2002.07514.
# 3. J. Deasy, N. Simidjievski, P. Liò (2020). *Constraining Variational Inference with Geometric Jensen-Shannon Divergence.* NeurIPS. arXiv 2006.10599.
