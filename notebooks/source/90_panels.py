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
# 2. steer a VAE while it trains, and copy the run as code;
# 3. recognize from the figure alone whether a VAE has collapsed, is balanced, or has a gamma that is too small or too large.
#
# **Time** about 20 minutes. **You need** notebook [00 · Start here](00_start_here.ipynb).
#
# Every panel is one call. `style="talk"` makes it readable from the back row. `panel.set(...)` moves its controls from code, and `panel.presets`
# are named settings. Without a kernel, each panel shows its film-strip, which is drawn by the same function.

# %%
import math

import torch

import vaelab
from vaelab import live

digits = vaelab.load("digits")

# %% [markdown]
# ## 1 · A VAE that you steer
#
# ### Predict
# A VAE trains with beta = 1. Halfway through, you raise beta to 20. Does the rate, $\mathrm{KL}(q\|p)$, rise or fall?

# %%
rate_will, sure = "fall", 80  # your guess: "rise" or "fall"; sure: 50 to 100

# %% [markdown]
# ### Try
# Press **Start**, let the training run, move **beta**, and watch the point in the rate-distortion plane. Every change is marked on the curves.
# **Copy as code** writes a cell that repeats the run with these changes and ends with the same weights.

# %%
training = live.training_panel(data="digits", network="mlp 64", divergence="KL(q‖p)", epochs=100)
live.show(training)

# %% [markdown]
# The same experiment in code: two trainings that differ in one change of the KL weight.

# %%
torch.manual_seed(0)
rates = []
for changes in ((), ((300, "weight", 1.0, 20.0),)):
    torch.manual_seed(0)
    experiment = vaelab.recipes.vae((1, 8, 8), 2, hidden=(64,), gamma=0.2)
    config = vaelab.TrainConfig(steps=600, batch_size=64, device="cpu", progress=False)
    vaelab.fit(experiment, digits, config, interventions=vaelab.Interventions(changes))
    q = experiment.encode(digits.images)
    rates.append(float(vaelab.kl(q, vaelab.Gaussian.standard(q.mean)).mean()))
print(f"rate after 600 steps: {rates[0]:.2f} nats; with beta = 20 from step 300 on: {rates[1]:.2f} nats")
live.check(
    rate_will,
    "fall" if rates[1] < rates[0] else "rise",
    hint="What does a larger beta penalize more?",
    question="90.rate_will",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# Beta is the weight of the KL term. When it rises, the latents that reduce the reconstruction error by less than their weighted KL are switched off first. The point moves to the left and up:
# lower rate, larger error.
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
# A latent has a fixed ratio $\rho=\sigma/|\mu|=1$. For which $\sigma^2$ is its KL from $\mathcal N(0,1)$ smallest?

# %%
best_variance = 0.5  # your answer

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
# **2.** In panel 2, find the gamma at which the dashed and the dotted line cross. What is the root mean squared error there? (The panel decodes posterior means; the maximum-likelihood gamma of notebook 08 is defined by sampled $z$ and is larger.)
#
# **3.** In panel 4, the variance law predicts $V=1$. Does this make the mixture Gaussian? Read its skewness and kurtosis (a Gaussian has kurtosis 3).

# %%
law = vaelab.MarginalPosterior(*experiment.encode(digits.images)).variance_law()
print(f"V of the six latents: {', '.join(f'{float(v):.2f}' for v in law.total)}; ½ ln 2 = {math.log(2) / 2:.3f} nats")

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
