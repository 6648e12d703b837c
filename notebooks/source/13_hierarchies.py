# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 13 · Hierarchies
#
# **Question.** Some VAEs have groups of latents on several scales, from coarse to fine. What does each group carry, and what does it add to an image?
#
# **You will be able to**
# 1. say what a group of latents is, and derive the KL of its residual posterior;
# 2. measure the rate of each group, and find groups that carry nothing;
# 3. tell what free nats and balancing do to the rates, and what they cost;
# 4. sample from a hierarchy at a temperature, and resample only the groups below a level;
# 5. compare the posteriors of an image and a view group by group, and separate the effect of the view from that of the noise.
#
# **Time** about 60 minutes. **You need** notebooks [06 · The variance law](06_variance_law.ipynb) and [11 · Consistency](11_consistency.ipynb).
# **Symbols** are those of the [table of notation](00_start_here.ipynb#Notation).
#
# Burda et al. trained a VAE with two stochastic layers in 2015; Sønderby et al. (2016) trained five. Two later models made hierarchies deep: NVAE (Vahdat & Kautz 2020) and VDVAE (Child 2021). The model of this notebook has the structure
# of these two, with three groups, for the 8 x 8 digits.

# %%
import math

import torch

import vaelab
from vaelab import live, metrics, plots, recipes
from vaelab.data import augment
from vaelab.divergences import FreeBits
from vaelab.models.network_figure import describe_network, network_figure
from vaelab.objectives.balancing import group_weights
from vaelab.runs.presets import preset

digits, test = vaelab.load("digits"), vaelab.load("digits", "test")
x = test.images.float() / 255
OPTIONS = {"latent": 2, "groups": ((1, 1), (2, 1), (4, 1)), "width": 16, "gamma": 0.15}


def trained(**options):
    """Train a hierarchy; all of them start from the same weights."""
    torch.manual_seed(0)
    vae = recipes.hierarchical_vae(digits.shape, **OPTIONS, **options)
    config = vaelab.TrainConfig(live.budget(20, fast=1), 64, lr=3e-3, device="cpu", progress=False)
    vaelab.fit(vae, digits, config)
    return vae


# %% [markdown]
# ## 1 · What a group is
#
# A flat VAE samples all its latents at once. A hierarchy samples $z_1$, then $z_2$ given $z_1$, then $z_3$ given both. Each $z_k$ is a **group**: a small grid with several channels. The first grid is coarse, the last is fine.
# Both the prior and the posterior are chains,
#
# $$p(z)=p(z_1)\,p(z_2\mid z_1)\,p(z_3\mid z_1,z_2),\qquad q(z\mid x)=q(z_1\mid x)\,q(z_2\mid z_1,x)\,q(z_3\mid z_1,z_2,x).$$
#
# The first prior is $\mathcal N(0,I)$. The others are Gaussians whose means and variances a network computes from the groups before.
# The ELBO gets one KL for each group, averaged over samples of the earlier groups.
#
# The cell draws the network of our model, before any training.

# %%
torch.manual_seed(0)
untrained = recipes.hierarchical_vae(digits.shape, **OPTIONS)
live.show(
    network_figure(untrained.model),
    alt=describe_network(untrained.model),
    caption="The network. Blue: what the image says, from fine to coarse. Red: the generative path, from coarse to fine. A posterior uses both, a prior only the red path.",
)

# %% [markdown]
# ### Predict
# The preset `hvae-tiny` has two groups of 4 x 4 and two groups of 8 x 8, with 8 channels each. An image of MNIST has 784 pixels. How many latents are there?

# %%
number_of_latents, sure = 1280, 90  # your guess: a number; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
sizes = preset("hvae-tiny").run.experiment((1, 28, 28)).model.sizes
print("latents of each group:", sizes)
live.check(
    number_of_latents,
    sum(sizes),
    hint="A group of 4 x 4 has 16 places.",
    hints={32: "Those are the channels. A group has 8 latents at every place of its grid.", 640: "Two groups a scale."},
    question="13.number_of_latents",
    sure=sure,
)

