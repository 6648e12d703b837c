# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 05 · The marginal posterior
#
# **Question.** All posteriors together are a Gaussian mixture $Q(z)$ with one component per image. What is in it that $\mathcal N(0,I)$ does not have, and what does it cost to sample from the prior?
#
# **You will be able to**
# 1. write down the density of $Q$ exactly, and compute it without underflow;
# 2. go beyond the second moment: which kurtosis $Q$ has, and which one a law for single images would give;
# 3. split the rate into information and distance from the prior, and read both under the ceiling $\ln n$;
# 4. say where prior draws land, and replace the prior by a mixture of your own, large or small.
#
# **Time** about 50 minutes. **You need** notebook [04 · The variance law](04_variance_law.ipynb).
#
# Image $i$ of $n$ has the posterior $q_i(z)=\mathcal N(\mu_i,\sigma_i^2)$ over $d$ latents, and
#
# $$Q(z)=\frac1n\sum_{i=1}^n q_i(z).$$

# %%
import math

import torch

import vaelab
from vaelab import live, metrics, plots, recipes

train, test = vaelab.load("mnist-mini"), vaelab.load("mnist-mini", "test")
torch.manual_seed(0)
vae = recipes.vae(train.shape, 10, hidden=(100,))
vaelab.fit(vae, train, vaelab.Train(epochs=20, batch_size=64, lr=3e-3, device="cpu", progress=False))
posterior = vaelab.MarginalPosterior.from_model(vae, train.images)
law = posterior.variance_law()
print(f"{len(posterior.mean):,} components in {posterior.mean.shape[1]} latents; mean V {law.mean_active:.3f}")

# %% [markdown]
# ## 1 · The density, exactly
#
# A mixture of ten thousand components sounds expensive. It is a few matrix products:
#
# $$\ln Q(z)=\ln\sum_i\exp\ell_i-\ln n,\qquad \ell_i=-\tfrac12\sum_j\Big[\frac{(z_j-\mu_{ij})^2}{\sigma_{ij}^2}+\ln(2\pi\sigma_{ij}^2)\Big].$$
#
# ### Predict
# At a point whose nearest component is 40 standard deviations away, $\ell_i\approx-800$. In float64 the smallest positive number is about $e^{-745}$. What does the naive `log(mean(exp(l)))` give there: `"-800"`, `"-inf"` or
# `"nan"`?

# %%
naive_gives = "-inf"  # your guess

# %% [markdown]
# ### Try


# %%
def component_densities(z, mean, logvar):
    """ln q_i(z) of all points and components: [m, n]."""
    scaled = (z[:, None] - mean) ** 2 / logvar.exp()
    return -0.5 * (scaled + logvar + math.log(2 * math.pi)).sum(-1)


def log_q(z, mean, logvar):
    """ln Q(z): the largest term is taken out before anything is exponentiated."""
    each = component_densities(z, mean, logvar)
    largest = each.max(1, keepdim=True).values
    return (largest + (each - largest).exp().mean(1, keepdim=True).log())[:, 0]


mean, logvar = posterior.mean.double(), posterior.logvar.double()
z = posterior.sample(20, torch.Generator().manual_seed(0)).double()
difference = float((log_q(z, mean, logvar) - posterior.log_prob(z)).abs().max())
far = mean[:1] + 40 * logvar[:1].mul(0.5).exp() / math.sqrt(10)
lonely = (far, mean[:1], logvar[:1])
naive = float(component_densities(*lonely).exp().mean().log())
print(f"largest difference from the package: {difference:.1e}")
print(f"40 sigma away from the only component: naive {naive}, with the largest taken out {float(log_q(*lonely)):.2f}")
assert difference < 1e-6
live.check(naive_gives, str(naive), hint="exp(-800) is 0 in float64, and ln 0?")

# %% [markdown]
# ### Explain
# Ten lines are enough for twenty points. For 2,000 points and 60,000 images the table alone would be a gigabyte; `log_prob` streams over the components, in float64.
# Now every density that a Gaussian mixture has is at hand. First, one latent at a time.
#
# * Go through the latents: those with the largest signal come first, each with its number in the network. Which of them is furthest from a bell?
# * *rescaled*: does setting $V$ to 1 make it one?

# %%
marginals = live.posterior_panel(posterior)
live.show(marginals)

