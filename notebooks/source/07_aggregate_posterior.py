# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 07 · The aggregate posterior
#
# **Question.** Averaged over all images, the posteriors form the *aggregate posterior* $Q(z)$, a Gaussian mixture with one component per image. How does it differ from $\mathcal N(0,I)$, and what does sampling from the prior cost?
#
# **You will be able to**
# 1. write down the density of $Q$ exactly, and compute it without underflow;
# 2. go beyond the second moment: compute the kurtosis of $Q$, and the kurtosis that a variance law for single images would imply;
# 3. split the rate into mutual information and $\mathrm{KL}(Q\|p)$, and interpret both relative to the ceiling $\ln N$;
# 4. explain where prior samples land, and replace the prior by a Gaussian mixture, large or small.
#
# **Time** about 70 minutes. **You need** notebook [06 · The variance law](06_variance_law.ipynb).
# **Symbols** are those of the [table of notation](00_start_here.ipynb#Notation).
#
# Asperti (2019) calls $Q$ the marginal posterior. Image $i$ of $N$ has the posterior $q_i(z)=\mathcal N(\mu_i,\sigma_i^2)$ over $d$ latents, and
#
# $$Q(z)=\frac1N\sum_{i=1}^N q_i(z).$$

# %%
import math

import torch

import vaelab
from vaelab import live, metrics, plots, recipes

train, test = vaelab.load("mnist-mini"), vaelab.load("mnist-mini", "test")
torch.manual_seed(0)
vae = recipes.vae(train.shape, 10, hidden=(100,))
vaelab.fit(
    vae, train, vaelab.TrainConfig(epochs=live.budget(20, fast=1), batch_size=64, lr=3e-3, device="cpu", progress=False)
)
posterior = vaelab.MarginalPosterior.from_model(vae, train.images)
law = posterior.variance_law()
print(f"{len(posterior.mean):,} components in {posterior.mean.shape[1]} latents; mean V {law.mean_active:.3f}")

# %% [markdown]
# ## 1 · The density, exactly
#
# A mixture of ten thousand components sounds expensive. Its density takes only a few matrix products:
#
# $$\ln Q(z)=\ln\sum_i\exp\ell_i-\ln N,\qquad \ell_i=-\tfrac12\sum_j\Big[\frac{(z_j-\mu_{ij})^2}{\sigma_{ij}^2}+\ln(2\pi\sigma_{ij}^2)\Big].$$
#
# ### Predict
# At a point whose nearest component is 40 standard deviations away, $\ell_i\approx-800$. The smallest positive number in float64 is about $e^{-745}$. What does the naive `log(mean(exp(l)))` return there: `"-800"`, `"0.0"`, `"-inf"` or
# `"nan"`?

# %%
naive_result, sure = "-inf", 80  # your guess: "-inf", "0.0", "-800" or "nan"; sure: 50 to 100

# %% [markdown]
# ### Try


# %%
def component_densities(z, mean, logvar):
    """Return ln q_i(z) for all points and components: [m, n]."""
    scaled = (z[:, None] - mean) ** 2 / logvar.exp()
    return -0.5 * (scaled + logvar + math.log(2 * math.pi)).sum(-1)


def log_q(z, mean, logvar):
    """Return ln Q(z); subtract the largest term before exponentiating."""
    log_densities = component_densities(z, mean, logvar)
    largest = log_densities.max(1, keepdim=True).values
    return (largest + (log_densities - largest).exp().mean(1, keepdim=True).log())[:, 0]


mean, logvar = posterior.mean.double(), posterior.logvar.double()
z = posterior.sample(20, torch.Generator().manual_seed(0)).double()

# %%
difference = float((log_q(z, mean, logvar) - posterior.log_prob(z)).abs().max())
far = mean[:1] + 40 * logvar[:1].mul(0.5).exp() / math.sqrt(10)
one_component = (far, mean[:1], logvar[:1])
naive = float(component_densities(*one_component).exp().mean().log())
print(f"largest difference from the package: {difference:.1e}")
print(
    f"40 sigma from the only component: naive {naive}, with the largest term subtracted {float(log_q(*one_component)):.2f}"
)
assert difference < 1e-6
live.check(
    naive_result,
    str(naive),
    hint="exp(-800) is 0 in float64. What is ln 0?",
    question="07.naive_result",
    sure=sure,
)

