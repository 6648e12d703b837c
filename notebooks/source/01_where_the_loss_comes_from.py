# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 01 · Where the loss comes from
#
# **Question.** Why is the loss of a VAE a distortion plus a rate, and how does a gradient pass through a random code?
#
# **You will be able to**
# 1. derive $\ln p(x)=\mathrm{ELBO}+\mathrm{KL}(q(z|x)\|p(z|x))$, and name the two reasons why the ELBO stays below $\ln p(x)$;
# 2. pass a gradient through a random code, and *measure* why the score-function estimator needs far more samples;
# 3. choose a Bernoulli or a Gaussian decoder, and explain why the error is summed over pixels;
# 4. estimate $\ln p(x)$ by importance sampling, and predict on which side of it the estimate lies;
# 5. compare a trained VAE with the truth, in a model where everything is known.
#
# **Time** about 70 minutes. **You need** expectations, Bayes' rule, the chain rule, and notebook [00 · Start here](00_start_here.ipynb).
# **Symbols** are those of the [table of notation](00_start_here.ipynb#Notation).
#
# Notebook 00 wrote the loss down and trained with it. Here we derive it, and we check every step in a small VAE whose decoder is *linear*. For such a VAE
# every quantity has a closed form, so we can tell a true statement from a plausible one.

# %%
import math

import torch

import vaelab
from vaelab import live, plots
from vaelab.posterior import LinearGaussian, active_latents, best_gamma, next_gamma, optimal_rate, principal_axes

# %% [markdown]
# ## 1 · The probability of an image
#
# A VAE is a recipe for making images: draw a code $z$ from the prior $p(z)=\mathcal N(0,I)$, then draw the image from the decoder's distribution
# $p(x|z)$. Any code could have produced $x$, so the probability of $x$ is a sum over all of them:
#
# $$p(x)=\int p(x|z)\,p(z)\,dz=\mathbb E_{p(z)}\,p(x|z).$$
#
# A good model gives high probability to the images that we have seen. So we want to maximize $\ln p(x)$, averaged over the training images. This is
# *maximum likelihood*, and it is all we want; the rest of this notebook is about how to compute it.
#
# For a neural network the integral has no closed form. For a linear decoder, $p(x|z)=\mathcal N(Wz+b,\gamma^2I)$, it has one: a linear map of a Gaussian,
# plus Gaussian noise, is the Gaussian $\mathcal N(b,\,WW^\top+\gamma^2I)$. `LinearGaussian` is this model. Ours has two latents and five "pixels".

# %%
weight = torch.tensor([[2.0, 1.0], [1.0, 2.0], [1.0, -1.0], [0.0, 1.0], [1.0, 0.0]])
world = LinearGaussian(weight, bias=torch.zeros(5), gamma=0.5)
x, _ = world.sample(200, seed=1)
one = x[:1]  # one datum, shape [1, 5]
print(
    f"exact ln p(x): {float(world.log_prob(one)):.4f} nats for one datum, {float(world.log_prob(x).mean()):.4f} on average over 200"
)


# %%
def log_joint(z, datum):
    """Return ln p(x, z) = ln p(x|z) + ln p(z) for codes z [..., 2] and one datum [1, 5]."""
    likelihood = torch.distributions.Normal(z @ world.weight.T + world.bias, world.gamma)
    prior = torch.distributions.Normal(torch.zeros(2).double(), 1.0)
    return likelihood.log_prob(datum[0]).sum(-1) + prior.log_prob(z).sum(-1)


# %% [markdown]
# ### Predict
# The obvious estimate: draw ten codes from the prior, average $p(x|z)$ over them, and take the logarithm. The average itself is *unbiased*: in the mean it is
# $p(x)$. Repeat this many times. Will the mean of the **logarithms** lie below $\ln p(x)$, at $\ln p(x)$, or above it?

