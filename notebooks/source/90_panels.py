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
# **Question.** Which pictures in this collection move with a slider, and what can be shown with each in one minute?
#
# **You will be able to**
# 1. put any panel into a lecture with one line, in the size of a projector;
# 2. steer a VAE while it trains, and copy the run as code;
# 3. say from the picture alone whether a VAE is collapsed, balanced, or has too small or too large a gamma.
#
# **Time** about 20 minutes. **You need** notebook [00 · Start here](00_start_here.ipynb).
#
# Every panel is one call. `style="talk"` makes it readable from the last row; `panel.set(...)` moves it by code, `panel.presets`
# are the places to jump to. Without a kernel each shows its film-strip, drawn by the same function.

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
# A VAE trains with beta = 1. In the midst of it you raise beta to 20. Does the rate, $\mathrm{KL}(q\|p)$, rise or fall?

# %%
rate_will = "fall"  # your guess: "rise" or "fall"

# %% [markdown]
# ### Try
# Press **Start**, let it run, move **beta**, and watch the point in the rate-distortion plane. Every turn is marked on the curves;
# **Copy as code** gives a cell with the turns in it, which ends at the same weights.

# %%
steered = live.training_panel(data="digits", network="mlp 64", divergence="KL(q‖p)", epochs=100)
live.show(steered)

# %% [markdown]
# The same by code, in two trainings that differ in one change of the weight:

# %%
torch.manual_seed(0)
rates = []
for turns in ((), ((300, "weight", 1.0, 20.0),)):
    torch.manual_seed(0)
    experiment = vaelab.recipes.vae((1, 8, 8), 2, hidden=(64,), gamma=0.2)
    config = vaelab.Train(steps=600, batch_size=64, device="cpu", progress=False)
    vaelab.fit(experiment, digits, config, interventions=vaelab.Interventions(turns))
    q = experiment.encode(digits.images)
    rates.append(float(vaelab.kl(q, vaelab.Gaussian.standard(q.mean)).mean()))
print(f"rate after 600 steps: {rates[0]:.2f} nats; with beta = 20 from step 300 on: {rates[1]:.2f} nats")
live.check(rate_will, "fall" if rates[1] < rates[0] else "rise", hint="What does a larger beta penalize more?")

# %% [markdown]
# ### Explain
# Beta is the price of a nat. When it rises, the nats that earn less than they cost go first, and the point moves to the left and up:
# less rate, more error.
#
# ## 2 · Gamma balances the two parts
#
# ### Predict
# The decoder's standard deviation gamma is in balance when it equals the error that the decoder really makes. Is a VAE with a *larger*
# gamma too rich or too poor?

# %%
larger_gamma_is = "poor"  # your guess: "rich" or "poor"
live.check(larger_gamma_is, "poor", hint="A decoder that expects much noise does not pay for details.")

# %% [markdown]
# ### Try

# %%
balance = live.balance_panel()
live.show(balance)

# %% [markdown]
# ## 3 · One latent: noise against signal
#
# ### Predict
# A latent keeps $\rho=\sigma/|\mu|=1$. At which $\sigma^2$ is its KL from $\mathcal N(0,1)$ least?

# %%
best_variance = 0.5  # your answer
live.check(best_variance, 1 / (1 + 1), hint="The minimum lies on the line where sigma squared and mu squared sum to 1.")

# %% [markdown]
# ### Try

# %%
rho = live.rho_panel()
live.show(rho)

# %% [markdown]
# ## 4 · All posteriors together
#
# The mixture $Q(z)$ of all posteriors, one latent at a time, beside the variance law.

# %%
torch.manual_seed(0)
experiment = vaelab.recipes.vae((1, 8, 8), 6, hidden=(64,), gamma=0.15)
vaelab.fit(experiment, digits, vaelab.Train(epochs=60, batch_size=64, lr=2e-3, device="cpu", progress=False))
mixture_of_posteriors = live.posterior_panel(experiment, digits.images)
live.show(mixture_of_posteriors)

# %% [markdown]
# ## 5 · Walking in more than two latents

# %%
traversal = live.latent_panel(experiment, digits.images)
live.show(traversal)

# %% [markdown]
# ## 6 · Between two Gaussians, and a Gaussian for a mixture

# %%
between = live.divergence_panel()
live.show(between)

# %%
fitted = live.mixture_panel()
live.show(fitted)

# %% [markdown]
# ## Exercises
#
# **1.** In panel 1, choose *collapse*, press Start, and rescue the training with the sliders alone. Which one did it?
#
# **2.** In panel 2, find the gamma at which the two dotted curves cross. What is the root of the squared error there?
#
# **3.** In panel 4, the law says $V=1$. Is the mixture therefore Gaussian? Read skewness and kurtosis (3 for a Gaussian).

# %%
law = vaelab.MarginalPosterior(*experiment.encode(digits.images)).variance_law()
print(f"V of the six latents: {', '.join(f'{float(v):.2f}' for v in law.total)}; ½ ln 2 = {math.log(2) / 2:.3f} nats")

# %% [markdown]
# ## Recap
# 1. One call per panel; `style="talk"`, `set` and presets for the lecture.
# 2. Sliders act on a running training, every turn is recorded, and the code gives the same weights again.
# 3. Rate, error and gamma together tell collapse, balance and excess apart.
#
# ## References
# 1. A. Asperti (2019). *About Generative Aspects of Variational Autoencoders.* LOD 2019, LNCS. doi 10.1007/978-3-030-37599-7_7.
# 2. A. Asperti, M. Trentin (2020). *Balancing Reconstruction Error and Kullback-Leibler Divergence in Variational Autoencoders.* IEEE Access. arXiv 2002.07514.
# 3. J. Deasy, N. Simidjievski, P. Liò (2020). *Constraining Variational Inference with Geometric Jensen-Shannon Divergence.* NeurIPS 33. arXiv 2006.10599.