# %% [markdown]
# ### Explain
# Ten lines are enough for twenty points. For 2,000 points and 60,000 images, the table of $\ell_i$ alone would take a gigabyte, so `log_prob` processes the components in chunks, in float64.
# Every density of a Gaussian mixture can now be computed. We start with one latent at a time.
#
# * Step through the latents. They are sorted by the variance of their means, and each carries its index in the network. Which of them differs most from a Gaussian?
# * *rescaled*: does setting $V$ to 1 make that latent Gaussian?

# %%
marginals = live.posterior_panel(posterior)
live.show(marginals)

# %% [markdown]
# ## 2 · Beyond the second moment
#
# The variance law fixes the first two moments of $Q$. The higher moments are not fixed, but they can be computed. A Gaussian with mean $\mu$ and variance $s$ has $\mathbb E[z^4]=\mu^4+6\mu^2s+3s^2$, so
#
# $$\mathbb E_Q[z^4]=\mathbb E_x\big[\mu^4+6\mu^2s+3s^2\big],\qquad\text{kurtosis}=\mathbb E_Q[z^4]\,/\,V^2\quad(\mathbb E[\mu]=0).$$
#
# A Gaussian has kurtosis 3.
#
# ### Predict
# Take a latent with narrow posteriors, $s=0.02$, and $V=1$. If its means are spread *uniformly* over an interval, is its kurtosis `"below 3"`, `"3"` or `"above 3"`? And if its means are *normally distributed*, with the same $s$ and $V$?

# %%
uniform_means, normal_means, sure = "below 3", "3", 70  # your guesses: "below 3", "3" or "above 3"; sure: 50 to 100

# %% [markdown]
# ### Try


# %%
def kurtosis(mean, s):
    """Return the kurtosis of the mixture of N(mean_i, s_i), with centered means."""
    mean = mean - mean.mean()
    second, fourth = (mean**2 + s).mean(), (mean**4 + 6 * mean**2 * s + 3 * s**2).mean()
    return float(fourth / second**2)


grid = torch.linspace(-1, 1, 100_001, dtype=torch.float64)
even = grid * math.sqrt(3 * 0.98)
bell = math.sqrt(2 * 0.98) * torch.erfinv(grid[1:-1])
narrow = torch.tensor(0.02, dtype=torch.float64)
print(f"uniform means: {kurtosis(even, narrow):.4f}    normal means: {kurtosis(bell, narrow):.4f}")


def word(value):
    return "3" if abs(value - 3) < 0.01 else "below 3" if value < 3 else "above 3"


live.check(
    [uniform_means, normal_means],
    [word(kurtosis(even, narrow)), word(kurtosis(bell, narrow))],
    hint="Narrow posteriors add almost nothing: Q has the shape of the distribution of the means.",
    question="07.uniform_means",
    sure=sure,
)

# %% [markdown]
# The two distributions have the same variance and different shapes. Which shape does our VAE have? If the law $\mu^2+s=1$ held for *every image*, then $\mathbb E[\mu^4+6\mu^2s+3s^2]=3-2\,\mathbb E[\mu^4]$ (substitute $s=1-\mu^2$), which is always below 3.
#
# ### Predict
# No distribution has a kurtosis below 1. Will $3-2\,\mathbb E[\mu^4]$ of the latent with the largest variance of means respect this bound, `"yes"` or `"no"`?

# %%
respects_the_bound, sure = "no", 90  # your guess: "yes" or "no"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
moments = posterior.moments()
own_kurtosis = [kurtosis(mean[:, k], logvar[:, k].exp()) for k in range(10)]
assert max(abs(a - float(b)) for a, b in zip(own_kurtosis, moments.kurtosis, strict=True)) < 1e-4
point_by_point = 3 - 2 * ((mean - mean.mean(0)) ** 4).mean(0)
common = logvar.exp().mean(0)
common_width = [kurtosis(mean[:, k], common[k]) for k in range(10)]
print("latent  Var of means  kurtosis    with common s    3 - 2 E[mean⁴]")
for k in law.of_means.argsort(descending=True).tolist():
    print(f"{k:6} {law.of_means[k]:12.3f} {own_kurtosis[k]:10.3f} {common_width[k]:15.3f} {point_by_point[k]:16.3f}")