# %%
mean_of_logs_is, sure = "below", 80  # your guess: "below", "at" or "above"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
torch.manual_seed(0)
z = torch.randn(4000, 10, 2, dtype=torch.float64)  # 4000 repetitions of ten codes
prior = torch.distributions.Normal(torch.zeros(2).double(), 1.0)
log_likelihood = log_joint(z, one) - prior.log_prob(z).sum(-1)
estimates = log_likelihood.logsumexp(1) - math.log(10)  # ln of the mean
exact, found, error = float(world.log_prob(one)), float(estimates.mean()), float(estimates.std() / 4000**0.5)
print(f"exact {exact:.3f}; mean of the estimates {found:.3f} ± {error:.3f}")
live.check(
    mean_of_logs_is,
    "at" if abs(found - exact) < 3 * error else "below" if found < exact else "above",
    hint="The logarithm punishes a small average more than it rewards a large one.",
    hints={"at": "The averages are unbiased, but is the logarithm linear?"},
    question="01.mean_of_logs_is",
    sure=sure,
)

# %% [markdown]
# ### Explain
# The logarithm is concave: it curves downward, so the mean of logarithms is at most the logarithm of the mean,
#
# $$\mathbb E\ln Y\;\le\;\ln\mathbb E\,Y\qquad\text{(Jensen's inequality),}$$
#
# with equality only if $Y$ does not vary. Here $Y$ varies wildly. Most codes explain our datum badly and contribute nearly nothing; a few contribute all of it.
# With real images it is hopeless: hardly any code from the prior produces *this* image. We should draw codes that are likely to have produced $x$. Proposing
# them is the job of the encoder.
#
# ## 2 · Ten lines
#
# Bayes' rule says which codes could have produced $x$: $p(z|x)=p(x,z)/p(x)$, the *exact posterior*. We cannot compute it for a neural decoder, so we take some distribution
# $q(z|x)$ that we *can* sample. Whatever $q$ is,
#
# $$\begin{aligned}
# \ln p(x)&=\mathbb E_q\,\ln p(x)&&\text{it does not depend on }z\\
# &=\mathbb E_q\,\ln\frac{p(x,z)}{p(z|x)}&&\text{Bayes' rule}\\
# &=\mathbb E_q\,\ln\Big[\frac{p(x,z)}{q(z|x)}\cdot\frac{q(z|x)}{p(z|x)}\Big]&&\text{multiply by }1\\
# &=\underbrace{\mathbb E_q\,\ln\frac{p(x,z)}{q(z|x)}}_{\mathrm{ELBO}}+\underbrace{\mathbb E_q\,\ln\frac{q(z|x)}{p(z|x)}}_{\mathrm{KL}(q(z|x)\|p(z|x))}
# \end{aligned}$$
#
# A KL divergence is never negative. (Jensen again: $-\mathrm{KL}(q\|p)=\mathbb E_q\ln\tfrac pq\le\ln\mathbb E_q\tfrac pq=\ln1=0$.) So the first term is a
# lower bound of $\ln p(x)$, also called the *evidence*: the **evidence lower bound**, ELBO. Split its numerator, $p(x,z)=p(x|z)\,p(z)$:
#
# $$\mathrm{ELBO}=\mathbb E_q\ln p(x|z)-\mathrm{KL}(q(z|x)\|p(z))=-\,\text{distortion}-\text{rate}.$$
#
# This is the loss of notebook 00, with the opposite sign. Minimizing it raises a lower bound of what we want.
#
# ### Predict
# Hold the decoder fixed and train only the encoder until the ELBO has risen by 3 nats. By how many nats has $\mathrm{KL}(q(z|x)\|p(z|x))$ changed?

# %%
change_of_kl, sure = -3.0, 70  # your guess, a signed number of nats; sure: 50 to 100

# %% [markdown]
# ### Try
# Two encoders for the same decoder: a careless one, and the best one with a diagonal covariance. `torch.distributions` computes the KL without any of our formulas.


# %%
def kl_to_posterior(q):
    """Return the mean of KL(q‖p(z|x)) over the data, from the two distributions alone."""
    exact = world.posterior(x)
    ours = torch.distributions.MultivariateNormal(q.mean, torch.diag_embed(q.logvar.exp()))
    return float(torch.distributions.kl_divergence(ours, torch.distributions.MultivariateNormal(*exact)).mean())


