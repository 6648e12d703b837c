# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 00 · Start here
#
# **Question.** What is a variational autoencoder, and how do you move around in this collection?
#
# **You will be able to**
# 1. train a small VAE on real handwritten digits and read its two-part loss;
# 2. say what two numbers can and cannot keep of a digit;
# 3. find your way in the latent plane with two sliders;
# 4. read the other notebooks, and draw every figure of the papers yourself.
#
# **Time** about 15 minutes, of which the computer needs some seconds. **You need** Python, and the idea of a neural network.
#
# Every notebook is built alike: a question, then sections in which you **predict**, **try** and **explain**.
# Lines marked `# your guess` are yours to change; a check below tells you whether you are right. The next cell sets up
# everything; run cells with `Shift+Enter`.

# %%
import math

import torch

import vaelab
from vaelab import live, plots

# %% [markdown]
# ## 1 · The data
#
# `vaelab.load` finds data sets by name. `mnist-mini` comes with vaelab: 10,000 training and 2,000 test digits, the
# ten classes balanced as in the full set.

# %%
train, test = vaelab.load("mnist-mini"), vaelab.load("mnist-mini", split="test")
print(train)

# The first two test images of each class.
examples = torch.stack([test.images[test.labels == k][:2, 0] for k in range(10)], dim=1).float() / 255
with plots.style("notebook"):
    figure = plots.new_figure(8, 1.8)
    plots.image_grid(figure.subplots(), examples)
live.show(
    figure,
    alt="Two rows of ten handwritten digits, the classes 0 to 9 in order.",
    caption="Two test images of each class, 28 x 28 pixels.",
)

# %% [markdown]
# ## 2 · A VAE in four lines
#
# A VAE is a pair of networks. The **encoder** turns an image $x$ into a small cloud $q(z|x)=\mathcal N(\mu,\sigma^2)$ of *codes*;
# the **decoder** turns a code $z$ back into an image. Both are trained to make
#
# $$\underbrace{-\,\mathbb E_{q}\,\ln p(x|z)}_{\text{how badly the image is described}}\;+\;
# \underbrace{\mathrm{KL}\big(q(z|x)\,\|\,p(z)\big)}_{\text{how much the code says}}$$
#
# small, averaged over the images, with the prior $p(z)=\mathcal N(0,1)$ for each latent. Both parts are measured in nats: nats are bits times $\ln2$.
#
# ### Predict
# Our code has just **two** numbers. To *name* one of ten equally likely digits takes $\ln10\approx2.30$ nats. Will the code that
# the VAE learns say more than that about an image, or less?

# %%
code_says = "more"  # your guess: "more" or "less"

# %% [markdown]
# ### Try
# Thirty passes over the data; without a graphics card this takes about ten seconds.

# %%
torch.manual_seed(0)
experiment = vaelab.recipes.vae((1, 28, 28), latent=2, network="mlp", hidden=(256, 128), likelihood="bernoulli")
history = vaelab.fit(experiment, train, vaelab.Train(epochs=30, batch_size=128, lr=2e-3, device="cpu"))

# %%
with plots.style("notebook"):
    figure = plots.new_figure(8, 2.8)
    left, right = figure.subplots(1, 2)
    left.plot(history["epoch"], history["nll"], color=plots.REFERENCE)
    left.set(title="description of the image", xlabel="epoch", ylabel="nats per image")
    right.plot(history["epoch"], history["divergence"], color=plots.Q)
    right.axhline(math.log(10), color=plots.P, linestyle=":")
    right.annotate("ln 10", (history["epoch"][-1], math.log(10)), ha="right", va="bottom", color=plots.P)
    right.set(title="KL: what the code says", xlabel="epoch", ylabel="nats per image", ylim=(0, None))
live.show(
    figure,
    alt=f"Two curves over {len(history)} epochs: the description falls from {history['nll'][0]:.0f} to {history['nll'][-1]:.0f} nats, "
    f"the KL goes from {history['divergence'][0]:.1f} to {history['divergence'][-1]:.1f} nats, above ln 10.",
    caption="The two parts of the loss. As the code says more, the image needs less description.",
)
live.check(
    code_says,
    "more" if history["divergence"][-1] > math.log(10) else "less",
    hint="Read the end of the right curve.",
)

# %% [markdown]
# ### Explain
# The code says more than a digit's name. It need not say the *name*, though: the training spends nats on whatever shortens the
# description most, and slant or thickness move as many pixels as the class does. Each nat of code must earn at least one nat of
# description, otherwise it is dropped: this is the bargain that every notebook here is about.
#
# ## 3 · What two numbers keep
#
# ### Predict
# Will a reconstruction be **sharper** than its original, or **blurrier**?

# %%
reconstructions_are = "blurrier"  # your guess: "sharper" or "blurrier"

# %% [markdown]
# ### Try

# %%
with torch.no_grad():
    originals = torch.stack([test.images[test.labels == k][0] for k in range(10)])
    decoded = experiment.decode(experiment.encode(originals).mean)
rows = torch.stack([originals[:, 0].float() / 255, decoded[:, 0]])
with plots.style("notebook"):
    figure = plots.new_figure(8, 1.8)
    plots.image_grid(figure.subplots(), rows, rows=("image", "decoded"))


# %%
def steepness(images):
    """Mean squared difference of neighboring pixels: sharp edges make it large."""
    return float(images.diff(dim=-1).square().mean() + images.diff(dim=-2).square().mean())