strongest = int(law.of_means.argmax())
live.check(
    respects_the_bound,
    "yes" if float(point_by_point[strongest]) >= 1 else "no",
    hint="A Gaussian of variance 0.9 has E[μ⁴] = 3 · 0.81; substitute that.",
    question="07.respects_the_bound",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# The formula gives impossible values, so its premise is false: the law does not hold for each image separately. The kurtosis is predicted well by the distribution of the means with *one* posterior width for all images: $Q$ has the shape of that
# distribution. The KL term acts on one image at a time. It does not push that distribution toward a Gaussian, except by penalizing means far from the origin.
#
# The one-dimensional marginals are not enough either: $V=1$ in every latent does not make the latents independent.

# %%
correlation = moments.covariance / moments.variance.sqrt().outer(moments.variance.sqrt())
off_diagonal = correlation - torch.eye(10)
total_correlation, marginal_kl = posterior.total_correlation(1000), posterior.dimension_wise_kl(1000)
print(f"largest correlation of two latents: {float(off_diagonal.abs().max()):.2f}")
print(f"KL of the single latents from the prior, summed: {float(marginal_kl.value.sum()):.2f} nats")
print(
    f"total correlation between the latents: {total_correlation.value:.2f} ± {total_correlation.standard_error:.2f} nats"
)

# %% [markdown]
# Nearly all of the divergence from the prior comes from dependence *between* the latents, which no histogram of a single latent shows. (Part of it is an effect of finite data: a mixture of 10,000 narrow components is never smooth. Section 4 uses test images to measure what remains without this effect.)
#
# ## 3 · What the rate consists of
#
# The mean rate, which is the KL term averaged over images, is the sum of exactly two parts (Hoffman & Johnson 2016):
#
# $$\frac1N\sum_i\mathrm{KL}(q_i\|p)=\underbrace{\frac1N\sum_i\mathrm{KL}(q_i\|Q)}_{\text{information about which image}}+\;\mathrm{KL}(Q\|p).$$
#
# The first part is a *mutual information*: how much a sample $z$ reveals about which of the $N$ images it came from. Information about a choice among $N$ images cannot exceed $\ln N$.
#
# ### Predict
# The rate of this VAE is about ten nats. Use only 100 images. What is the largest possible value of the information, in nats? And will $\mathrm{KL}(Q\|p)$ of the 100 images be `"larger"` or `"smaller"` than that of all 10,000?

# %%
ceiling, distance_of_100 = math.log(100), "larger"  # your answers: nats, "larger" or "smaller"

# %% [markdown]
# ### Try

# %%
rows = {}
print("images   ceiling ln N   leave-one-in   leave-one-out      rate   KL(Q‖p)   sum")
for n in (100, 1000, 10_000):
    subset = vaelab.MarginalPosterior(posterior.mean[:n], posterior.logvar[:n])
    information, distance = subset.mutual_information(1000), subset.kl_to_prior(1000)
    q = vaelab.Gaussian(subset.mean, subset.logvar)
    rate = float(vaelab.kl(q, vaelab.Gaussian.standard(q.mean)).mean())
    rows[n] = (information, distance, rate)
    lower, upper = information.leave_one_in.value, information.leave_one_out.value
    print(
        f"{n:6} {information.ceiling:13.2f} {lower:14.2f} {upper:15.2f} {rate:9.2f} {distance.value:9.2f} "
        f"{lower + distance.value:6.2f}"
    )
live.check(
    [ceiling, distance_of_100],
    [rows[100][0].ceiling, "larger" if rows[100][1].value > rows[10_000][1].value else "smaller"],
    hint="The rate hardly depends on N. If the information is capped, which term is the rest?",
    trained=True,
)

# %% [markdown]
# ### Explain
# The sum equals the rate for any $N$. With few images, the information is limited by its ceiling $\ln N$, and the rest of the rate counts as divergence from the prior: a mixture of 100 narrow components *is* far from a Gaussian. With
# more images, the gaps between the components close. A value of $\mathrm{KL}(Q\|p)$ is therefore meaningless without its $N$, and an information near $\ln N$ reflects $N$ rather than the model.
#
# Two bounds enclose the information for infinitely many images (Poole et al. 2019): *leave-one-in* is the lower bound. *Leave-one-out*, where the image's own component is excluded from $Q$, is the upper bound. They meet only
# where components overlap.

# %% tags=["hide-input"]
sizes = list(rows)
with plots.style("notebook"):
    figure = plots.new_figure(7.6, 3.4)
    ax = figure.subplots()
    ax.plot(sizes, [rows[n][0].leave_one_in.value for n in sizes], "-o", color=plots.Q, label="leave-one-in: lower")
    ax.plot(sizes, [rows[n][0].leave_one_out.value for n in sizes], "-o", color=plots.P, label="leave-one-out: upper")
    ax.plot(sizes, [rows[n][0].ceiling for n in sizes], "--", color="black", label="ceiling ln N")
    ax.axhline(rows[10_000][2], color=plots.MEAN, ls=":", label="rate")
    ax.set(xscale="log", xlabel="images in the mixture", ylabel="information, nats")
    ax.legend()
live.show(
    figure,
    alt=f"Information against the number of images: leave-one-in rises from {rows[100][0].leave_one_in.value:.1f} nats, just under the ceiling ln N, to {rows[10_000][0].leave_one_in.value:.1f}, "
    f"well below the ceiling of {rows[10_000][0].ceiling:.1f}; leave-one-out falls from {rows[100][0].leave_one_out.value:.1f} to {rows[10_000][0].leave_one_out.value:.1f}.",
    caption="The two bounds on the information approach each other as the number of images grows. The ceiling is ln N.",
)

# %% [markdown]
# ## 4 · What prior samples miss
#
# Where do samples from $\mathcal N(0,I)$ land? The density of $Q$ is known at every point. We compare its values at prior samples with its values at the codes of *test* images, which do not contribute to $Q$.
#
# ### Predict
# Take the 5 % quantile of the density at the test codes. What share of the prior samples has a lower density: about `"5 %"`, or `"more than 20 %"`?

# %%
share_below, sure = "more than 20 %", 60  # your guess: "5 %" or "more than 20 %"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
torch.manual_seed(0)
codes = vae.encode(test.images).sample()
prior_samples = torch.randn(2000, 10)
at_codes, at_prior = posterior.log_prob(codes), posterior.log_prob(prior_samples)
threshold = float(at_codes.quantile(0.05))
share = float((at_prior < threshold).double().mean())

# %% tags=["hide-input"]
with plots.style("notebook"):
    figure = plots.new_figure(7.6, 3.0)
    ax = figure.subplots()
    bins = torch.linspace(-28, -6, 60).numpy()
    ax.hist(at_codes.clamp(min=-28).numpy(), bins, color=plots.Q, alpha=0.5, density=True, label="codes of test images")
    ax.hist(at_prior.clamp(min=-28).numpy(), bins, color=plots.P, alpha=0.5, density=True, label="samples from N(0, I)")
    ax.axvline(threshold, color="black", ls="--", label="5 % quantile of the codes")
    ax.set(xlabel="ln Q(z), nats (first bin: all lower values)", yticks=[])
    ax.legend(loc="upper left", bbox_to_anchor=(0.06, 1), frameon=True, framealpha=1, edgecolor="none")
live.show(
    figure,
    alt=f"Two histograms of the log density of Q: codes of test images around {float(at_codes.median()):.0f} nats; samples from the prior are lower, around {float(at_prior.median()):.0f}; "
    f"{share:.0%} of the prior samples are below the 5 % quantile of the codes.",
    caption="Prior samples land where Q has low density: between the codes.",
)

# %%
live.check(
    share_below,
    "more than 20 %" if share > 0.2 else "5 %",
    hint="Compare the shaded areas: how much of the red area is left of the line?",
    question="07.share_below",
    sure=sure,
    trained=True,
)

# %% [markdown]
# Prior samples land in gaps, where the decoder was hardly trained. One remedy is to sample from $Q$ itself. But a mixture of all training codes *reproduces* its training images, each blurred by its sigma. `compress(M)` uses scikit-learn to fit a Gaussian mixture with $M$
# full-covariance components to samples from $Q$. With few components, it cannot reproduce single images.
#
# ### Predict
# Score each distribution by the mean log density that it assigns to the codes of *test* images. Compare $\mathcal N(0,I)$ with a GMM of 10 components: which is better, `"prior"` or `"GMM"`?

# %%
better, sure = "GMM", 75  # your guess: "prior" or "GMM"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
gmms = {components: posterior.compress(components) for components in (1, 10, 40)}
test_codes = codes.double().numpy()
standard_normal = vaelab.Gaussian.standard(codes)
scores = {"N(0, I)": float(standard_normal.log_prob(codes).mean())}
scores |= {f"GMM, {m} component{'s' * (m > 1)}": float(gmm.score(test_codes)) for m, gmm in gmms.items()}
scores["Q, the mixture of all"] = float(at_codes.mean())
for name, value in scores.items():
    print(f"{name:24} {value:8.2f} nats per test code")
live.check(
    better,
    "GMM" if scores["GMM, 10 components"] > scores["N(0, I)"] else "prior",
    hint="Which of the two can represent correlations and clusters?",
    question="07.better",
    sure=sure,
    trained=True,
)

# %% tags=["hide-input"]
generator = torch.Generator().manual_seed(1)
latents = {
    "N(0, I)": prior_samples[:14],
    "GMM, 1": torch.from_numpy(gmms[1].sample(14)[0]).float(),
    "GMM, 40": torch.from_numpy(gmms[40].sample(600)[0]).float()[torch.randperm(600, generator=generator)[:14]],
    "Q": posterior.sample(14, generator),
}
rows_of_images = torch.stack([vae.decode(z) for z in latents.values()])[:, :, 0]
with plots.style("notebook"):
    figure = plots.new_figure(8.4, 2.7)
    plots.image_grid(figure.subplots(), rows_of_images, list(latents))
live.show(
    figure,
    alt="Four rows of fourteen digits: many samples from the prior are not digits; samples from one Gaussian "
    "with the covariance of Q are no better; most samples from a mixture of 40 components and from Q itself are legible.",
    caption="Samples from four latent distributions. The improvement comes from the shape of the distribution, not from its "
    "scale, which the variance law had already fixed.",
)

# %% [markdown]
# ### Explain
# The first two moments were right from the start, so one Gaussian with the full covariance of $Q$ gains almost nothing over $\mathcal N(0,I)$. This can be computed in advance. If every latent has mean 0 and variance 1, and $C$ is the matrix of their correlations, that Gaussian gains on average exactly
# $-\tfrac12\ln\det C$ nats (exercise 4). What the prior lacks here is *clusters*: ten components gain far more than one, and more components gain
# little. $Q$ itself, with one narrow component per training image, assigns a lower density to the codes of *test* images than ten broad components do.
#
# Compare two numbers. At samples from $Q$ itself, the prior falls short by $\mathrm{KL}(Q\|p)$, the last row of the table in section 3. At the codes of *test* images, all the gains in the table above are much smaller: that
# much is shape. The rest is either fine structure around these training images, or shape too fine for forty components. This score cannot distinguish the two.
#
# Is it always the clusters? No. This VAE has a fixed gamma. With a *computed* gamma the KL has a smaller weight, the latents are more correlated, and the answer depends on the score as well: exercise 3 of notebook [10](10_two_stages.ipynb) measures it.
#
# Asperti (2019) concludes that mediocre samples are due to the mismatch of $Q$ and the prior. The KL term can be expected to match the first two moments, but hardly the higher ones. Figure `var-prior-vs-mixture-samples` adds scores to the images:
# Fréchet distances on the features of a classifier.
#
# ## 5 · Explore the latents
#
# Vary one latent at a time, starting from the codes of real images. Move the *most active* latent beyond 2.5: $Q$ has little density there, and the decoder extrapolates. (The latents are sorted by their activity on the test images, so neighbors in the table of section 2 may appear in a different order.)

# %%
traversal = live.latent_panel(vae, test.images)
live.show(traversal)

# %% [markdown]
# ## Exercises
#
# **1.** Two equally likely components at $\mu=\pm0.9$ with $s=0.19$ obey $\mu^2+s=1$ individually. What is the kurtosis of their mixture?

# %%
two = 3 - 2 * 0.9**4  # your answer, a number

# %%
pair = torch.tensor([[-0.9], [0.9]], dtype=torch.float64)
truth = vaelab.MarginalPosterior(pair, torch.full_like(pair, math.log(0.19))).moments().kurtosis
live.check(
    two,
    float(truth),
    tolerance=1e-3,
    hint="Use 3 - 2 E[μ⁴]: its premise holds here.",
    hints={3 - 2 * 0.9**2: "That contains the second power of μ; the formula has the fourth."},
)

# %% [markdown]
# **2.** A thousand posteriors do not overlap at all. What is the information between $z$ and the image?

# %%
information_apart = math.log(1000)  # your answer, nats

# %%
means = torch.arange(1000, dtype=torch.float64)[:, None]
islands = vaelab.MarginalPosterior(means, torch.full_like(means, -12.0)).mutual_information(500)
live.check(
    information_apart,
    islands.leave_one_in.value,
    tolerance=1e-3,
    hint="z identifies its image with certainty: ln N.",
    hints={math.log2(1000): "That is in bits; all numbers here are in nats."},
)

# %% [markdown]
# **3.** Stop a VAE after one epoch, when the variance law does not hold yet, and rescale it: its rate falls by about an eighth of a nat (notebook 06). The rate is information plus $\mathrm{KL}(Q\|p)$. Which of the two does not change?

# %%
torch.manual_seed(0)
early = recipes.vae(train.shape, 10, hidden=(100,))
vaelab.fit(early, train, vaelab.TrainConfig(epochs=1, batch_size=64, lr=3e-3, device="cpu", progress=False))
experiments = early, vaelab.rescale(early, train.images).experiment
mixtures = [vaelab.MarginalPosterior.from_model(experiment, train.images) for experiment in experiments]
parts = {
    "rate": [metrics.evaluate(experiment, train.images)["rate"] for experiment in experiments],
    "information": [q.mutual_information(4000).leave_one_in.value for q in mixtures],
    "distance": [q.kl_to_prior(4000).value for q in mixtures],
}
for name, (before, after) in parts.items():
    print(f"{name:12} {before:.3f} -> {after:.3f}")
invariants = [name for name, (before, after) in parts.items() if abs(before - after) < 2e-3]

# %%
invariant_part = "information"  # your answer: "information" or "distance"

# %%
live.check(
    invariant_part,
    " and ".join(invariants) or "neither",
    hint="Can a change of scale add or remove information about the image?",
    trained=True,
)

# %% [markdown]
# The same samples, rescaled with the latents, carry the same information to the last digit. $\mathrm{KL}(Q\|p)$ accounts for the whole decrease of the rate, up to the sampling error of 4,000 samples.

# %% [markdown]
# **4.** How many nats can one Gaussian with full covariance gain over $\mathcal N(0,I)$? Suppose the means are 0 and the variances 1. Derive the gain from $\ln\mathcal N(z;0,C)-\ln\mathcal N(z;0,I)$, averaged over $Q$, and compute it from `correlation` (section 2). Does it `"agree"` with the gain of the table of section 4 to a tenth of a nat, or `"not"`?

# %%
gain_of_covariance = -0.5 * float(torch.logdet(correlation))  # your answer, nats
agrees = "agree"  # your guess: "agree" or "not"

# %%
exact = -0.5 * torch.linalg.eigvalsh(correlation.double()).log().sum()  # ln det is the sum of the ln eigenvalues
measured = scores["GMM, 1 component"] - scores["N(0, I)"]
print(f"measured at the test codes: {measured:.3f} nats")
live.check(
    [gain_of_covariance, agrees],
    [float(exact), "agree" if abs(measured - float(exact)) < 0.1 else "not"],
    tolerance=2e-3,
    hint="The quadratic forms average to d under both Gaussians, so only the determinants remain.",
    hints={
        (1, -float(exact)): "Mind the sign: a correlation makes the determinant smaller than 1.",
        (1, 2 * float(exact)): "The log density contains half of the log determinant.",
    },
    trained=True,
)

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("07")

# %% [markdown]
# ## Recap
# 1. $\ln Q(z)$ is a log-sum-exp over all images. Subtract the largest term, process the components in chunks, and the result is exact.
# 2. The variance law does not determine the shape of $Q$. The kurtosis follows from the distribution of the means; $3-2\,\mathbb E[\mu^4]$ gives impossible values for real latents, because the law does not hold for single images.
# 3. Rate = information + $\mathrm{KL}(Q\|p)$, exactly. Information is at most $\ln N$, so report $N$ with either part.
# 4. Prior samples land in the gaps of $Q$. The scale of the prior is right, but here it lacks clusters; covariance gains only $-\tfrac12\ln\det C$. A small Gaussian mixture restores them without reproducing training images.
#
# ## References
# 1. A. Asperti (2019). *About Generative Aspects of Variational Autoencoders.* LOD 2019, LNCS. doi 10.1007/978-3-030-37599-7_7.
# 2. M. Hoffman, M. Johnson (2016). *ELBO surgery: yet another way to carve up the variational evidence lower bound.* NIPS workshop.
# 3. B. Poole et al. (2019). *On Variational Bounds of Mutual Information.* ICML. arXiv 1905.06922.
# 4. R. Chen et al. (2018). *Isolating Sources of Disentanglement in Variational Autoencoders.* NeurIPS. arXiv 1802.04942. (Total correlation.)