best = world.best_diagonal(x)
careless = vaelab.Gaussian(best.mean + 0.3, best.logvar + 1.0)
elbo, gap = {}, {}
for name, q in (("careless", careless), ("best", best)):
    elbo[name], gap[name] = float(world.bound(x, q).elbo.mean()), kl_to_posterior(q)
    print(f"{name:9} ELBO {elbo[name]:8.4f}   KL {gap[name]:7.4f}   sum {elbo[name] + gap[name]:8.4f} nats")
print(f"exact ln p(x)                        {float(world.log_prob(x).mean()):8.4f} nats")
slope = (gap["best"] - gap["careless"]) / (elbo["best"] - elbo["careless"])

# %%
live.check(
    change_of_kl,
    3 * slope,
    hint="The sum of the two is ln p(x), in which the encoder does not occur.",
    hints={
        3: "The right size; mind the sign.",
        0: "Then ln p(x) would have changed, in which the encoder does not occur.",
    },
    question="01.change_of_kl",
    sure=sure,
)

# %% [markdown]
# ### Explain
# The sum is $\ln p(x)$, and the encoder cannot change it. So for the *encoder*, raising the ELBO means approaching the exact posterior. The *decoder* does
# change $\ln p(x)$, but it may also raise the ELBO by making its own posterior simpler. A VAE does both at once, and only sees the ELBO.
#
# ## 3 · One encoder for all images
#
# Two restrictions keep our $q$ away from the exact posterior.
#
# * **Its family.** We use Gaussians with a diagonal covariance. What the best of them lacks is the *approximation gap*.
# * **Amortization.** We do not search for the best $q$ for every image; one network must give all of them, at the cost of one pass. What this
#   costs is the *amortization gap*.
#
# ### Predict
# Turn the two latents by an angle, that is, replace $W$ by $WU$ with a rotation $U$. The prior looks the same from every side. What depends on the angle:
# $\ln p(x)$, the ELBO of the best diagonal $q$, or both?

# %%
depends_on_the_angle, sure = "ELBO", 70  # your guess: "ln p", "ELBO" or "both"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
angles, curves = range(0, 181, 5), {"ln p": [], "ELBO": []}
for degrees in angles:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turned = LinearGaussian(world.weight @ torch.tensor([[c, -s], [s, c]]).double(), world.bias, world.gamma)
    bound = turned.bound(x, turned.best_diagonal(x))
    curves["ln p"].append(float(bound.log_prob.mean()))
    curves["ELBO"].append(float(bound.elbo.mean()))
moving = [name for name, values in curves.items() if max(values) - min(values) > 1e-6]
largest_gap = max(a - b for a, b in zip(curves["ln p"], curves["ELBO"], strict=True))

# %% tags=["hide-input"]
with plots.style("notebook"):
    figure = plots.new_figure(6, 2.8)
    ax = figure.subplots()
    for (name, values), color in zip(curves.items(), (plots.MEAN, plots.Q), strict=True):
        ax.plot(angles, values, color=color, label="ln p(x)" if name == "ln p" else "ELBO of the best diagonal q")
    limits = min(curves["ELBO"]) - 0.4 * largest_gap, max(curves["ln p"]) + 0.1 * largest_gap
    ax.set(xlabel="angle (degrees)", ylabel="nats per datum", xticks=range(0, 181, 45), ylim=limits)
    ax.legend(loc="lower center", ncols=2)
live.show(
    figure,
    alt=f"Over the angle, ln p(x) is constant; the ELBO touches it twice and falls up to {largest_gap:.2f} nats below it.",
    caption=f"The approximation gap goes from 0 to {largest_gap:.3f} nats, although the distribution of the data stays the same.",
)

# %%
live.check(
    depends_on_the_angle,
    moving[0] if len(moving) == 1 else "both",
    hint="p(x) depends on W only through WWᵀ. Does the exact posterior?",
    question="01.depends_on_the_angle",
    sure=sure,
)