# %% [markdown]
# ## 2 · Beyond the second moment
#
# The variance law settles two moments of $Q$. The others are free, and computable: a Gaussian with mean $\mu$ and variance $s$ has $\mathbb E[z^4]=\mu^4+6\mu^2s+3s^2$, so
#
# $$\mathbb E_Q[z^4]=\mathbb E_x\big[\mu^4+6\mu^2s+3s^2\big],\qquad\text{kurtosis}=\mathbb E_Q[z^4]\,/\,V^2\quad(\mathbb E[\mu]=0);$$
#
# 3 for a Gaussian.
#
# ### Predict
# A latent whose means are spread *evenly* over an interval, with narrow posteriors, $s=0.02$, and $V=1$: is its kurtosis `"below 3"`, `"3"` or `"above 3"`? And one whose means are *normal*, with the same $s$ and $V$?

# %%
uniform_means, normal_means = "below 3", "3"  # your guesses

# %% [markdown]
# ### Try


# %%
def kurtosis(mean, s):
    """Of the mixture of N(mean_i, s_i), means centered."""
    mean = mean - mean.mean()
    second, fourth = (mean**2 + s).mean(), (mean**4 + 6 * mean**2 * s + 3 * s**2).mean()
    return float(fourth / second**2)


grid = torch.linspace(-1, 1, 100_001, dtype=torch.float64)
even = grid * math.sqrt(3 * 0.98)
bell = math.sqrt(2 * 0.98) * torch.erfinv(grid[1:-1])
narrow = torch.tensor(0.02, dtype=torch.float64)
print(f"even means: {kurtosis(even, narrow):.4f}    normal means: {kurtosis(bell, narrow):.4f}")


def word(value):
    return "3" if abs(value - 3) < 0.01 else "below 3" if value < 3 else "above 3"


live.check(
    [uniform_means, normal_means],
    [word(kurtosis(even, narrow)), word(kurtosis(bell, narrow))],
    hint="Narrow posteriors add almost nothing: Q has the shape of the cloud of means.",
)

# %% [markdown]
# The same variance, two shapes. What of our VAE? If the law $\mu^2+s=1$ held for *every image*, then $\mathbb E[\mu^4+6\mu^2s+3s^2]=3-2\,\mathbb E[\mu^4]$ (put $s=1-\mu^2$): always below 3.
#
# ### Predict
# No distribution at all has a kurtosis below 1. Will $3-2\,\mathbb E[\mu^4]$ of the strongest latent respect this, `"yes"` or `"no"`?

# %%
respects_the_bound = "no"  # your guess

# %% [markdown]
# ### Try

# %%
found = posterior.moments()
by_hand = [kurtosis(mean[:, k], logvar[:, k].exp()) for k in range(10)]
assert max(abs(a - float(b)) for a, b in zip(by_hand, found.kurtosis, strict=True)) < 1e-4
point_by_point = 3 - 2 * ((mean - mean.mean(0)) ** 4).mean(0)
common = logvar.exp().mean(0)
one_sigma = [kurtosis(mean[:, k], common[k]) for k in range(10)]
print("latent  Var of means  kurtosis   if s were common   3 - 2 E[mean⁴]")
for k in law.of_means.argsort(descending=True).tolist():
    print(f"{k:6} {law.of_means[k]:12.3f} {by_hand[k]:10.3f} {one_sigma[k]:15.3f} {point_by_point[k]:16.3f}")
strongest = int(law.of_means.argmax())
live.check(
    respects_the_bound,
    "yes" if float(point_by_point[strongest]) >= 1 else "no",
    hint="A bell of variance 0.9 has E[μ⁴] = 3 · 0.81; put that in.",
)

# %% [markdown]
# ### Explain
# The formula gives impossible values, so its premise is false: the law does not hold image by image. What predicts the kurtosis well is the cloud of means with *one* width for all: the shape of $Q$ is the shape of the
# cloud. Nothing in KL, which sees one image at a time, pulls that shape to a bell, other than by the price of codes far out.
#
# And latent by latent is not all: $V=1$ everywhere does not make the latents independent.

# %%
correlation = found.covariance / found.variance.sqrt().outer(found.variance.sqrt())
off = correlation - torch.eye(10)
shared, each = posterior.total_correlation(1000), posterior.dimension_wise_kl(1000)
print(f"largest correlation of two latents: {float(off.abs().max()):.2f}")
print(f"KL of the latents one by one, summed: {float(each.value.sum()):.2f} nats")
print(f"what they share, the total correlation: {shared.value:.2f} ± {shared.standard_error:.2f} nats")

