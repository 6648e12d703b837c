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
# **Question.** What is a variational autoencoder (VAE), and how are these notebooks organized?
#
# **You will be able to**
# 1. train a small VAE on real handwritten digits and read its two-part loss;
# 2. explain which properties of a digit a two-dimensional code can represent, and which it cannot;
# 3. explore the latent plane with two sliders;
# 4. find your way through the course, and reproduce every figure of the papers.
#
# **Time** about 25 minutes, including some seconds of computing. **You need** Python, and the idea of a neural network.
# **Symbols** are listed in the section *Notation* at the end.
#
# All notebooks have the same structure: a question, then sections in which you **predict**, **try** and **explain**.
# Replace `None` in the lines marked `# your guess` or `# your answer`; a check below tells you whether you are right. The
# second value of a guess, `sure`, is how sure you are, from 50 (a coin toss) to 100 percent. Your first answers are stored on
# this computer only, and the last picture of each notebook compares how sure you were with how often you were right. Two details
# of the code serve automatic tests and graders: `live.budget(30, fast=1)` is 30, and `trained=True` marks a check whose solution comes from a training.
# The next cell imports everything. Run a cell with `Shift+Enter`.

# %%
import math

import torch

import vaelab
from vaelab import live, plots

# %% [markdown]
# ## 1 · The data
#
# `vaelab.load` loads a data set by name. `mnist-mini` comes with vaelab: 10,000 training and 2,000 test digits. Its
# ten classes have the same proportions as in the full set.

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
# A VAE is a pair of networks. The **encoder** maps an image $x$ to a distribution $q(z|x)=\mathcal N(\mu,\sigma^2)$ over *codes*, its *posterior*;
# the **decoder** maps a code $z$ back to an image. Both are trained to minimize
#
# $$\underbrace{-\,\mathbb E_{q}\,\ln p(x|z)}_{\text{distortion: the error of the reconstruction}}\;+\;
# \underbrace{\mathrm{KL}\big(q(z|x)\,\|\,p(z)\big)}_{\text{rate: the information in the code}}$$
#
# averaged over the images, with the prior $p(z)=\mathcal N(0,1)$ for each latent. The first part is the negative log-likelihood (NLL) of the image given
# its code. The second is a Kullback-Leibler (KL) divergence: it measures how far the posterior is from the prior. Both parts are in nats; one bit is
# $\ln2$ nats. Why the sum of just these two parts is the right loss is the subject of notebook 01, *Where the loss comes from*; here we only use it.
#
# ### Predict
# Our codes have just **two** numbers. It takes $\ln10\approx2.30$ nats to identify one of ten equally likely digits. Will the
# trained VAE have a rate of more than that per image, or less?

# %%
rate_is, sure = "more", 80  # your guess: "more" or "less"; sure: 50 to 100

# %% [markdown]
# ### Try
# Thirty epochs; without a GPU this takes about 15 seconds.

# %%
torch.manual_seed(0)
experiment = vaelab.recipes.vae((1, 28, 28), latent=2, network="mlp", hidden=(256, 128), likelihood="bernoulli")
history = vaelab.fit(
    experiment, train, vaelab.TrainConfig(epochs=live.budget(30, fast=1), batch_size=128, lr=2e-3, device="cpu")
)

# %% tags=["hide-input"]
with plots.style("notebook"):
    figure = plots.new_figure(8, 2.8)
    left, right = figure.subplots(1, 2)
    left.plot(history["epoch"], history["nll"], color=plots.REFERENCE)
    left.set(title="distortion: reconstruction NLL", xlabel="epoch", ylabel="nats per image")
    right.plot(history["epoch"], history["divergence"], color=plots.Q)
    right.axhline(math.log(10), color=plots.P, linestyle=":")
    right.annotate("ln 10", (history["epoch"][-1], math.log(10)), ha="right", va="bottom", color=plots.P)
    right.set(title="rate: KL to the prior", xlabel="epoch", ylabel="nats per image", ylim=(0, None))
live.show(
    figure,
    alt=f"Two curves over {len(history)} epochs: the distortion falls from {history['nll'][0]:.0f} to {history['nll'][-1]:.0f} nats, "
    f"the rate goes from {history['divergence'][0]:.1f} to {history['divergence'][-1]:.1f} nats, above ln 10.",
    caption="The two parts of the loss. As the rate rises, the distortion falls.",
)