# %% [markdown]
# ### Explain
# $WU(WU)^\top=WW^\top$, so $p(x)$ does not notice the rotation. The exact posterior rotates with the latents, and a diagonal $q$ can follow it only where its axes
# are parallel to those of the latent space. The ELBO therefore prefers some axes, which maximum likelihood alone would not.
#
# ## 4 · A gradient through a random code
#
# The ELBO is an expectation over $q$, and $q$ is what we want to change. How does one differentiate with respect to the distribution that one samples from? Two ways:
#
# * **Score function.** $\nabla_\mu\mathbb E_q f(z)=\mathbb E_q\big[f(z)\,\nabla_\mu\ln q(z)\big]$, since $\nabla q=q\,\nabla\ln q$. It needs only *values* of $f$.
# * **Reparameterization.** Write $z=\mu+\sigma\varepsilon$ with $\varepsilon\sim\mathcal N(0,1)$. The randomness no longer depends on $\mu$, and the
#   chain rule applies: $\nabla_\mu\mathbb E_q f(z)=\mathbb E_\varepsilon\big[f'(\mu+\sigma\varepsilon)\big]$. It needs the *slope* of $f$.
#
# ### Predict
# Both are unbiased. By what factor do their variances differ, for one sample of $z$?

# %%
score_has_the_variance, sure = "hundreds", 60  # your guess: "same", "tens" or "hundreds" (of times); sure: 50 to 100

# %% [markdown]
# ### Try
# We take one datum, a $q$ that is not yet good, and the derivative of the ELBO with respect to the first mean. The reference are finite differences of the *exact* ELBO.

# %%
mean, sigma, n = torch.tensor([0.5, 0.5]).double(), torch.tensor([0.3, 0.3]).double(), 20_000


def exact_elbo(first_mean):
    """Return the ELBO of `one` in closed form."""
    q = vaelab.Gaussian(torch.stack([first_mean, mean[1]])[None], 2 * sigma.log()[None])
    return float(world.bound(one, q).elbo)


slope = (exact_elbo(mean[0] + 1e-4) - exact_elbo(mean[0] - 1e-4)) / 2e-4
torch.manual_seed(0)
means = mean.expand(n, 2).clone().requires_grad_()  # a copy for every sample, so that each has its own gradient
z = means + sigma * torch.randn(n, 2).double()
f = log_joint(z, one) - torch.distributions.Normal(means, sigma).log_prob(z).sum(-1)
path = torch.autograd.grad(f.sum(), means)[0][:, 0]
score = (f * (z - means)[:, 0] / sigma[0] ** 2).detach()
print(f"finite differences of the exact ELBO: {slope:9.3f}")
for name, g in (("reparameterization", path), ("score function", score)):
    print(f"{name:20} {float(g.mean()):9.3f} ± {float(g.std() / n**0.5):.3f}   variance {float(g.var()):10.1f}")

# %% tags=["hide-input"]
ratio, steps = float(score.var() / path.var()), torch.arange(1, n + 1)
with plots.style("notebook"):
    figure = plots.new_figure(6, 2.8)
    ax = figure.subplots()
    for g, color, name in ((score, plots.P, "score function"), (path, plots.Q, "reparameterization")):
        ax.plot(steps, g.cumsum(0) / steps, color=color, label=name)
    ax.axhline(slope, color=plots.REFERENCE, linestyle=":", label="exact")
    ax.set(xscale="log", xlabel="samples of z", ylabel="mean gradient", ylim=(slope - 60, slope + 60))
    ax.legend(loc="upper right")
live.show(
    figure,
    alt=f"Running means of both estimators approach {slope:.1f}; the score function still fluctuates after a thousand samples.",
    caption=f"Running means. The variance of one score-function sample is {ratio:.0f} times that of a reparameterized one.",
)

# %%
live.check(
    score_has_the_variance,
    "same" if ratio < 3 else "tens" if ratio < 100 else "hundreds",
    hint="Divide the two variances printed above.",
    question="01.score_has_the_variance",
    sure=sure,
)

