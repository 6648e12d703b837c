# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 90 · The panels
#
# **Question.** Which figures in this collection respond to a slider, and what can each of them show in one minute?
#
# **You will be able to**
# 1. show any panel in a lecture with one line of code, at projector size;
# 2. change the loss of a VAE while it trains, and copy the run as code;
# 3. recognize from the figure alone whether a VAE has collapsed, is balanced, or has a gamma that is too small or too large.
#
# **Time** about 30 minutes. **You need** notebook [00 · Start here](00_start_here.ipynb).
# **Symbols** are those of the [table of notation](00_start_here.ipynb#Notation).
#
# Every panel is one call. `style="talk"` makes it readable from the back row. `panel.set(...)` moves its controls from code, and `panel.presets`
# are named settings. Without a kernel, each panel shows its filmstrip: pictures for a few values of the controls.

# %%
import math

import numpy as np
import torch

import vaelab
from vaelab import live

digits = vaelab.load("digits")

# %% [markdown]
# ## 1 · Change alpha and beta while a VAE trains
#
# ### Predict
# A VAE trains on the geometric JS with $\alpha=0.1$, near $\mathrm{KL}(q\|p)$, and with the weight $\beta=1$. (a) After twelve epochs you raise $\beta$ to 20. Does the rate, $\mathrm{KL}(q\|p)$, rise or fall?
# (b) In another run you raise $\alpha$ to 0.9 there instead, near $\mathrm{KL}(p\|q)$. Do the codes spread `"wider"` or `"narrower"`?

# %%
rate_will, sure = "fall", 80  # your guess: "rise" or "fall"; sure: 50 to 100

# %%
codes_spread, sure_spread = "wider", 70  # your guess: "wider" or "narrower"; sure: 50 to 100

# %% [markdown]
# ### Try
# Press **Start**. After epoch 12, at step 300, the training pauses by itself: move **beta** to 20, press **Start**, and watch the point in the rate-distortion plane. Move **beta** back to 1 and press **Restart**;
# at the pause move **alpha** to 0.9 instead, press **Start**, and watch the latent plane. Every change is marked on the curves.
# **Copy as code** writes a cell that repeats the run with these changes and ends with the same weights.

# %%
training = live.training_panel(data="digits", network="mlp 64", divergence="JS", alpha=0.1, epochs=400, pause_at=12)
live.show(training)

# %% [markdown]
# The same experiment in code: three trainings that differ in one change each.

# %%
rates, spreads = [], []
for changes in ((), ((300, "weight", 1.0, 20.0),), ((300, "alpha", 0.1, 0.9),)):
    torch.manual_seed(0)
    experiment = vaelab.recipes.gjs_vae((1, 8, 8), 2, alpha=0.1, hidden=(64,), gamma=0.2)
    config = vaelab.TrainConfig(steps=600, batch_size=64, device="cpu", progress=False)
    vaelab.fit(experiment, digits, config, interventions=vaelab.Interventions(changes))
    q = experiment.encode(digits.images)
    rates.append(float(vaelab.kl(q, vaelab.Gaussian.standard(q.mean)).mean()))
    spreads.append(float(vaelab.MarginalPosterior(*q).variance_law().total.mean()))
print(f"rate after 600 steps: {rates[0]:.2f} nats; with β = 20 from step 300 on: {rates[1]:.2f} nats")
print(f"variance V of the codes: {spreads[0]:.2f}; with α = 0.9 from step 300 on: {spreads[2]:.2f}")
live.check(
    rate_will,
    "fall" if rates[1] < rates[0] else "rise",
    hint="What does a larger beta penalize more?",
    question="90.rate_will",
    sure=sure,
    trained=True,
)

# %%
live.check(
    codes_spread,
    "wider" if spreads[2] > spreads[0] else "narrower",
    hint="KL(p‖q) penalizes a posterior that has little density where the prior has some: each one widens.",
    question="90.codes_spread",
    sure=sure_spread,
    trained=True,
)

# %% [markdown]
# ### Explain
# Beta is the weight of the divergence. When it rises, the latents that reduce the reconstruction error by less than their weighted divergence are switched off first. The point moves to the left and up:
# lower rate, larger error. Alpha changes the divergence itself. Near $\mathrm{KL}(p\|q)$ every posterior is wide, and the means move further apart to stay distinguishable: the variance law of this divergence has a $V$ above 1 (notebooks 05 and 06).
#
# ## 2 · Gamma balances the two parts
#
# ### Predict
# The decoder's standard deviation gamma is balanced when it equals the root mean squared error of the decoder. With a *larger*
# gamma, does the latent code carry more information (rich) or less (poor)?

# %%
larger_gamma_is, sure = "poor", 70  # your guess: "rich" or "poor"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
balance = live.balance_panel()
live.show(balance)

# %%
by_gamma = []
for gamma in (0.1, 0.4):
    torch.manual_seed(0)
    experiment = vaelab.recipes.vae((1, 8, 8), 2, hidden=(64,), gamma=gamma)
    vaelab.fit(experiment, digits, vaelab.TrainConfig(steps=300, batch_size=64, device="cpu", progress=False))
    q = experiment.encode(digits.images)
    by_gamma.append(float(vaelab.kl(q, vaelab.Gaussian.standard(q.mean)).mean()))