# %% [markdown]
# Nearly all of the distance from the prior lies *between* the latents, where no histogram of one of them shows it. (Some of it is an effect of finite data: 10,000 narrow components are never smooth. Section 4 asks test images what is left without it.)
#
# ## 3 · What the rate buys
#
# The mean rate, what the KL term charges per image, is exactly two things (Hoffman & Johnson 2016):
#
# $$\frac1n\sum_i\mathrm{KL}(q_i\|p)=\underbrace{\frac1n\sum_i\mathrm{KL}(q_i\|Q)}_{\text{information about which image}}+\;\mathrm{KL}(Q\|p).$$
#
# The first is a *mutual information*: how much a draw $z$ tells about which of the $n$ images it came from. One cannot say more than $\ln n$ about a choice among $n$.
#
# ### Predict
# The rate of this VAE is above 9 nats. Use 100 images only. What is the most that the information can be, in nats? And then: will $\mathrm{KL}(Q\|p)$ of the 100 be `"larger"` or `"smaller"` than that of all 10,000?

# %%
ceiling, few_are = math.log(100), "larger"  # your answers

# %% [markdown]
# ### Try

# %%
rows = {}
print("images   ceiling ln n   leave-one-in   leave-one-out      rate   KL(Q‖p)   sum")
for n in (100, 1000, 10_000):
    some = vaelab.MarginalPosterior(posterior.mean[:n], posterior.logvar[:n])
    information, distance = some.mutual_information(1000), some.kl_to_prior(1000)
    q = vaelab.Gaussian(some.mean, some.logvar)
    rate = float(vaelab.kl(q, vaelab.Gaussian.standard(q.mean)).mean())
    rows[n] = (information, distance, rate)
    inside, outside = information.leave_one_in.value, information.leave_one_out.value
    print(
        f"{n:6} {information.ceiling:13.2f} {inside:14.2f} {outside:15.2f} {rate:9.2f} {distance.value:9.2f} "
        f"{inside + distance.value:6.2f}"
    )
live.check(
    [ceiling, few_are],
    [rows[100][0].ceiling, "larger" if rows[100][1].value > rows[10_000][1].value else "smaller"],
    hint="The rate is what it is. If the information is capped, where does the rest go?",
)

# %% [markdown]
# ### Explain
# The sum is the rate, for any $n$. With few images the information sits under its ceiling $\ln n$, and the remainder counts as distance from the prior: the mixture of 100 narrow components *is* far from a Gaussian. With
# more images the islands close. So a $\mathrm{KL}(Q\|p)$ without its $n$ says nothing, and an information near $\ln n$ is a statement about $n$.
#
# Two bounds frame what the information would be for infinitely many images (Poole et al. 2019): *leave-one-in* is the lower one; *leave-one-out*, with the image itself missing from $Q$, the upper. They meet only
# where components overlap.

# %%
sizes = list(rows)
with plots.style("notebook"):
    figure = plots.new_figure(7.6, 3.4)
    ax = figure.subplots()
    ax.plot(sizes, [rows[n][0].leave_one_in.value for n in sizes], "-o", color=plots.Q, label="leave-one-in: lower")
    ax.plot(sizes, [rows[n][0].leave_one_out.value for n in sizes], "-o", color=plots.P, label="leave-one-out: upper")
    ax.plot(sizes, [rows[n][0].ceiling for n in sizes], "--", color="black", label="ceiling ln n")
    ax.axhline(rows[10_000][2], color=plots.MEAN, ls=":", label="rate")
    ax.set(xscale="log", xlabel="images in the mixture", ylabel="information, nats")
    ax.legend()
live.show(
    figure,
    alt=f"Information against the number of images: leave-one-in rises from {rows[100][0].leave_one_in.value:.1f} nats, just under the ceiling ln n, to {rows[10_000][0].leave_one_in.value:.1f}, "
    f"well below the ceiling of {rows[10_000][0].ceiling:.1f}; leave-one-out falls from {rows[100][0].leave_one_out.value:.1f} to {rows[10_000][0].leave_one_out.value:.1f}.",
    caption="The two bounds of the information close in on each other as images are added; the ceiling is ln n.",
)

# %% [markdown]
# ## 4 · What prior draws miss
#
# Where do draws from $\mathcal N(0,I)$ land? We know the density of $Q$ at any point: compare it at prior draws with what it is at the codes of *test* images, which $Q$ has not seen.
#
# ### Predict
# Take the density below which only 5 % of the test codes lie. Which share of prior draws lies below: about `"5 %"`, or `"more than 20 %"`?

# %%
prior_below = "more than 20 %"  # your guess