# %% [markdown]
# ### Explain
# There are more latents than pixels, and this is usual for hierarchies. The number of latents says nothing about the information: a latent whose posterior equals its prior costs nothing and carries nothing. The rate of each group tells which latents are used.
#
# ## 2 · The residual posterior
#
# Early in training the prior of a group keeps changing, and a posterior with absolute means and variances would have to follow it. NVAE predicts the posterior *relative to the prior* instead. For one latent
#
# $$p=\mathcal N(\mu_p,\sigma_p^2),\qquad q=\mathcal N\big(\mu_p+\sigma_p\,\Delta\mu,\ (\sigma_p\,\Delta\sigma)^2\big).$$
#
# The encoder outputs $\Delta\mu$ and $\ln\Delta\sigma$. (Here $\Delta\mu$ is in units of $\sigma_p$; in the paper it is absolute.) From $z=\mu_p+\sigma_p\,(\Delta\mu+\Delta\sigma\,\varepsilon)$ with $\varepsilon\sim\mathcal N(0,1)$ follows
#
# $$\ln q(z)=-\ln(\sigma_p\,\Delta\sigma)-\tfrac12\varepsilon^2-\tfrac12\ln2\pi,$$
# $$\ln p(z)=-\ln\sigma_p-\tfrac12(\Delta\mu+\Delta\sigma\,\varepsilon)^2-\tfrac12\ln2\pi,$$
#
# and with $\mathbb E[\varepsilon]=0$ and $\mathbb E[\varepsilon^2]=1$
#
# $$\mathrm{KL}(q\|p)=\mathbb E[\ln q-\ln p]=\tfrac12\big(\Delta\mu^2+\Delta\sigma^2-1\big)-\ln\Delta\sigma.$$
#
# ### Predict
# $\Delta\mu=1$ and $\Delta\sigma=0.5$ stay as they are. (a) How many nats is the KL? (b) The prior's $\sigma_p$ triples. Does the KL `"rise"`, `"fall"`, or stay the `"same"`?

# %%
nats, then_it_will, sure = 0.818, "same", 80  # your guess: a number, and "rise", "fall" or "same"; sure: 50 to 100

# %% [markdown]
# ### Try


# %%
def residual_kl(shift, factor):
    """Return KL(q‖p) of a posterior that is moved by `shift` prior sigmas and widened by `factor`."""
    return 0.5 * (shift**2 + factor**2 - 1) - factor.log()


def as_gaussian(mean, sigma):
    """Return a Gaussian of one latent."""
    return vaelab.Gaussian(torch.tensor([[mean]]).double(), 2 * torch.tensor([[sigma]]).double().log())


narrow, wide = (float(vaelab.kl(as_gaussian(1.0 * s, 0.5 * s), as_gaussian(0.0, s))) for s in (1.0, 3.0))
live.check(
    [nats, then_it_will],
    [narrow, "same" if abs(wide - narrow) < 1e-9 else "rise" if wide > narrow else "fall"],
    hint="Insert the numbers into the last formula. Does it contain the prior's width?",
    hints={(1, 0.125): "That is without the logarithm, which is negative for a factor below 1."},
    question="13.then_it_will",
    sure=sure,
)

# %% [markdown]
# The same for every latent of the untrained model and all test images, in double precision, against the general formula of two Gaussians:

# %%
with torch.no_grad():
    result = untrained.model(x)
for k, (q, p) in enumerate(zip(result.q, result.p, strict=True), 1):
    q, p = (vaelab.Gaussian(g.mean.double(), g.logvar.double()) for g in (q, p))
    shift, factor = (q.mean - p.mean) * (-0.5 * p.logvar).exp(), (0.5 * (q.logvar - p.logvar)).exp()
    ours, theirs = residual_kl(shift, factor).sum(1), vaelab.kl(q, p)
    assert float((ours - theirs).abs().max()) < 1e-6
    print(f"group {k}: {q.mean.shape[1]:2} latents, KL {theirs.mean():.4f} nats, both ways")

# %% [markdown]
# ### Explain
# The KL does not depend on the prior. If the prior of a group moves, the posterior moves with it at no cost, and the encoder sees only what is *new* in the image. It also shows when a group is inactive: $\Delta\mu=0$ and $\Delta\sigma=1$, whatever the prior.
#
# ## 3 · Where the nats live
#
# We train four hierarchies, with the same first weights:
#
# - **plain**: the ELBO from the first step on;
# - **annealed**: the factor of the KL rises from 0 to 1 over the first 400 of 500 steps;
# - **balanced**: the same, and while the factor rises, a group that carries little costs little: the KL of each group is multiplied by a weight that is proportional to its own size per latent (Vahdat & Kautz 2020);
# - **free nats**: the first 3 nats of each group cost nothing, in the whole training. The loss contains $\max(3,\mathrm{KL})$ of each group.
#
# ### Predict
# (a) In the plain hierarchy, which group carries the most nats, `"first"`, `"second"` or `"third"`? (b) How many of the three groups carry more than half a nat in the plain hierarchy? (c) And with free nats?