# %% [markdown]
# ### Explain
# The score function weights a random direction with the *value* of $f$; only the average over many samples shows in which direction $f$ rises. Reparameterization
# uses the slope of $f$, which points in that direction at every single sample. This is why a VAE trains with **one** sample of $z$ per image.
# The price: $f$ must be differentiable and $z$ continuous.
#
# ## 5 · What the decoder's output means
#
# The distortion is $-\ln p(x|z)$, so it depends on the distribution that we choose for pixels. Given $z$ they are independent: probabilities multiply, logarithms **add**.
#
# * **Bernoulli**, for binarized images: $-\sum\big[x\ln\hat x+(1-x)\ln(1-\hat x)\big]$, the cross-entropy.
# * **Gaussian** with standard deviation $\gamma$: $\;\dfrac{\lVert x-\hat x\rVert^2}{2\gamma^2}+D\ln\gamma+\dfrac D2\ln2\pi$, for $D$ pixels.
#
# The last two terms do not depend on $\hat x$. They may be dropped as long as $\gamma$ is fixed, but not if $\gamma$ is learned or different $\gamma$ are compared. With
# them it is the logarithm of a *density*, which may exceed 1: a negative NLL is no error.
#
# ### Predict
# Much code computes `mse_loss(x̂, x)`, the **mean** over pixels, and adds the KL. Compare it with the **sum** of squares plus $\beta$ KL. Which $\beta$ has the same
# optimum, for digits of 28 x 28 pixels?

# %%
beta, sure = 28 * 28, 80  # your guess, a number; sure: 50 to 100

# %% [markdown]
# ### Try
# We multiply the code's loss so that its first part becomes the sum; $\beta$ is the factor that the KL gets. Then the linear VAE predicts the consequence, without any training.
# Along the $i$-th principal axis the images have the variance $v_i$, and at its optimum a latent is active only if $v_i>\gamma^2$. The sum of squares plus $\beta\,\mathrm{KL}$ is a
# Gaussian decoder with $\gamma^2=\beta/2$.

# %%
train = vaelab.load("mnist-mini")
images = train.images.flatten(1).double() / 255
reconstruction = images.mean(0).expand_as(images)
factor = float((images - reconstruction).square().sum(1).mean() / torch.nn.functional.mse_loss(reconstruction, images))
variances, _ = principal_axes(images)
for name, b in (("sum", 1.0), ("mean", factor)):
    active, gamma = active_latents(variances, 20, math.sqrt(b / 2)), math.sqrt(b / 2)
    rate = optimal_rate(variances, 20, gamma)
    print(
        f"{name:5} β = {b:5.0f}: {active:2d} of 20 latents active, rate {rate:5.1f} nats   (largest variance {float(variances[0]):.2f})"
    )
live.check(
    beta,
    factor,
    hint="By what must the mean over pixels be multiplied to be the sum?",
    hints={28: "That is the side of an image; count all its pixels.", 1 / factor: "That is its inverse."},
    question="01.beta",
    sure=sure,
)

# %% [markdown]
# ### Explain
# The mean instead of the sum is a $\beta$-VAE with a very large $\beta$. In the linear VAE no latent is worth its KL, and the code carries no information: *posterior
# collapse*, by one word in the code. (A deep decoder has another threshold; the effect has the same direction.)
#
# ### Predict
# The Bernoulli decoder is often used for *gray* pixels, $0<x<1$. If the reconstruction is perfect, $\hat x=x$, is its NLL zero?

# %%
perfect_nll_is_zero, sure = "no", 70  # your guess: "yes" or "no"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
perfect = float(torch.nn.functional.binary_cross_entropy(images, images, reduction="sum") / len(images))
gray = float(((images > 0.02) & (images < 0.98)).double().mean())
print(f"NLL of a perfect reconstruction: {perfect:.1f} nats per image; {gray:.0%} of the pixels are gray")
live.check(
    perfect_nll_is_zero,
    "yes" if perfect < 1 else "no",
    hint="Insert x = x̂ = ½ into the formula.",
    question="01.perfect_nll_is_zero",
    sure=sure,
)

