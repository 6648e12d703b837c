# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 08 · Setting gamma
#
# **Question.** The loss of a VAE has two terms that pull in opposite directions, and one number sets their relative weight. Which value do the data ask for, and how does training find it?
#
# **You will be able to**
# 1. predict from the eigenvalues of the data which latents a given gamma switches off;
# 2. derive the maximum-likelihood gamma of a decoder, find it as the crossing of two curves, and say where the error must be measured;
# 3. explain why a *learned* gamma is slow and why a *computed* gamma starts late;
# 4. say what a calibrated gamma keeps constant, and recognize two classic mistakes: a mean for a sum, and $\gamma$ for $\gamma^2$;
# 5. change gamma while a VAE trains, and predict what the rate and the error will do.
#
# **Time** about 75 minutes. **You need** notebook [05 · The geometric JS in a VAE](05_geometric_js_vae.ipynb) for the rate-distortion plane.
# **Symbols** are those of the [table of notation](00_start_here.ipynb#Notation).
#
# The method is that of Asperti & Trentin (2020), after Dai & Wipf (2019). Here $\gamma$ is always a **standard deviation**, $x$ has $D$ pixels, and the decoder defines
# $p(x|z)=\mathcal N(\hat x(z),\gamma^2I)$. The *rate* is the KL term and the *distortion* is the reconstruction error. Notebook [09](09_comparing_gammas.ipynb) compares this method with others.

# %%
import math

import torch

import vaelab
from vaelab import gamma as policies
from vaelab import live, metrics, plots, recipes
from vaelab.metrics.classifier import classifier
from vaelab.metrics.frechet import frechet_distance

torch.manual_seed(0)
digits, test_digits = vaelab.load("digits"), vaelab.load("digits", "test")
images, test = digits.images, test_digits.images.float() / 255
D = images[0].numel()
print(f"{len(images)} images of {D} pixels, {len(test)} held out")

# %% [markdown]
# ## 1 · Two terms, one number
#
# $$-\ln p(x|z)=\underbrace{\frac{\|x-\hat x\|^2}{2\gamma^2}}_{\text{squared error}}+D\ln\gamma+\tfrac D2\ln2\pi,\qquad
# \mathrm{KL}(q\|p)=\tfrac12\sum_j\big(\mu_j^2+\sigma_j^2-1-\ln\sigma_j^2\big).$$
#
# Ten lines of code compute the package's loss:

# %%
experiment = recipes.vae((1, 8, 8), 8, hidden=(64,), gamma=0.2)
x = test[:20]
torch.manual_seed(1)
result = experiment.model(x)
(q,), x_hat = result.q, torch.sigmoid(result.out)
squared_error = ((x - x_hat) ** 2).flatten(1).sum(1)
reconstruction = squared_error / (2 * 0.2**2) + D * math.log(0.2) + D / 2 * math.log(2 * math.pi)
kl = 0.5 * (q.mean**2 + q.logvar.exp() - 1 - q.logvar).sum(1)
torch.manual_seed(1)
package = experiment(x)
print(f"yours {float((reconstruction + kl).mean().detach()):.6f}    vaelab's {float(package.loss.detach()):.6f}")
assert abs(float((reconstruction + kl).mean().detach() - package.loss.detach())) < 1e-3
torch.testing.assert_close(reconstruction / D, package.nll / D, rtol=0, atol=1e-6)

# %% [markdown]
# Multiply the loss by $\gamma^2$. Up to a constant, training minimizes $\tfrac12\|x-\hat x\|^2+\gamma^2\,\mathrm{KL}$. So **$\gamma^2$ is the weight of the KL**, a $\beta$ under another name.
#
# ### Predict
# For a *linear* decoder the problem can be solved exactly. Each latent encodes the data along one eigenvector of their covariance. It is active if and only if the eigenvalue
# $v_i$, the variance of the images along that eigenvector, exceeds $\gamma^2$. Here are the ten largest eigenvalues of the digits, with pixels in $[0,1]$:

# %%
flat = images.flatten(1).double() / 255
eigenvalues = torch.linalg.eigvalsh(torch.cov(flat.T)).flip(0)
print("eigenvalues:", *(f"{v:.3f}" for v in eigenvalues[:10]), f"   pixel variance {float(eigenvalues.mean()):.4f}")