# %%
most_nats, alive_plain, alive_free, sure = (
    "third",
    1,
    3,
    60,
)  # your guess: "first", "second" or "third", and two numbers; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
vaes = {
    "plain": trained(free_nats=None),
    "annealed": trained(free_nats=None, annealing=400),
    "balanced": trained(free_nats=None, annealing=400, balance=True),
    "free nats": trained(free_nats=3.0),
}
rates, elbos = {}, {}
print(f"{'':10} rate of group 1, 2 and 3 (nats)   distortion     ELBO")
for name, vae in vaes.items():
    rates[name], terms = vae.group_rates(x).mean(1).tolist(), metrics.bound(vae, x)
    elbos[name] = float(terms.elbo.mean())
    row = "".join(f"{rate:9.2f}" for rate in rates[name])
    print(f"{name:10}{row}      {float(terms.distortion.mean()):12.2f} {elbos[name]:8.2f}")

# %%
order = ("first", "second", "third")
alive = {name: sum(rate > 0.5 for rate in of_groups) for name, of_groups in rates.items()}
live.check(
    [most_nats, alive_plain, alive_free],
    [order[rates["plain"].index(max(rates["plain"]))], alive["plain"], alive["free nats"]],
    hint="The last group is nearest to the pixels. What must a coarse group offer, so that it is worth its nats?",
    question="13.most_nats",
    sure=sure,
    trained=True,
)


# %% tags=["hide-input"]
def draw_rates():
    """Draw the rate of every group of the four hierarchies."""
    colors = (plots.P, plots.MEAN, plots.Q)
    with plots.style("notebook"):
        figure = plots.new_figure(8, 2.6)
        ax = figure.subplots()
        for row, (_, of_groups) in enumerate(rates.items()):
            for k, rate in enumerate(of_groups):
                ax.barh(row + 0.25 * (k - 1), rate, 0.22, color=colors[k], label=f"group {k + 1}" if row == 0 else None)
                ax.text(rate + 0.2, row + 0.25 * (k - 1), f"{rate:.2f}", va="center", fontsize="x-small")
        ax.set(yticks=range(len(rates)), yticklabels=list(rates), xlabel="rate, nats per test image")
        ax.invert_yaxis()
        ax.set_xlim(right=1.25 * max(map(max, rates.values())))
        ax.legend(loc="center right")
    return figure


listed = "; ".join(f"{name} {', '.join(f'{rate:.2f}' for rate in of_groups)}" for name, of_groups in rates.items())
live.show(
    draw_rates(),
    alt=f"Bars: rates of groups 1, 2 and 3 in nats of four hierarchies: {listed}.",
    caption="The rate of every group, one seed. Which groups are inactive, and which change gives them nats?",
)

# %% [markdown]
# ### Explain
# The fine group alone can describe a digit, since its posterior sees the image as well as those of the other groups do. A coarse group is useful only if the decoder and the finer priors use it, and at the start they do not: its noise disturbs more than its signal helps. The quickest way to a lower loss is to set it to
# the prior, and then the networks below have nothing to learn from it. This is the collapse of notebook 12, one group at a time. Sønderby et al. (2016) found that the higher layers of deep VAEs stay unused, and that annealing ("warm-up") helps.
#
# In the table above, compare the rows *annealed* and *balanced*, and then the ELBO of *free nats* with the others: a group that must carry 3 nats has to find something to say, and after 20 epochs this costs ELBO. Balancing ends with the annealing, and what it starts need not last. This is one
# seed; figure `nvae-groups` follows the rates through the training for three. To watch it live, choose **hierarchical** as the network in the training panel of notebook [90 · The panels](90_panels.ipynb).
#
# ## 4 · Temperature, and resampling below a level
#
# To sample, go down the chain: draw noise $\varepsilon_k\sim\mathcal N(0,I)$ for each group and set $z_k=\mu_p+\sigma_p\,\varepsilon_k$. Multiplying all $\varepsilon_k$ by a **temperature** below 1 keeps each group nearer to the mean of its prior. Published samples
# of hierarchies are often drawn in this way. We can also fix the first groups by the posterior of an image and draw only the others: then the samples show what the groups below add.
#
# ### Predict
# (a) At temperature 0.5, is a sample `"nearer"` to its nearest training image than at temperature 1, or `"farther"` away? (b) A linear decoder would reduce the variance of the pixels to a quarter. Does this hierarchy retain `"more"` or `"less"` of it?
# (c) We fix the first *two* groups by an image and draw the third. Which part of the variance remains in the plain hierarchy, between 0 and 1? (d) With free nats, is the remaining part `"larger"` or `"smaller"` than in the plain one?