# %% [markdown]
# ### Explain
# For gray pixels the cross-entropy is the expected NLL of a *random* black-and-white image that has $x$ as its mean, and even a perfect $\hat x$ cannot predict its pixels. So this number is a
# fine loss, but no log-likelihood of gray images, and it must not be compared with that of a Gaussian decoder.
#
# ## 6 · Importance sampling: closer to ln p(x)
#
# Draw $K$ codes from $q$ instead of one, and correct for having drawn them from $q$ and not from the prior:
#
# $$w_k=\frac{p(x,z_k)}{q(z_k|x)},\qquad \mathbb E_q\,w_k=p(x),\qquad \mathcal L_K=\mathbb E\,\ln\frac1K\sum_{k=1}^K w_k .$$
#
# $K=1$ is the ELBO. Every $\mathcal L_K$ is at most $\ln p(x)$, by Jensen's inequality, and it grows with $K$: an average of more weights varies less. This is the bound of
# the *importance weighted autoencoder* (IWAE), and the usual way to estimate the $\ln p(x)$ of a trained VAE.
#
# ### Predict
# Take an encoder whose standard deviations are all 1.5 times the best ones. From $K=10$ to $K=100$, by what factor does the gap $\ln p(x)-\mathcal L_K$ shrink?

# %%
gap_shrinks_by, sure = 10, 60  # your guess: about 1, 3, 10 or 100; sure: 50 to 100

# %% [markdown]
# ### Try


# %%
def importance_bound(q, samples, repeats=50):
    """Return L_K, averaged over data and repetitions, and its standard error by repetition."""
    mean, sigma = q.mean, (0.5 * q.logvar).exp()
    values = []
    for _ in range(repeats):
        z = mean + sigma * torch.randn(samples, *mean.shape).double()
        log_p = torch.distributions.Normal(z @ world.weight.T, world.gamma).log_prob(x).sum(-1) + prior.log_prob(z).sum(
            -1
        )
        log_w = log_p - torch.distributions.Normal(mean, sigma).log_prob(z).sum(-1)
        values.append(float((log_w.logsumexp(0) - math.log(samples)).mean()))
    values = torch.tensor(values)
    return float(values.mean()), float(values.std() / repeats**0.5)


torch.manual_seed(0)
wide, exact = vaelab.Gaussian(best.mean, best.logvar + 2 * math.log(1.5)), float(world.log_prob(x).mean())
gaps = {K: exact - importance_bound(wide, K)[0] for K in (1, 3, 10, 30, 100)}
print("exact gap of the ELBO:", f"{exact - float(world.bound(x, wide).elbo.mean()):.4f} nats")
print(*(f"K = {K:3d}: gap {value:.4f} nats" for K, value in gaps.items()), sep="\n")

# %% tags=["hide-input"]
shrinks = gaps[10] / gaps[100]
with plots.style("notebook"):
    figure = plots.new_figure(5, 2.8)
    ax = figure.subplots()
    ax.loglog(list(gaps), list(gaps.values()), "o-", color=plots.Q, label="measured gap")
    ax.loglog([10, 100], [gaps[10], gaps[10] / 10], ":", color=plots.REFERENCE, label="1/K")
    ax.set(xlabel="K, number of samples", ylabel="gap to ln p(x) (nats)")
    ax.legend()
live.show(
    figure,
    alt=f"The gap to ln p(x) falls from {gaps[1]:.2f} nats at K = 1 to {gaps[100]:.4f} at K = 100, along a line of slope -1.",
    caption="The gap of the importance-weighted bound, measured against the exact ln p(x).",
)

# %%
live.check(
    gap_shrinks_by,
    min((1, 3, 10, 100), key=lambda factor: abs(math.log(factor / shrinks))),
    hint="The dotted line falls by a factor of ten from K = 10 to 100. Is the measured gap parallel to it?",
    question="01.gap_shrinks_by",
    sure=sure,
)

# %% [markdown]
# ### Explain
# The mean of $K$ weights has a variance of $\mathrm{Var}(w)/K$, and the bias of its logarithm is half the relative variance: the gap falls like $1/K$. This holds if $\mathrm{Var}(w)$ is finite; a $q$ that is much too **narrow**
# breaks it. And whatever $K$ is, the error has one direction: on average the estimate makes the model look *worse* than it is, never better.
#
# ## 7 · The truth beside the model
#
# One more name. The average of the posteriors of all images is the **aggregate posterior** $Q(z)=\frac1N\sum_i q(z|x_i)$: the distribution of the codes as the decoder meets them. If $q$ is exact and the
# model has learned the distribution of the data, then $Q=p$, for $\int p(z|x)\,p(x)\,dx=p(z)$. Real VAEs fall short of this; notebooks 06 and 07 measure by how much.
#
# In the panel, data have five dimensions, with standard deviations 3, 0.75 and three times 0.5. $W$ is always the best one for the decoder's $\gamma$. On the left are the data and the model, in the middle
# the exact posterior of one datum and $q$, on the right $\ln p(x)$ and what is lost on the way to the ELBO.
#
# * Press *turned latents*. Which gap opens? Can the slider of $\sigma$ close it?
# * Move the mean of $q$ off by 1, then by 2. How does the gap grow?
# * Move $\gamma$ up until a latent becomes inactive. What happens to its axis in the middle picture?
#
# ### Predict
# How many of the two latents are active at $\gamma=1$?