# %% [markdown]
# ### Try

# %%
torch.manual_seed(0)
codes = vae.encode(test.images).sample()
prior_draws = torch.randn(2000, 10)
at_codes, at_prior = posterior.log_prob(codes), posterior.log_prob(prior_draws)
edge = float(at_codes.quantile(0.05))
share = float((at_prior < edge).double().mean())
with plots.style("notebook"):
    figure = plots.new_figure(7.6, 3.0)
    ax = figure.subplots()
    bins = torch.linspace(-28, -6, 60).numpy()
    ax.hist(at_codes.clamp(min=-28).numpy(), bins, color=plots.Q, alpha=0.5, density=True, label="codes of test images")
    ax.hist(at_prior.clamp(min=-28).numpy(), bins, color=plots.P, alpha=0.5, density=True, label="draws from N(0, I)")
    ax.axvline(edge, color="black", ls="--", label="5 % of the codes lie to the left")
    ax.set(xlabel="ln Q(z), nats (first bin: all below)", yticks=[])
    ax.legend(loc="upper left", bbox_to_anchor=(0.06, 1), frameon=True, framealpha=1, edgecolor="none")
live.show(
    figure,
    alt=f"Two histograms of the log density of Q: codes of test images around {float(at_codes.median()):.0f} nats, draws from the prior lower, around {float(at_prior.median()):.0f}; "
    f"{share:.0%} of these below the point that only 5 % of the codes fall under.",
    caption="Prior draws land where Q is thin: between the codes.",
)
live.check(
    prior_below,
    "more than 20 %" if share > 0.2 else "5 %",
    hint="The shaded areas: how much of red lies left of the line?",
)

# %% [markdown]
# They land in holes, where the decoder was never trained. Repair one: sample from $Q$ itself. But a mixture of all training codes *replays* its training images, each blurred by its sigma. `compress(k)` fits a Gaussian mixture with few,
# full components to draws from $Q$, by scikit-learn: it cannot replay.
#
# ### Predict
# Score each sampler by the mean log density that it gives to the codes of *test* images. $\mathcal N(0,I)$ against a GMM with 10 components: which is better, `"prior"` or `"GMM"`?

# %%
better = "GMM"  # your guess

# %% [markdown]
# ### Try

# %%
small = {k: posterior.compress(k) for k in (1, 10, 40)}
numbers = codes.double().numpy()
normal = vaelab.Gaussian.standard(codes)
scores = {"N(0, I)": float(normal.log_prob(codes).mean())}
scores |= {f"GMM, {k} component{'s' * (k > 1)}": float(gmm.score(numbers)) for k, gmm in small.items()}
scores["Q, the mixture of all"] = float(at_codes.mean())
for name, value in scores.items():
    print(f"{name:24} {value:8.2f} nats per test code")
live.check(
    better,
    "GMM" if scores["GMM, 10 components"] > scores["N(0, I)"] else "prior",
    hint="Which of the two knows of correlations, and of clusters?",
)

# %%
generator = torch.Generator().manual_seed(1)
drawn = {
    "N(0, I)": prior_draws[:14],
    "GMM, 1": torch.from_numpy(small[1].sample(14)[0]).float(),
    "GMM, 40": torch.from_numpy(small[40].sample(600)[0]).float()[torch.randperm(600, generator=generator)[:14]],
    "Q": posterior.sample(14, generator),
}
rows_of_images = torch.stack([vae.decode(z) for z in drawn.values()])[:, :, 0]
with plots.style("notebook"):
    figure = plots.new_figure(8.4, 2.7)
    plots.image_grid(figure.subplots(), rows_of_images, list(drawn))
live.show(
    figure,
    alt="Four rows of fourteen digits: drawn from the prior, many of them no digit; from one Gaussian with the covariance of Q, not better; from a mixture of 40 components and from Q itself, most of them legible.",
    caption="Samples from four priors. What helps is not the scale, which the law had set right, but the shape.",
)