# %%
at_one, at_point_three, sure = 0, 4, 80  # your guesses: active at γ² = 1, at 0.3; sure: 50 to 100

# %% [markdown]
# ### Try
# We train one VAE for each $\gamma^2$, all at the same time, with eight latents each.

# %%
variances = [1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001]
config = vaelab.TrainConfig(steps=live.budget(1500, fast=150), batch_size=64, lr=2e-3, progress=False, device="cpu")


def vae(variance):
    return recipes.vae((1, 8, 8), 8, hidden=(64,), gamma=variance**0.5)


sweep = vaelab.fit_many(vae, [{"variance": v} for v in variances], images, config).experiments


# %%
def active(experiment):
    """Return the number of latents whose means have a variance above 0.1."""
    return metrics.active_units(metrics.encode(experiment, test).mean.var(0), threshold=0.1)


print("    γ²   active   eigenvalues above γ² (at most 8)")
for v, e in zip(variances, sweep, strict=True):
    print(f"{v:6g} {active(e):7d} {min(8, int((eigenvalues > v).sum())):12d}")
live.check(
    [at_one, at_point_three],
    [active(sweep[0]), active(sweep[2])],
    tolerance=1,
    hint="Count the eigenvalues above γ²; a nonlinear network may activate one more.",
    question="08.at_one",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# At $\gamma^2=1$ no direction of the data reduces the loss by more than its KL costs. Every latent is inactive, and the decoder returns the mean image whatever the input. This is **posterior collapse**, and there is no mistake in the code. As gamma decreases, the latents become active one by one, the directions of largest variance first.
#
# Explore the panel. Each position of the slider is a trained VAE. The rows are data, reconstructions and samples from the prior.
#
# * Start at 1 and decrease gamma: when does the first latent become active?
# * At $\gamma\approx0.03$ ($\gamma^2=0.001$) the reconstructions are best. How good are the samples?

# %%
panel = live.balance_panel(sweep, images)
live.show(panel)

# %% [markdown]
# One parameter serves two opposite goals. A score for the samples confirms this: the Fréchet distance between held-out digits and samples, on the features of a small classifier that was trained on
# the digits. (This is *not* the FID. It compares only the runs in this notebook.)


# %%
def evaluate(experiment):
    """Return the squared error per pixel with sampled z, and the rate in nats, on the held-out images."""
    torch.manual_seed(0)
    results = metrics.evaluate(experiment, test)
    return results["reconstruction_sampled"] / D, results["rate"]


network = classifier(digits)
real = network.features(test)


def sample_score(experiment, n=1000):
    """Return the Fréchet distance of n samples from the held-out digits."""
    torch.manual_seed(0)
    return frechet_distance(real, network.features(experiment.sample(n)))


points = [evaluate(e) for e in sweep]
scores = [sample_score(e) for e in sweep]

# %% tags=["hide-input"]
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.2)
    left, right = figure.subplots(1, 2)
    left.plot(variances, [rate for _, rate in points], "o-", color=plots.Q)
    left.set(xscale="log", xlabel="γ²", ylabel="KL(q‖p), nats", title="rate")
    right.plot(variances, scores, "o-", color=plots.JS)
    right.set(xscale="log", yscale="log", xlabel="γ²", ylabel="Fréchet distance", title="samples: lower is better")
best = variances[scores.index(min(scores))]
live.show(
    figure,
    alt=f"Left: the rate falls from {points[-1][1]:.0f} nats at γ² 0.001 to {points[0][1]:.2f} at 1. "
    f"Right: the Fréchet distance of samples has its minimum at γ² = {best:g}.",
    caption="Left: the rate falls as γ² grows. Right: samples are bad at both ends; a sweep finds the best gamma in between.",
)

# %% [markdown]
# ## 2 · The maximum-likelihood gamma
#
# Finding this minimum takes a sweep over gamma. But the model itself defines a value: gamma is the standard deviation of $x-\hat x$. We therefore look for the gamma that maximizes the likelihood. With
# $\mathrm{mse}=\|x-\hat x\|^2/D$, the squared error per pixel averaged over images,
#
# $$\frac{\partial}{\partial\gamma}\,D\Big(\frac{\mathrm{mse}}{2\gamma^2}+\ln\gamma\Big)=D\,\frac{\gamma^2-\mathrm{mse}}{\gamma^3}=0\iff\gamma^2=\mathrm{mse}.$$
#
# A decoder with this gamma is *calibrated*: the noise that it assumes equals the error that it makes.
#
# ### Predict
# At this gamma, what is $\|x-\hat x\|^2/(2\gamma^2)$, in nats, for an image of $D=64$ pixels? And is the whole reconstruction term, logarithms included, positive or negative at $\mathrm{mse}=0.01$?