# %%
cold_samples_are, variance_is, part_of_plain, part_of_free, sure = (
    "nearer",
    "more",
    1.0,
    "smaller",
    60,
)  # your guess: "nearer" or "farther", "more" or "less", a number, "larger" or "smaller"; sure: 50 to 100

# %% [markdown]
# ### Try
# Start with the panel, for the hierarchy with free nats. Set **groups of the image** to 0 and move the temperature. Then fix one group, two, and all three.

# %%
levels = live.hierarchy_panel(vaes["free nats"], x)
live.show(levels)


# %%
def draw_below(vae, fixed, temperature=1.0, images=x[:100], n=20):
    """Return n images for each of some images, whose latents fill the first groups: [images, n, 1, 8, 8]."""
    model, known = vae.model, sum(vae.model.sizes[:fixed])
    noise = temperature * torch.randn(len(images), n, model.latent, generator=torch.Generator().manual_seed(0))
    noise[..., :known] = vae.encode(images).mean[:, None, :known]
    return vae.decode(noise.flatten(0, 1)).unflatten(0, (len(images), n))


def variance(images):
    """Return the variance among the samples of one image, summed over pixels, averaged over images."""
    return float(images.var(1).sum((1, 2, 3)).mean())


# %%
known = digits.images.float().flatten(1) / 255
kinds = {f"temperature {t:.1f}": draw_below(vaes["free nats"], 0, t).flatten(0, 1) for t in (1.0, 0.7, 0.5, 0.0)}
kinds["test images"] = x
distance = {kind: float(torch.cdist(some.flatten(1), known).min(1).values.mean()) for kind, some in kinds.items()}
spread = {kind: float(some.var(0).sum()) for kind, some in kinds.items()}
for kind in kinds:
    print(f"{kind:15}  variance {spread[kind]:5.2f}   distance from the nearest training image {distance[kind]:.2f}")
parts = {}
for name, vae in vaes.items():
    below = [variance(draw_below(vae, fixed)) for fixed in range(3)]
    parts[name] = below[2] / below[0]
    print(f"{name:10} variance with 0, 1 and 2 groups fixed: {', '.join(f'{value:.2f}' for value in below)}")

# %%
share = spread["temperature 0.5"] / spread["temperature 1.0"]
live.check(
    [cold_samples_are, variance_is, part_of_plain, part_of_free],
    [
        "nearer" if distance["temperature 0.5"] < distance["temperature 1.0"] else "farther",
        "more" if share > 0.25 else "less",
        parts["plain"],
        "smaller" if parts["free nats"] < parts["plain"] else "larger",
    ],
    tolerance=0.1,
    hint="Groups that carry nothing decide nothing, whether an image fixes them or not.",
    hints={(3, 0): "That would be so if the third group carried nothing. Look at its rate."},
    question="13.part_of_plain",
    sure=sure,
    trained=True,
)

# %% tags=["hide-input"]
rows_of_images = {kind: some[::143][:14] for kind, some in kinds.items() if "temp" in kind}
for fixed in (1, 2, 3):
    one = draw_below(vaes["free nats"], fixed, 0.7, x[3:4], 14)[0]
    rows_of_images[f"{fixed} group{'s' * (fixed > 1)} fixed"] = one
with plots.style("notebook"):
    figure = plots.new_figure(8.4, 4.0)
    rows = torch.stack([images[:, 0] for images in rows_of_images.values()])
    plots.image_grid(figure.subplots(), rows, list(rows_of_images), gap=1)
each = ", ".join(f"{name} {float(images.var(0).sum()):.2f}" for name, images in rows_of_images.items())
live.show(
    figure,
    alt=f"Rows of fourteen samples of the hierarchy with free nats. Variance of the pixels in each row: {each}.",
    caption="Samples of the hierarchy with free nats. Below: at temperature 0.7, with the first groups fixed by one test image.",
)