# %% [markdown]
# ### Explain
# The first two moments were right all along: one Gaussian with the full covariance of $Q$ gains next to nothing over $\mathcal N(0,I)$. What the prior misses are *clusters*: ten components gain about a nat. More of them gain
# little, and $Q$ itself, spiky with one component per training image, knows the codes of *unseen* images less well than ten broad components do. So of the 2.6 nats of $\mathrm{KL}(Q\|p)$, taken at draws of $Q$ itself, no sampler finds more than 1.1 at the codes of test images, and $Q$ only 0.6: that
# much is shape. The rest is grain around these very training images, or shape too fine for forty components; this score cannot tell the two apart.
#
# Asperti's (2019) conclusion: blame for mediocre samples belongs to the mismatch of $Q$ and the prior, and KL can be expected to mend its first two moments, hardly the others. Figure `var-prior-vs-mixture-samples` puts scores to the pictures,
# Fréchet distances on the features of a classifier.
#
# ## 5 · Move it
#
# One latent at a time, from the codes of real images. Move the *most active* latent beyond 2.5: out there is little of $Q$, and the decoder extrapolates. (Sorted by the test images: neighbors in the table of section 2 may change places.)

# %%
traversal = live.latent_panel(vae, test.images)
live.show(traversal)

# %% [markdown]
# ## Exercises
#
# **1.** Two equally likely components at $\mu=\pm0.9$ with $s=0.19$ obey $\mu^2+s=1$ point by point. What is the kurtosis of their mixture?

# %%
two = 3 - 2 * 0.9**4  # your answer
pair = torch.tensor([[-0.9], [0.9]], dtype=torch.float64)
truth = vaelab.MarginalPosterior(pair, torch.full_like(pair, math.log(0.19))).moments().kurtosis
live.check(two, float(truth), tolerance=1e-3, hint="3 - 2 E[μ⁴]: here its premise holds.")

# %% [markdown]
# **2.** A thousand posteriors that do not overlap at all: what is the information between $z$ and the image?

# %%
apart = math.log(1000)  # your answer
lonely = torch.arange(1000, dtype=torch.float64)[:, None]
islands = vaelab.MarginalPosterior(lonely, torch.full_like(lonely, -12.0)).mutual_information(500)
live.check(apart, islands.leave_one_in.value, tolerance=1e-3, hint="z gives its image away with certainty: ln n.")

# %% [markdown]
# **3.** Stop a VAE after one epoch, far from the law, and rescale it: its rate falls by an eighth of a nat (notebook 04). The rate is information plus $\mathrm{KL}(Q\|p)$. Which of the two stays as it was?

# %%
torch.manual_seed(0)
early = recipes.vae(train.shape, 10, hidden=(100,))
vaelab.fit(early, train, vaelab.Train(epochs=1, batch_size=64, lr=3e-3, device="cpu", progress=False))
both = early, vaelab.rescale(early, train.images).experiment
mixtures = [vaelab.MarginalPosterior.from_model(experiment, train.images) for experiment in both]
parts = {
    "rate": [metrics.evaluate(experiment, train.images)["rate"] for experiment in both],
    "information": [q.mutual_information(4000).leave_one_in.value for q in mixtures],
    "distance": [q.kl_to_prior(4000).value for q in mixtures],
}
for name, (before, after) in parts.items():
    print(f"{name:12} {before:.3f} -> {after:.3f}")
stays = [name for name, (before, after) in parts.items() if abs(before - after) < 2e-3]
what_stays = "information"  # your answer: "information" or "distance"
live.check(
    what_stays,
    " and ".join(stays) or "neither",
    hint="Can a change of scale make z tell more or less about the image?",
)

# %% [markdown]
# The same draws, scaled along, carry the same information to the last digit. The distance takes the whole fall of the rate, up to the chance in 4,000 draws.

# %% [markdown]
# ## Recap
# 1. $\ln Q(z)$ is a log-sum-exp over all images: take the largest term out, stream over the components, and it is exact.
# 2. The variance law leaves the shape free. Kurtosis follows the cloud of means; $3-2\,\mathbb E[\mu^4]$ is impossible for real latents, since the law does not hold image by image.
# 3. Rate = information + $\mathrm{KL}(Q\|p)$, exactly, and information is at most $\ln n$: quote $n$ with either.
# 4. Prior draws land in the holes of $Q$. Its scale is right, its clusters are missing; a small Gaussian mixture brings them back, without a replay of training images.
#
# ## References
# 1. A. Asperti (2019). *About Generative Aspects of Variational Autoencoders.* LOD 2019, LNCS. doi 10.1007/978-3-030-37599-7_7.
# 2. M. Hoffman, M. Johnson (2016). *ELBO surgery: yet another way to carve up the variational evidence lower bound.* NIPS workshop.
# 3. B. Poole et al. (2019). *On Variational Bounds of Mutual Information.* ICML. arXiv 1905.06922.
# 4. R. Chen et al. (2018). *Isolating Sources of Disentanglement in Variational Autoencoders.* NeurIPS. arXiv 1802.04942. (Total correlation.)