print(f"rate with gamma 0.1: {by_gamma[0]:.2f} nats; with gamma 0.4: {by_gamma[1]:.2f} nats")
live.check(
    larger_gamma_is,
    "poor" if by_gamma[1] < by_gamma[0] else "rich",
    hint="A decoder that assumes much noise gains little from details.",
    question="90.larger_gamma_is",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ## 3 · One latent: noise and signal
#
# ### Predict
# A latent has a fixed ratio $\rho=\sigma/|\mu|=1$ of noise to signal. For which $\sigma^2$ is its KL from $\mathcal N(0,1)$ smallest?

# %%
best_variance = 0.5  # your answer, a number

# %% [markdown]
# ### Try

# %%
rho = live.rho_panel()
live.show(rho)

# %%
live.check(
    best_variance,
    min((i / 1000 for i in range(1, 3000)), key=lambda s: 0.5 * (s + s - math.log(s) - 1)),  # the mean is sigma
    hint="The minimum lies on the line where sigma squared and mu squared sum to 1.",
    hints={
        1: "That would be right for a mean of 0.",
        lambda a: abs(a - 0.5**0.5) < 0.01: "That is sigma; the question is about its square.",
    },
)

# %% [markdown]
# ## 4 · All posteriors together
#
# The aggregate posterior $Q(z)$, the mixture of all posteriors, is shown one latent at a time, together with the variance law.

# %%
torch.manual_seed(0)
experiment = vaelab.recipes.vae((1, 8, 8), 6, hidden=(64,), gamma=0.15)
vaelab.fit(
    experiment,
    digits,
    vaelab.TrainConfig(epochs=live.budget(60, fast=5), batch_size=64, lr=2e-3, device="cpu", progress=False),
)
mixture_of_posteriors = live.posterior_panel(experiment, digits.images)
live.show(mixture_of_posteriors)

# %% [markdown]
# ## 5 · Traversals of more than two latents

# %%
traversal = live.latent_panel(experiment, digits.images)
live.show(traversal)

# %% [markdown]
# ## 6 · Between two Gaussians, and one Gaussian fitted to a mixture

# %%
between = live.divergence_panel()
live.show(between)

# %%
mixture = live.mixture_panel()
live.show(mixture)

# %% [markdown]
# ## Exercises
#
# **1.** In panel 1, choose *collapse*, press Start, and recover from the collapse with the sliders alone. Which slider did it?
#
# **2.** In panel 2, find the gamma at which the dashed and the dotted line cross. The panel decodes posterior *means*; the likelihood averages over *sampled* $z$. Is the crossing for sampled $z$ at a `"larger"` or a `"smaller"` gamma? The cell below trains the same VAEs around the crossing.

# %%
gamma_at_crossing, crossing_with_samples = 0.145, "larger"  # your answers: a number, "larger" or "smaller"

# %%
gammas = (0.08, 0.12, 0.16, 0.2, 0.25)
config = vaelab.TrainConfig(epochs=live.budget(20, fast=3), batch_size=64, lr=3e-3, device="cpu", progress=False)
excess = {"means": [], "samples": []}  # ln(root of the squared error / gamma)
for gamma in gammas:
    torch.manual_seed(0)
    vae = vaelab.recipes.vae((1, 8, 8), 8, hidden=(64,), gamma=gamma)
    vaelab.fit(vae, digits, config)
    q = vae.encode(digits.images)
    for name, z in (("means", q.mean), ("samples", q.sample())):
        error = (vae.decode(z) - digits.images.float() / 255).square().mean().sqrt()
        excess[name].append(math.log(float(error) / gamma))
# The excess falls along gamma; it is zero at the crossing.
at = {name: math.exp(np.interp(0, [-e for e in values], np.log(gammas))) for name, values in excess.items()}
print(f"crossing at the means: γ = {at['means']:.3f}; with sampled z: γ = {at['samples']:.3f}")
live.check(
    [gamma_at_crossing, crossing_with_samples],
    [at["means"], "larger" if at["samples"] > at["means"] else "smaller"],
    tolerance=0.02,
    hint="The noise of z adds to the error, so the whole curve of errors lies higher.",
    trained=True,
)

# %% [markdown]
# **3.** In panel 4, the variance law predicts $V=1$. Does this make the mixture Gaussian? Read its skewness and kurtosis below the picture (a Gaussian has skewness 0 and kurtosis 3).

# %%
law = vaelab.MarginalPosterior(*experiment.encode(digits.images)).variance_law()
print(f"V of the six latents: {', '.join(f'{float(v):.2f}' for v in law.total)}")

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("90")

# %% [markdown]
# ## Recap
# 1. Every panel is one call. `style="talk"`, `set` and presets prepare it for a lecture.
# 2. Sliders act on a running training. Every change is recorded, and the generated code reproduces the weights.
# 3. Rate, error and gamma together distinguish collapse, balance and too small a gamma.
#
# ## References
# 1. A. Asperti (2019). *About Generative Aspects of Variational Autoencoders.* LOD 2019, LNCS. doi 10.1007/978-3-030-37599-7_7.
# 2. A. Asperti, M. Trentin (2020). *Balancing Reconstruction Error and Kullback-Leibler Divergence in Variational Autoencoders.* IEEE Access. arXiv 2002.07514.
# 3. J. Deasy, N. Simidjievski, P. Liò (2020). *Constraining Variational Inference with Geometric Jensen-Shannon Divergence.* NeurIPS 33. arXiv 2006.10599.