# %%
squared_part = 32.0  # your answer, nats

# %%
sign = "negative"  # your answer: "positive" or "negative"

# %%
mse = 0.01
term = D / 2 * (1 + math.log(2 * math.pi * mse))
print(f"D/2 = {D / 2:g};  reconstruction term at its optimum: {term:.1f} nats")
live.check(
    [squared_part, sign],
    [
        float(squared_error.detach().mean() / (2 * squared_error.detach().mean() / D)),
        "negative" if term < 0 else "positive",
    ],
    hint="Substitute γ² = mse. A density may exceed 1, and then -ln p < 0: below mse = 1/(2πe) = 0.0585.",
)

# %% [markdown]
# ### Try
# The error of a VAE depends on the gamma that it was trained with. We therefore plot the curve $\gamma^2\mapsto\mathrm{mse}(\gamma^2)$ and the diagonal. The decoder is calibrated where they **cross**. The function below interpolates between the two neighboring points.


# %%
def crossing_of(errors):
    """Return the γ² at which a curve of errors crosses the diagonal, by interpolation of the logarithms."""
    above = [math.log(e / v) for e, v in zip(errors, variances, strict=True)]
    i = next(k for k, a in enumerate(above) if a > 0)  # the first γ² that is below its own error
    share = above[i - 1] / (above[i - 1] - above[i])
    return variances[i - 1] ** (1 - share) * variances[i] ** share


errors = [error for error, _ in points]
crossing = crossing_of(errors)

# %% tags=["hide-input"]
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.4)
    ax = figure.subplots()
    ax.plot(variances, errors, "o-", color=plots.P, label="error per pixel, z sampled")
    ax.plot(variances, variances, ":", color="black", label="γ²")
    ax.axvline(crossing, color=plots.REFERENCE, lw=0.8)
    ax.set(xscale="log", yscale="log", xlabel="γ²", title=f"the crossing: γ² = {crossing:.4f}")
    ax.legend()
live.show(
    figure,
    alt=f"The squared error rises slowly with γ², from {errors[-1]:.4f} to {errors[0]:.4f}; the diagonal crosses it at {crossing:.4f}.",
    caption="Left of the crossing, γ² is smaller than the error of the decoder; right of it, larger.",
)

# %% [markdown]
# ### Explain
# Right of the crossing, the model assumes more noise than there is, and it discards information. Left of it, the model assumes too little noise. It encodes details at a high rate, in regions of the latent space that the prior hardly samples. The crossing is a
# *fixed point*: train with this fixed $\gamma^2$, measure the error, and it is $\gamma^2$ again.
#
# ### Predict
# The likelihood averages over *sampled* $z$, and so does the curve above, on held-out images. The panel of section 1 decodes the posterior *means* of the *training* images. Does its curve cross the diagonal at a `"smaller"`, a `"larger"` or the `"same"` $\gamma^2$?

# %%
crossing_of_panel, sure = "smaller", 70  # your guess: "smaller", "larger" or "same"; sure: 50 to 100