live.show(
    figure,
    alt=f"Above ten test digits, below what the decoder makes of their codes, with {steepness(rows[1]) / steepness(rows[0]):.0%} of the steepness of the edges.",
    caption="Test images (above) and their reconstructions from two numbers (below).",
)
live.check(
    reconstructions_are,
    "blurrier" if steepness(rows[1]) < steepness(rows[0]) else "sharper",
    hint="Compare the edges in the two rows.",
)

# %% [markdown]
# ### Explain
# Many different digits share one code, and the decoder answers with their *average*. An average of sharp strokes in slightly
# different places is soft. It is not a fault of the network: two numbers cannot say more.
#
# ## 4 · The latent plane
#
# Two latents can be looked at. Each dot is the mean of a test image's cloud, colored by a class label that the VAE never received.
#
# ### Predict
# If the codes were spread like the prior, $\mathcal N(0,1)$ in both directions, which share of them would lie within a distance of 2 of
# the center? (The squared distance is exponentially distributed: a share of $1-e^{-r^2/2}$ lies within $r$.)

# %%
share = 1 - math.exp(-2)  # your answer, a number between 0 and 1
live.check(share, 1 - math.exp(-(2**2) / 2), hint="Put r = 2 into the formula.")

# %% [markdown]
# ### Try

# %%
codes = experiment.encode(test.images)
inside = float((codes.mean.norm(dim=1) < 2).float().mean())
neighbors = torch.cdist(codes.mean, experiment.encode(train.images).mean).topk(15, largest=False).indices
named = float((train.labels[neighbors].mode(dim=1).values == test.labels).float().mean())
with plots.style("notebook"):
    figure = plots.new_figure(5.6, 5.4)
    ax = figure.subplots()
    plots.latent_plane(ax, codes.mean, test.labels)
    turn = torch.linspace(0, 2 * math.pi, 200)
    ax.plot(2 * turn.cos(), 2 * turn.sin(), color="black", lw=1)
    ax.set(xlabel="z1", ylabel="z2", aspect="equal", xlim=(-4, 4), ylim=(-4, 4))
live.show(
    figure,
    alt=f"The plane of the two latents with a dot per test image; classes form patches around the center, and {inside:.0%} of the dots lie within a distance of 2.",
    caption=f"Where the test images lie. Circle: distance 2; {inside:.1%} of the means lie inside, {share:.1%} of the prior.",
)
print(f"The 15 nearest training codes name the class of {named:.0%} of the test images (chance: 10%).")

# %% [markdown]
# ### Explain
# The KL pulls each cloud toward the prior, so that together the clouds tile the plane without large gaps. Therefore a point drawn from the prior
# decodes to something like a digit, and the VAE is a *generator*. How well clouds and prior agree is the subject of later notebooks.
#
# ## 5 · Walk through it
#
# Run the cell and drag the sliders; with the focus on one, the arrow keys do it as well. On the left you see where you are, on the right what the decoder generates at that
# place. Without a kernel you see the **film-strip**: the same pictures for a few values.
#
# * Walk from the 1s to the 0s. Is there a place where the digit is neither?
# * Go to an *edge* or *corner*: what does the decoder do where it has never been?

# %%
explorer = live.latent_panel(experiment, test.images, test.labels)
live.show(explorer)

# %% [markdown]
# ## 6 · Where to go from here
#
# * **Notebooks** are numbered, and each names what it needs. *Alternatives to the KL divergence:* [01 · From one KL to the other](01_divergence_interpolation.ipynb),
#   [02 · Fitting a mixture](02_fitting_a_mixture.ipynb), [03 · The geometric JS in a VAE](03_geometric_js_vae.ipynb). *What the codes look like:*
#   [04 · The variance law](04_variance_law.ipynb), [05 · The marginal posterior](05_marginal_posterior.ipynb). *Who weighs the two parts:*
#   [06 · Who sets gamma?](06_balancing_gamma.ipynb), [07 · Two stages](07_two_stages.ipynb). *Codes that ignore nuisance:* [08 · Consistency](08_consistency.ipynb).
# * **Sliders** need a running kernel (`make lab` in a clone, else `jupyter lab`); everywhere else, GitHub included, the film-strip stands in.
# * **Figures**: in a clone of the repository, `vaelab figures list` names the figures of the papers and `vaelab figures make` draws
#   them into `figures/`, as PNG, PDF and a table of the numbers drawn.
# * **Your own images**: `vaelab.load("folder:PATH")`, then the cells above.
#
# ## Exercises
#
# **1.** Train again with `latent=10` (the panel needs two, the reconstructions do not). Which part of the loss falls, which rises?
#
# **2.** The cell below draws from the prior. Run it several times: how many of the ten samples would you call a digit?

# %%
samples = experiment.sample(10)
with plots.style("notebook"):
    figure = plots.new_figure(8, 1.0)
    plots.image_grid(figure.subplots(), samples[None, :, 0])
live.show(
    figure,
    alt="Ten images decoded from points drawn from the prior.",
    caption="Ten draws from the prior, decoded.",
)

# %% [markdown]
# ## Recap
# 1. The loss has two parts, both in nats: how badly the image is described, and how much the code says.
# 2. Two numbers keep what shortens the description most, often the class; what they cannot keep, the decoder averages.
# 3. The latent plane is tiled by the codes, so that one can walk in it and draw from it.
# 4. In each notebook you predict, try and explain; sliders redraw at once; `vaelab figures make` draws the papers' figures.
#
# ## References
# 1. D. P. Kingma, M. Welling (2014). *Auto-Encoding Variational Bayes.* ICLR. arXiv 1312.6114.
# 2. Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998). *Gradient-based learning applied to document recognition.* Proc. IEEE 86(11), for the digits.