# %% [markdown]
# ### Explain
# Colder samples are nearer to a training image, and more alike: at temperature 0 all are one image, and it is the nearest of all. So a low temperature looks better image by image, and generates fewer images. Compare temperatures by both numbers, or by neither.
#
# In the plain hierarchy the first two groups are inactive, so fixing them changes nothing: it is a flat VAE with a fine grid of latents. With free nats the second group decides a part of the shape. In these small models most of the variance is in the last group, as most of the nats are.
#
# ## 5 · Consistency, level by level
#
# Notebook 11 trains an encoder so that an image $x$ and a view $\tilde x$ have the same posterior. Sinha & Dieng (2021) applied this to NVAE as well. In a hierarchy there is one KL for each group,
#
# $$\mathcal R=\sum_k\mathrm{KL}\big(q(z_k\mid z_{<k},\tilde x)\,\big\|\,q(z_k\mid z_{<k}',x)\big).$$
#
# The posterior of a later group depends on the samples $z_{<k}$ of the groups before. The two passes can draw their own noise, or share it.
#
# ### Predict
# Take the easiest view: an exact *copy* of the image. Each pass draws its own noise. (a) How many nats is the KL of the first group? (b) Is that of the third `"zero"` or `"positive"`? (c) With shared noise, how many nats are there in all groups together?

# %%
first_group, third_group_is, shared_total, sure = (
    0.0,
    "positive",
    0.0,
    70,
)  # your guess: a number, "zero" or "positive", a number; sure: 50 to 100

# %% [markdown]
# ### Try


# %%
@torch.no_grad()
def path_kl(vae, view, image, shared):
    """Return the KL of every group between the posteriors of a view and an image, along the sampled paths."""
    torch.manual_seed(0)
    noise = [torch.randn(len(image), vae.model.latent) for _ in range(2)]
    ours, theirs = vae.model(view, 1, noise[0]), vae.model(image, 1, noise[0] if shared else noise[1])
    return [float(vaelab.kl(a, b).mean()) for a, b in zip(ours.q, theirs.q, strict=True)]


torch.manual_seed(0)
inputs = {"copy": x, "view": augment.simple()(x), "other image": x.roll(1, 0)}
shifts = {}
for name in ("plain", "balanced", "free nats"):
    print(f"{name:22} group 1  group 2  group 3 (nats)")
    for kind, view in inputs.items():
        for noise in ("own", "shared"):
            shifts[name, kind, noise] = path_kl(vaes[name], view, x, noise == "shared")
            print(f"  {kind:11} {noise:8}" + "".join(f"{value:9.2f}" for value in shifts[name, kind, noise]))

# %%
copies = {noise: shifts["free nats", "copy", noise] for noise in ("own", "shared")}
live.check(
    [first_group, third_group_is, shared_total],
    [copies["own"][0], "positive" if copies["own"][2] > 1e-3 else "zero", sum(copies["shared"])],
    hint="What is the input of the posterior of the first group? And of the others?",
    hints={
        (2, "zero"): "Its posterior depends on the samples before it, which differ.",
        (3, 1): "Equal inputs, equal outputs.",
    },
    question="13.third_group_is",
    sure=sure,
)


# %% tags=["hide-input"]
def draw_shifts(name):
    """Draw the KL of every group between views and images, with own and with shared noise."""
    with plots.style("notebook"):
        figure = plots.new_figure(8, 2.8)
        for ax, kind in zip(figure.subplots(1, 2, sharey=True), ("copy", "view"), strict=True):
            for at, (noise, color) in enumerate({"own": plots.P, "shared": plots.Q}.items()):
                places = [k + 0.4 * at - 0.2 for k in (1, 2, 3)]
                ax.bar(places, shifts[name, kind, noise], 0.36, color=color, label=f"{noise} noise")
            ax.set(title=f"{kind} of the image", xlabel="group", xticks=(1, 2, 3))
        figure.axes[0].set_ylabel("KL along the path, nats")
        figure.axes[0].legend()
    return figure


text = "; ".join(
    f"{kind}, {noise} noise: {', '.join(f'{value:.1f}' for value in shifts['free nats', kind, noise])}"
    for kind in ("copy", "view")
    for noise in ("own", "shared")
)
live.show(
    draw_shifts("free nats"),
    alt=f"Bars: KL of groups 1, 2 and 3 in nats, in the hierarchy with free nats: {text}.",
    caption="Left: the bars of a copy are noise alone. Right: with shared noise, the bars show what the view changes.",
)