# %%
live.check(
    rate_is,
    "more" if history["divergence"][-1] > math.log(10) else "less",
    hint="Read the right end of the right-hand curve.",
    question="00.rate_is",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# The rate exceeds the information in the class label. This does not mean that the code contains the *label*: training uses the rate for whatever
# reduces the distortion most, and slant or stroke thickness change as many pixels as the class does. A nat of rate is worth its cost only if it
# reduces the distortion by at least one nat; otherwise training removes it. This trade-off is the subject of all notebooks.
#
# ## 3 · What two numbers can represent
#
# ### Predict
# Will a reconstruction be **sharper** than the original image, or **blurrier**?

# %%
reconstructions_are, sure = "blurrier", 70  # your guess: "sharper" or "blurrier"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
with torch.no_grad():
    originals = torch.stack([test.images[test.labels == k][0] for k in range(10)])
    reconstructions = experiment.decode(experiment.encode(originals).mean)
rows = torch.stack([originals[:, 0].float() / 255, reconstructions[:, 0]])
with plots.style("notebook"):
    figure = plots.new_figure(8, 1.8)
    plots.image_grid(figure.subplots(), rows, rows=("image", "reconstruction"))


# %%
def steepness(images):
    """Mean squared difference of neighboring pixels; it is large for sharp edges."""
    return float(images.diff(dim=-1).square().mean() + images.diff(dim=-2).square().mean())


live.show(
    figure,
    alt=f"Top: ten test digits. Bottom: their reconstructions, whose edges have {steepness(rows[1]) / steepness(rows[0]):.0%} of the steepness.",
    caption="Test images (top) and their reconstructions from two numbers (bottom).",
)
live.check(
    reconstructions_are,
    "blurrier" if steepness(rows[1]) < steepness(rows[0]) else "sharper",
    hint="Compare the edges in the two rows.",
    question="00.reconstructions_are",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# Many different digits have nearly the same code, and the decoder returns their *average*. An average of sharp strokes in slightly
# different places is blurred.
#
# ### Predict
# Is it the *number* of latents that limits the code? Multiply the KL by $\beta=0.1$, so that each nat of rate costs a tenth, and train the same network
# with the same two latents again. Will the rate be `"the same"`, or `"higher"` by more than two nats?

# %%
cheap_rate_is, sure = "higher", 60  # your guess: "the same" or "higher"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
torch.manual_seed(0)
cheap = vaelab.recipes.beta_vae(
    (1, 28, 28), latent=2, beta=0.1, network="mlp", hidden=(256, 128), likelihood="bernoulli"
)
cheap_config = vaelab.TrainConfig(epochs=live.budget(30, fast=1), batch_size=128, lr=2e-3, device="cpu")
cheap_history = vaelab.fit(cheap, train, cheap_config)
with torch.no_grad():
    cheap_rows = cheap.decode(cheap.encode(originals).mean)[:, 0]
print("          rate   distortion   steepness of the edges, relative to the images")
for name, record, pictures in (("beta 1  ", history, rows[1]), ("beta 0.1", cheap_history, cheap_rows)):
    steep = steepness(pictures) / steepness(rows[0])
    print(f"{name} {record['divergence'][-1]:5.1f} {record['nll'][-1]:12.1f} {steep:11.0%}")
extra = cheap_history["divergence"][-1] - history["divergence"][-1]
live.check(
    cheap_rate_is,
    "higher" if extra > 2 else "the same",
    hint="Compare the two rates: has the number of latents changed?",
    question="00.cheap_rate_is",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# Two real numbers can carry many more nats than the first VAE used. What limited the rate was its **price**: at $\beta=1$ a nat must lower the distortion
# by a nat, at $\beta=0.1$ by only a tenth. Yet the distortion hardly falls and the edges stay soft, so the price is not the only limit either: this
# decoder, after this training, cannot draw sharp digits from two numbers. A dimension counts numbers; it does not bound information.
#
# ## 4 · The latent plane
#
# Two latents can be plotted. Each dot is the posterior mean of a test image, colored by its class label, which the VAE never received.
#
# ### Predict
# Suppose the codes were distributed like the prior, $\mathcal N(0,1)$ in both directions. What share of them would lie within a distance of 2 of
# the center? (The squared distance is exponentially distributed: a share of $1-e^{-r^2/2}$ lies within $r$.)

# %%
share = 1 - math.exp(-2)  # your answer, a number between 0 and 1

# %%
samples = torch.randn(1_000_000, 2, generator=torch.Generator().manual_seed(0))
prior_inside = float((samples.norm(dim=1) < 2).float().mean())  # of a million samples from the prior
live.check(
    share,
    prior_inside,
    hint="Substitute r = 2 into the formula.",
    hints={
        math.exp(-2): "That is the share outside the circle.",
        lambda a: not 0 < a < 1: "A share is between 0 and 1.",
    },
)

# %% [markdown]
# ### Try

# %%
codes = experiment.encode(test.images)
share_inside = float((codes.mean.norm(dim=1) < 2).float().mean())
neighbors = torch.cdist(codes.mean, experiment.encode(train.images).mean).topk(15, largest=False).indices
accuracy = float((train.labels[neighbors].mode(dim=1).values == test.labels).float().mean())
print(
    f"The majority class of the 15 nearest training codes is right for {accuracy:.0%} of the test images (chance: 10%)."
)

# %% tags=["hide-input"]
with plots.style("notebook"):
    figure = plots.new_figure(5.6, 5.4)
    ax = figure.subplots()
    plots.latent_plane(ax, codes.mean, test.labels)
    angle = torch.linspace(0, 2 * math.pi, 200)
    ax.plot(2 * angle.cos(), 2 * angle.sin(), color="black", lw=1)
    ax.set(xlabel="z1", ylabel="z2", aspect="equal", xlim=(-4, 4), ylim=(-4, 4))
live.show(
    figure,
    alt=f"The plane of the two latents with one dot per test image; classes form patches around the center, and {share_inside:.0%} of the dots lie within a distance of 2.",
    caption=f"Posterior means of the test images. Circle: distance 2; it contains {share_inside:.1%} of the means and {prior_inside:.1%} of the prior.",
)

# %% [markdown]
# ### Explain
# The KL pulls each posterior toward the prior, so that together the posteriors cover the plane without large gaps. Therefore a point sampled from the prior
# decodes to something like a digit: the VAE is a *generative model*. Later notebooks ask how well the average of all posteriors, the
# **aggregate posterior**, agrees with the prior.
#
# ## 5 · Explore the plane
#
# Run the cell and drag the sliders; the arrow keys move a slider that has the focus. On the left is the position in the latent plane, on the right the image that the decoder generates
# from it. Without a kernel you see the **filmstrip**: the same pictures for a few values.
#
# * Move from the 1s to the 0s. Is there a point where the digit is neither?
# * Go to an *edge* or *corner*: what does the decoder generate where it had no training images?

# %%
explorer = live.latent_panel(experiment, test.images, test.labels)
live.show(explorer)

# %% [markdown]
# ## 6 · The course
#
# The notebooks are numbered, and each lists what it needs. *Where the loss comes from* (01) derives the loss that we have used. In *Train it yourself* (03) you change a VAE while it
# trains. *Comparing ways to set gamma* (09) continues 08, and the *museum of failures* (12) needs most of the others.
#
# {{course}}
#
# Three short routes: **divergences** 02, 03, 05; **the distribution of the codes** 06, 07, 10; **the balance of the two parts** 03, 08, 09.
#
# * **Sliders** need a running kernel (`make lab` in a clone, otherwise `jupyter lab`). Everywhere else, GitHub included, you see the filmstrip.
# * **Figures**: in a clone of the repository, `vaelab figures list` lists the figures of the papers, and `vaelab figures make` writes
#   them to `figures/` as PNG, PDF and a table of the plotted numbers.
# * **Your own images**: load them with `vaelab.load("folder:PATH")`, then run the cells above.
#
# ## Notation
#
# One letter has one meaning in all notebooks. All divergences, rates and log-likelihoods are in nats.
#
# {{notation}}
#
# ## Exercises
#
# **1.** Train the first VAE again with `latent=10`, for ten epochs. Which part of the loss is lower than with two latents, the `"rate"` or the `"distortion"`?

# %%
lower_with_ten = "distortion"  # your answer: "rate" or "distortion"

# %%
torch.manual_seed(0)
ten = vaelab.recipes.vae((1, 28, 28), latent=10, network="mlp", hidden=(256, 128), likelihood="bernoulli")
ten_config = vaelab.TrainConfig(epochs=live.budget(10, fast=1), batch_size=128, lr=2e-3, device="cpu")
ten_history = vaelab.fit(ten, train, ten_config)
print(f"ten latents: rate {ten_history['divergence'][-1]:.1f}, distortion {ten_history['nll'][-1]:.1f} nats")
live.check(
    lower_with_ten,
    "distortion" if ten_history["nll"][-1] < history["nll"][-1] else "rate",
    hint="More latents can carry more information. Which part of the loss pays for it, and which profits?",
    trained=True,
)

# %% [markdown]
# **2.** The cell below samples from the prior. Run it several times: how many of the ten samples would you call a digit?

# %%
samples = experiment.sample(10)
with plots.style("notebook"):
    figure = plots.new_figure(8, 1.0)
    plots.image_grid(figure.subplots(), samples[None, :, 0])
live.show(
    figure,
    alt="Ten images decoded from points sampled from the prior.",
    caption="Ten samples from the prior, decoded.",
)

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("00")

# %% [markdown]
# ## Recap
# 1. The loss has two parts, both in nats: the distortion (the error of the reconstruction) and the rate (the information in the code).
# 2. The code represents what lowers the distortion most at its price; the decoder averages over everything else. The number of latents does not bound the information, its price does.
# 3. The codes cover the latent plane, so that one can explore it and sample from it.
# 4. In each notebook you predict, try and explain; sliders redraw at once; `vaelab figures make` reproduces the papers' figures.
#
# ## References
# 1. D. P. Kingma, M. Welling (2014). *Auto-Encoding Variational Bayes.* ICLR. arXiv 1312.6114.
# 2. Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998). *Gradient-based learning applied to document recognition.* Proc. IEEE 86(11), for the digits.