# %%
pixels = images.float() / 255
at_means = [float((pixels - e.decode(metrics.encode(e, images).mean)).square().mean()) for e in sweep]
panel_crossing = crossing_of(at_means)
print(f"crossing with sampled z, held-out images:   γ² = {crossing:.4f}, γ = {crossing**0.5:.3f}")
print(f"crossing at the means, training images:     γ² = {panel_crossing:.4f}, γ = {panel_crossing**0.5:.3f}")
ratio = panel_crossing / crossing
live.check(
    crossing_of_panel,
    "same" if abs(ratio - 1) < 0.02 else "smaller" if ratio < 1 else "larger",
    hint="Is the reconstruction from the mean better or worse than from a noisy code? Then where is the curve?",
    question="08.crossing_of_panel",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# Without its noise, a code is decoded with a smaller error. The whole curve lies lower, and it crosses the diagonal further to the left. A gamma calibrated there claims an accuracy that the model does not have when it samples $z$. The maximum-likelihood gamma is the one with sampled $z$; state which one you report.
#
# ## 3 · Three ways to calibrate gamma
#
# * **Learned** (Dai & Wipf): $\ln\gamma$ is a parameter with the gradient $D(1-\mathrm{mse}/\gamma^2)$.
# * **Computed** (Asperti & Trentin): no gradient; $\gamma^2$ *is* the running mean of the mse over the most recent minibatches.
# * **Optimum of the batch** (σ-VAE): $\gamma^2$ is the mse of the current batch; the loss becomes $\tfrac D2\ln\mathrm{mse}+\mathrm{KL}$.
#
# The update of a computed gamma takes three lines. We compare them with the package:

# %%
minimum, running_mean = 1.0, 1.0
policy = policies.Computed(start=1.0, rate=0.01)
for mse in (0.3 + 0.1 * torch.rand(500, generator=torch.Generator().manual_seed(0))).tolist():
    running_mean = 0.99 * running_mean + 0.01 * mse
    minimum = min(minimum, running_mean)
    policy.update(torch.tensor(mse), torch.zeros(1))
print(f"yours {minimum:.7f}    vaelab's {float(policy.gamma) ** 2:.7f}")
assert abs(minimum - float(policy.gamma) ** 2) < 1e-6

# %% [markdown]
# ### Predict
# Adam changes every parameter by about its learning rate per step, whatever the size of the gradient. With a learning rate of $10^{-3}$, how many steps does a learned $\ln\gamma$
# need at least to get from $\gamma=1$ to $\gamma=0.1$?

# %%
steps_needed = 2303  # your answer, a number


# %%
def steps_to(end, lr):
    """Count the steps in which Adam moves ln gamma from 0 to a lower value, with a gradient of constant sign."""
    log_gamma = torch.zeros(1)
    optimizer, steps = torch.optim.Adam([log_gamma], lr), 0
    while float(log_gamma) > end:
        log_gamma.grad, steps = torch.ones(1), steps + 1
        optimizer.step()
    return steps


live.check(
    steps_needed,
    steps_to(math.log(0.1), lr=1e-3),
    tolerance=30,
    hint="The distance in ln gamma, divided by the step.",
    hints={900: "That is the distance in gamma; Adam moves ln gamma."},
)

# %% [markdown]
# ### Try
# We train the same VAE four times from the same initial weights. Only the rule for gamma differs. `trace` records three numbers at every step.


# %%
def trace(gamma, steps=2500, beta=1.0):
    """Train, and record γ², the squared error per pixel and the KL at every step."""
    torch.manual_seed(0)
    experiment = recipes.beta_vae((1, 8, 8), 8, beta=beta, hidden=(64,), gamma=gamma)
    path = []
    config = vaelab.TrainConfig(steps=steps, batch_size=64, lr=1e-3, device="cpu")
    for progress in vaelab.train(experiment, images, config):
        now = experiment.objective.likelihood.gamma.logvar.detach().exp()
        path.append(torch.stack([now, progress.terms.mse.detach(), progress.terms.divergence.detach().mean()]))
    return experiment, torch.stack(path).T


runs = {
    "learned": trace(policies.Learned()),
    "learned, 10 × its rate": trace(policies.Learned(lr_scale=10)),
    "computed": trace(policies.Computed()),
    "optimum of the batch": trace(policies.Optimal()),
}
ends = {name: (float(path[0, -100:].mean()), *evaluate(e)) for name, (e, path) in runs.items()}
computed_path = runs["computed"][1][0]
waiting_steps = int((computed_path < 0.999 * computed_path[0]).int().argmax())  # steps before γ² changes

# %% tags=["hide-input"]
styles = dict(zip(runs, ((plots.P, "-"), (plots.P, "--"), (plots.MEAN, "-"), (plots.Q, "-.")), strict=True))
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.4)
    left, right = figure.subplots(1, 2)
    steps = torch.arange(1, 2501)
    every_50 = steps.float().unfold(0, 50, 50).mean(1)
    for name, (_, (variance, error, _)) in runs.items():
        color, line = styles[name]
        left.plot(steps, variance, color=color, linestyle=line, lw=1, label=name)
        right.plot(every_50, error.unfold(0, 50, 50).mean(1), color=color, linestyle=line)
    left.set(xscale="log", yscale="log", xlabel="step", ylabel="γ²", title="γ²")
    right.set(yscale="log", xlabel="step", ylabel="squared error per pixel", title="error, z sampled")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