# %%
active_at_one, sure = 1, 80  # your guess: 0, 1 or 2; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
panel = live.truth_panel()
live.show(panel)

# %%
spreads = torch.tensor([3.0, 0.75, 0.5, 0.5, 0.5]).double()
live.check(
    active_at_one,
    active_latents(spreads**2, 2, 1.0),
    hint="Set the slider of γ to 1 and read the number below the picture.",
    question="01.active_at_one",
    sure=sure,
)

# %% [markdown]
# ### Explain
# A latent is worth its KL if the data vary more along its axis than the decoder's noise, $v_i>\gamma^2$; its rate is then $\tfrac12\ln(v_i/\gamma^2)$. And the best $\gamma^2$ is the variance that no latent takes, averaged over
# the remaining axes. Notebook 08 is about what happens in a real VAE.
#
# Now train. Does a VAE that sees only noisy gradients of its ELBO find this optimum? `linear_vae` has a linear encoder and decoder, and learns $\gamma$, too.

# %%
torch.manual_seed(0)
data = (torch.randn(1000, 5).double() * spreads).float()
experiment = vaelab.recipes.linear_vae((5,), latent=2, gamma="learned")
config = vaelab.TrainConfig(steps=3000, batch_size=1000, lr=0.05, lr_schedule="cosine", device="cpu", progress=False)
history = vaelab.fit(experiment, data, config)

# %%
variances, _ = principal_axes(data)
truth, trained = LinearGaussian.from_data(data, latent=2), LinearGaussian.from_experiment(experiment)
bound = trained.bound(data, experiment.encode(data))
print("             exact   trained")
print(f"γ          {best_gamma(variances, 2):7.4f}   {trained.gamma:7.4f}")
print(f"rate       {optimal_rate(variances, 2, truth.gamma):7.4f}   {float(bound.rate.mean()):7.4f} nats")
print(f"ln p(x)    {float(truth.log_prob(data).mean()):7.4f}   {float(bound.log_prob.mean()):7.4f} nats")
print(f"ELBO       {float(truth.log_prob(data).mean()):7.4f}   {float(bound.elbo.mean()):7.4f} nats")
assert abs(trained.gamma - truth.gamma) < 0.01
assert float((truth.log_prob(data).mean() - bound.elbo.mean()).abs()) < 0.01

# %% [markdown]
# The exact ELBO equals the exact $\ln p(x)$: training has also turned the latents such that a diagonal $q$ suffices.
#
# ## Exercises
#
# **1.** Move the mean of the best $q$ by one standard deviation in one latent. By how many nats does the ELBO fall? (KL of two Gaussians of equal variance.)

# %%
loss_by_one_sigma = 0.5  # your answer, in nats

# %%
moved = vaelab.Gaussian(best.mean + (0.5 * best.logvar).exp() * torch.tensor([1.0, 0.0]), best.logvar)
difference = float((world.bound(x, best).elbo - world.bound(x, moved).elbo).mean())
live.check(
    loss_by_one_sigma,
    difference,
    hint="The precision of the exact posterior along this axis is 1/σ², and the KL is half of that times the squared distance.",
)

# %% [markdown]
# **2.** Subtracting a constant from $f$, a *baseline*, does not change the mean of the score-function estimator, since $\mathbb E_q\nabla\ln q=0$. Does subtracting the mean of $f$ raise or lower its variance?

# %%
variance_of_the_score_gets = "lower"  # your answer: "lower" or "higher"