# %% [markdown]
# ### Explain
# With its own noise, each pass follows its own path through the groups. From the second group on, the posteriors differ even for an exact copy, because priors that depend on different samples differ. The consistency term then contains a part that no encoder can reduce by ignoring the augmentation: it can only make
# the groups *independent* of one another. In the plain hierarchy the second group carries nothing and still has the largest path KL: the mean of its prior moves with the noise of the inactive first group, by several $\sigma_p$.
#
# With shared noise a copy has exactly 0, and what remains for a view is due to the view. Another image changes each group more than a view does. The last group, which carries the most nats, also changes most. Figure `cr-nvae` trains with both kinds of noise and compares NLL, rate and a linear probe.
#
# ## Exercises
#
# **1.** A residual posterior has $\Delta\mu=2$ and $\Delta\sigma=1$. How many nats does this latent cost?

# %%
cost = 2.0  # your answer, nats

# %%
live.check(
    cost,
    float(residual_kl(torch.tensor(2.0), torch.tensor(1.0))),
    hint="The logarithm of 1 is 0.",
    hints={4: "Mind the factor one half.", 2.5: "Subtract the 1."},
)

# %% [markdown]
# **2.** The KLs of three groups, averaged over a batch, are 0.3, 2 and 5 nats, and 1 nat of each group is free. What do the groups contribute to the loss?

# %%
contribution = 8.0  # your answer, nats

# %%
of_group = [vaelab.Gaussian(torch.tensor([[math.sqrt(2 * nats)]]), torch.zeros(1, 1)) for nats in (0.3, 2.0, 5.0)]
free = FreeBits(1.0, per="group")
live.check(
    contribution,
    sum(float(free(q, vaelab.Gaussian.standard(q.mean)).mean()) for q in of_group),
    hint="Each group contributes the larger one of its KL and 1.",
    hints={7.3: "That is the sum of the KLs.", 5: "The first nat is not subtracted: above 1, the whole KL counts."},
)

# %% [markdown]
# **3.** While the annealing lasts, three groups of one size have the batch means 1, 2 and 9 nats. Their balancing weights are proportional to these means, and their average is 1. By which factor is the first group cheaper than without balancing, that is, what is its weight?

# %%
weight = 0.25  # your answer, a number

# %%
means = [torch.full((4,), nats) for nats in (1.0, 2.0, 9.0)]
live.check(
    weight,
    float(group_weights(means, [8, 8, 8])[0]),
    tolerance=0.01,
    hint="Divide its mean by the average of the three.",
    hints={1 / 12: "Those weights have the sum 1, not the average 1."},
)

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("13")

# %% [markdown]
# ## Recap
# 1. A group is a grid of latents whose prior depends on the groups before. Relative to that prior, its KL is $\tfrac12(\Delta\mu^2+\Delta\sigma^2-1)-\ln\Delta\sigma$, whatever the prior is.
# 2. Measure the rate of every group. Without help the fine group carries nearly all nats, and an inactive coarse group stays inactive.
# 3. Free nats give every group a rate, and here they cost ELBO. Balancing acts only while the annealing lasts.
# 4. A lower temperature makes samples more typical and more alike. Fixing the first groups shows what they decide: nothing, if they carry nothing.
# 5. Compare posteriors of an image and a view with shared noise. With noise of their own, even a copy has a positive KL from the second group on.
#
# ## References
# 1. Y. Burda, R. Grosse, R. Salakhutdinov (2015). *Importance Weighted Autoencoders.* arXiv 1509.00519.
# 2. C. K. Sønderby, T. Raiko, L. Maaløe, S. K. Sønderby, O. Winther (2016). *Ladder Variational Autoencoders.* NIPS. arXiv 1602.02282.
# 3. A. Vahdat, J. Kautz (2020). *NVAE: A Deep Hierarchical Variational Autoencoder.* NeurIPS. arXiv 2007.03898.
# 4. R. Child (2021). *Very Deep VAEs Generalize Autoregressive Models and Can Outperform Them on Images.* ICLR. arXiv 2011.10650.
# 5. S. Sinha, A. B. Dieng (2021). *Consistency Regularization for Variational Auto-Encoders.* NeurIPS. arXiv 2105.14859.