live.show(
    figure,
    alt="γ² and error against the step for four ways to set gamma. At the end, γ² is "
    + ", ".join(f"{v:.4f} ({name})" for name, (v, *_) in ends.items()),
    caption="The learned gamma falls at the speed of its learning rate. The computed one starts at the data variance, "
    f"stays there for {waiting_steps} steps and then follows the error. The optimum of the batch is small from the first step.",
)

# %%
fall = [f"{1e3 * float(part[0].log() - part[-1].log()) / 499:.2f}" for part in runs["learned"][1][0].split(500)]
print("learned: decrease of ln γ² per step, in thousandths, in five intervals of 500 steps:", ", ".join(fall))
print("at the end                  γ²   error   rate   samples")
for name, (variance, error, rate) in ends.items():
    print(f"{name:22} {variance:7.4f} {error:7.4f} {rate:6.2f} {sample_score(runs[name][0]):9.1f}")

# %% [markdown]
# ### Explain
# Consider the slope of the *learned* curve. At first $\ln\gamma^2$ falls by $2\cdot10^{-3}$ per step, twice the learning rate, whatever the gradient. It slows down as $\mathrm{mse}/\gamma^2$ approaches 1; the printed intervals show this. Until then, the
# weight of the KL is too large. At ten times the learning rate of the network, a learned gamma arrives as early as the others. *Learned against computed* is therefore a comparison of **learning rates** as much as of methods.
#
# The *computed* gamma is not immediate either. An untrained network is worse than the mean image: its first errors exceed the variance of the data and raise the running mean. The minimum keeps $\gamma^2$ at its initial value until
# the mean is below it again.
#
# A run that is further along has a lower error and a higher rate. Its samples are not necessarily better. None of the four ends at the crossing of section 2, which belongs to a *fixed* gamma: where gamma falls during training, the error at equal rate is different. Notebook 09 measures this.
#
# ## 4 · What stays constant
#
# ### Predict
# With a computed gamma the error decreases several-fold. Does the squared term of the loss, $D\,\mathrm{mse}/(2\gamma^2)$, `"fall"` with it or `"stay"`? The *weight* of the KL falls with $\gamma^2$:
# does the *value* of the KL `"fall"` or `"rise"`?

# %%
part, value, sure = "stay", "rise", 70  # your guesses: "stay", "fall" or "rise"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
variance, error, nats = runs["computed"][1]
squares = D * error / (2 * variance)
late = float(squares[-600:].mean()) / (D / 2)
print(f"last quarter: squared term = {late:.3f} · D/2")
live.check(
    [part, value],
    ["stay" if abs(late - 1) < 0.05 else "fall", "rise" if nats[-100:].mean() > nats[50:100].mean() else "fall"],
    hint="γ² is the running mean of the mse, so mse / γ² is about 1.",
    question="08.part",
    sure=sure,
    trained=True,
)

# %% tags=["hide-input"]
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.2)
    left, right = figure.subplots(1, 2)
    for values, color, line, label in (
        (squares, plots.P, "-", "squared error / 2γ²"),
        (nats, plots.Q, "--", "KL(q‖p)"),
    ):
        left.plot(every_50, values.unfold(0, 50, 50).mean(1), color=color, ls=line, label=label)
    left.axhline(D / 2, color="black", ls=":", lw=0.8, label="D/2")
    left.set(xlabel="step", ylabel="nats", ylim=(0, 45), title="the two terms of the loss")
    left.legend(loc="center right")
    right.plot(every_50, error.unfold(0, 50, 50).mean(1), color=plots.P)
    right.set(xlabel="step", ylabel="squared error per pixel", ylim=(0, None), title="the error falls")
live.show(
    figure,
    alt=f"The squared term stays near D/2 = 32 nats ({late:.3f} of it in the last quarter), KL rises to {float(nats[-100:].mean()):.1f} nats, "
    f"while the error falls from {float(error[:20].mean()):.3f} to {float(error[-100:].mean()):.4f}.",
    caption="The squared term stays at half a nat per pixel: this is the balance. The KL grows as its weight falls.",
)