# %%
with_baseline = (f - f.mean()).detach() * (z - means)[:, 0].detach() / sigma[0] ** 2
print(
    f"variance {float(score.var()):.0f} without, {float(with_baseline.var()):.0f} with, {float(path.var()):.0f} by reparameterization"
)
live.check(
    variance_of_the_score_gets,
    "lower" if float(with_baseline.var()) < float(score.var()) else "higher",
    hint="Values of f that are all far below zero move the mean in every direction, and cancel only on average.",
)

# %% [markdown]
# **3.** Set $\gamma$ to the root of the error at the optimum, find the new optimum, and repeat. `next_gamma` is one such repetition. Start at $\gamma=2$, with two latents and five dimensions. Once both are active, by what factor does the distance of
# $\gamma^2$ to its fixed point shrink per repetition? (Every active axis has the error $\gamma^2$, every other one its whole variance.)

# %%
shrinking = 2 / 5  # your answer, a number

# %%
gamma, fixed_point, distances = 2.0, best_gamma(spreads**2, 2), []
for _ in range(12):
    gamma = next_gamma(spreads**2, 2, gamma)
    distances.append(gamma**2 - fixed_point**2)
print("γ² minus its fixed point:", *(f"{d:.2g}" for d in distances))
live.check(
    shrinking,
    distances[-1] / distances[-2],
    hint="Write the mean error of five axes as a function of γ², and take its slope.",
    hints={3 / 5: "That is the share of the axes that no latent takes; the error of the others follows γ²."},
)

# %% [markdown]
# **4.** In this exact world the codes of the data should be distributed like the prior. What is the variance of the aggregate posterior in each latent?

# %%
variance_of_q = 1.0  # your answer, a number

# %%
many, _ = world.sample(100_000, seed=3)
posterior = world.posterior(many)
measured = torch.cov(posterior.mean.T).diagonal() + posterior.cov[0].diagonal()
print("variance of the means + mean of the variances:", *(f"{v:.3f}" for v in measured.tolist()))
live.check(variance_of_q, float(measured.mean()), tolerance=0.02, hint="If q is exact, Q is the prior.")

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("01")

# %% [markdown]
# ## Recap
# 1. $\ln p(x)=\mathrm{ELBO}+\mathrm{KL}(q(z|x)\|p(z|x))$. The ELBO is minus distortion minus rate; the family of $q$ and amortization keep it below $\ln p(x)$.
# 2. $z=\mu+\sigma\varepsilon$ lets the gradient pass. The score-function estimator has the same mean and a much larger variance.
# 3. The decoder's distribution defines the distortion. Log-probabilities of pixels add; the mean over pixels instead is a huge $\beta$.
# 4. Importance sampling with $K$ codes approaches $\ln p(x)$ from below, with a gap that falls like $1/K$.
# 5. In the linear VAE posterior, gaps, active latents and the best $\gamma$ are known, and training finds them.
#
# ## References
# 1. D. P. Kingma, M. Welling (2014). *Auto-Encoding Variational Bayes.* ICLR. arXiv 1312.6114.
# 2. D. J. Rezende, S. Mohamed, D. Wierstra (2014). *Stochastic Backpropagation and Approximate Inference in Deep Generative Models.* ICML. arXiv 1401.4082.
# 3. Y. Burda, R. Grosse, R. Salakhutdinov (2016). *Importance Weighted Autoencoders.* ICLR. arXiv 1509.00519.
# 4. C. Cremer, X. Li, D. Duvenaud (2018). *Inference Suboptimality in Variational Autoencoders.* ICML. arXiv 1801.03558.
# 5. J. Lucas, G. Tucker, R. Grosse, M. Norouzi (2019). *Don't Blame the ELBO! A Linear VAE Perspective on Posterior Collapse.* NeurIPS. arXiv 1911.02469.
# 6. M. E. Tipping, C. M. Bishop (1999). *Probabilistic Principal Component Analysis.* J. R. Stat. Soc. B 61(3), 611–622.
# 7. G. Loaiza-Ganem, J. P. Cunningham (2019). *The continuous Bernoulli: fixing a pervasive error in variational autoencoders.* NeurIPS. arXiv 1907.06845.