# %% [markdown]
# ### Explain
# $\gamma^2$ is the running mean of the mse, so $\mathrm{mse}/\gamma^2$ is 1 apart from the lag of the mean: while the error falls fast, $\gamma^2$ is still slightly above it. In this sense the balance is *constant*. The
# weight of the KL falls with the error, and the rate rises.
#
# ## 5 · Sum or mean
#
# The most frequent mistake in reimplementations is `loss = mse.mean() / (2 * gamma**2) + kl`, where the error is *averaged* over pixels and the KL is summed over latents.
#
# ### Predict
# By which factor is the KL then too large for the digits?

# %%
factor = 64  # your answer, a number

# %%
averaged = trace(policies.Computed(), steps=800, beta=float(D))[0]  # mean over pixels = KL weighted D times
print(f"mean over pixels: rate {evaluate(averaged)[1]:.4f} nats, {active(averaged)} active latents")
live.check(
    factor,
    float((squared_error.mean() / ((x - x_hat) ** 2).mean()).detach()),
    hint="A mean over pixels is the sum divided by ...",
    hints={8: "That is the side of an image; count all its pixels."},
)

# %% [markdown]
# ### Explain
# The two lines look alike, and the loss falls in both. Only the rate shows that the posterior has collapsed. So always print the two parts of the loss, in nats per image.
#
# ## 6 · Change gamma while a VAE trains
#
# The panel trains a VAE on the digits. Its gamma is fixed at first, and you change it while the training runs. Read the script, enter your predictions, then press **Start**.
#
# 1. Start at $\gamma=0.7$. The training pauses by itself after epoch 20: move gamma to **0.2** and press **Start**. It pauses again after epoch 40: move gamma to **0.05** and press **Start**. Watch the point in the rate-distortion plane.
# 2. Then choose *gamma is: computed* and press **Restart**. At the two pauses press **Start**.
#
# ### Predict
# (a) Each time gamma falls: does the rate `"rise"` or `"fall"`, and does the squared error `"rise"` or `"fall"`? (b) Which of the three gammas is nearest to where the computed gamma ends: 0.7, 0.2 or 0.05?

# %%
rate_will, error_will, sure = "rise", "fall", 80  # your guesses: "rise" or "fall"; sure: 50 to 100
nearest_gamma = 0.2  # your guess: 0.7, 0.2 or 0.05

# %% [markdown]
# ### Try

# %%
steering = live.training_panel(
    data="digits",
    network="mlp 64",
    latent=8,
    divergence="KL(q‖p)",
    policy="fixed",
    gamma=0.7,
    lr=2e-3,
    epochs=60,
    pause_at=(20, 40),
)
live.show(steering)

# %% [markdown]
# Every change that you make is recorded. **Copy as code** writes a cell that repeats your run and ends with the same weights. The next cell is such a replay of the script above. An epoch has 25 steps, so the changes come at steps 500 and 1,000.

# %%
plan = [(500, "gamma", 0.7, 0.2), (1000, "gamma", 0.2, 0.05)]  # step, name, old value, new value
replay_config = vaelab.TrainConfig(epochs=60, batch_size=64, lr=2e-3, device="cpu", progress=False)


def replay(gamma, changes=()):
    """Train the VAE of the panel; return it and the history of its epochs."""
    torch.manual_seed(0)
    experiment = recipes.beta_vae((1, 8, 8), 8, beta=1.0, hidden=(64,), gamma=gamma)
    return experiment, vaelab.fit(experiment, images, replay_config, interventions=vaelab.Interventions(changes))


_, history = replay(0.7, plan)
calibrated, _ = replay("computed")
end = float(calibrated.objective.likelihood.gamma.gamma)
rates, errors_at = ([history[name][epoch] for epoch in (19, 39, 59)] for name in ("divergence", "mse"))
for gamma, rate, error in zip((0.7, 0.2, 0.05), rates, errors_at, strict=True):
    print(f"fixed at {gamma:4}: rate {rate:6.2f} nats, error per pixel {error:.4f}, its root {error**0.5:.3f}")
print(f"computed: gamma ends at {end:.3f}")

# %%
live.check(
    [rate_will, error_will, nearest_gamma],
    [
        "rise" if rates[0] < rates[1] < rates[2] else "fall",
        "fall" if errors_at[0] > errors_at[1] > errors_at[2] else "rise",
        min((0.7, 0.2, 0.05), key=lambda gamma: abs(math.log(gamma / end))),
    ],
    hint="γ² is the weight of the KL. A computed gamma ends at the root of its error: read that column.",
    question="08.rate_will",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# At $\gamma=0.7$ the weight of the KL is 0.49, and nearly every latent is inactive. Each decrease of gamma makes information cheaper: the point moves to the right (more rate) and down (less error). At 0.05 the decoder claims to be more accurate than it is; at 0.7 it claims far less than it could achieve. The computed gamma stops where the claim is true.
#
# ## Exercises
#
# **1.** A learned gamma starts at 1, the crossing is at $\gamma^2=0.005$, and the learning rate is $10^{-4}$. How many steps does it need at least to get there?

# %%
arrival = 0.5 * math.log(1 / 0.005) / 1e-4  # your answer, a number of steps

# %%
live.check(
    arrival,
    steps_to(0.5 * math.log(0.005), lr=1e-4),
    tolerance=30,
    hint="ln γ is half of ln γ².",
    hints={lambda a: abs(a - 52983) < 60: "That is the distance in ln γ²; the parameter is ln γ."},
)

# %% [markdown]
# **2.** A running mean with rate 0.01 starts at 1 while the true error is 0.02. After how many steps is it below 0.04? (The same holds for a computed gamma that starts at 1. This is the
# reason to start it at the data variance.)

# %%
n_steps = math.ceil(math.log((0.04 - 0.02) / (1 - 0.02)) / math.log(0.99))  # your answer, a number of steps

# %%
running, steps_until = 1.0, 0
while running >= 0.04:
    running, steps_until = 0.99 * running + 0.01 * 0.02, steps_until + 1
live.check(n_steps, steps_until, tolerance=1, hint="The distance to 0.02 falls by a factor of 0.99 per step.")

# %% [markdown]
# **3.** A library uses $\tfrac{1}{2}\big(\mathrm{mse}/\gamma^2+\ln\gamma\big)$, where $\ln\gamma$ has a spurious factor of one half. Where is the optimum of this expression for $\mathrm{mse}=0.01$?

# %%
wrong_variance = 0.02  # your answer: γ² at the minimum of mse/(2γ²) + ½ ln γ

# %%
candidates = torch.linspace(0.005, 0.05, 4501, dtype=torch.float64)
lowest = float(candidates[(0.01 / (2 * candidates) + 0.25 * candidates.log()).argmin()])
live.check(
    wrong_variance,
    lowest,
    tolerance=1e-4,
    hint="Differentiate with respect to gamma, and solve for γ².",
    hints={0.01: "That is the optimum with the right logarithm."},
)

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("08")

# %% [markdown]
# ## Recap
# 1. $\gamma^2$ is the weight of the KL. A latent becomes active where the variance of the data exceeds it. At $\gamma^2=1$, small images lead to posterior collapse without any mistake.
# 2. The maximum-likelihood gamma is the root of the squared error with sampled $z$. For fixed gammas it is the crossing of the error curve with the diagonal; errors at the posterior mean cross too early.
# 3. A learned gamma moves at the speed of its learning rate. A computed one waits until the error is below the data variance, then follows it.
# 4. A calibrated gamma keeps the squared term at half a nat per pixel while the rate rises. A mean in place of a sum multiplies the KL by $D$, and a spurious factor at $\ln\gamma$ moves the optimum.
# 5. When gamma falls during training, the rate rises and the error falls. A computed gamma stops where it equals the error.
#
# ## References
# 1. A. Asperti, M. Trentin (2020). *Balancing Reconstruction Error and Kullback-Leibler Divergence in Variational Autoencoders.* IEEE Access 8. arXiv 2002.07514.
# 2. B. Dai, D. Wipf (2019). *Diagnosing and Enhancing VAE Models.* ICLR. arXiv 1903.05789.
# 3. O. Rybkin, K. Daniilidis, S. Levine (2021). *Simple and Effective VAE Training with Calibrated Decoders.* ICML. (The optimum of the batch.)
