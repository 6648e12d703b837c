# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 03 · Train it yourself
#
# **Question.** A VAE is training, and you may change its divergence and the variance of its decoder while it trains. What happens to the codes?
#
# **You will be able to**
# 1. train a VAE, change alpha and gamma while it trains, and read rate, distortion and latent plane at the same time;
# 2. predict what a larger alpha does to the primed geometric JS, and why both parts get worse;
# 3. predict what gamma does, in either direction, and where a computed gamma ends;
# 4. compare a change with a control, and replay a run bit for bit.
#
# **Time** about 45 minutes. **You need** notebook [02 · From one KL to the other](02_divergence_interpolation.ipynb).
# **Symbols** are those of the [table of notation](00_start_here.ipynb#Notation).
#
# Here you move the sliders of a panel while it trains. It is easy to see effects that are not there, so every prediction is then checked by a
# **replay**: the same training, with the same changes at the same steps, run without the panel, beside a **control** without the changes.

# %%
import math

import torch

import vaelab
from vaelab import live, metrics, plots, recipes

data = vaelab.load("mnist-mini")
test_set = vaelab.load("mnist-mini", "test")
test, labels = test_set.images[:1000], test_set.labels[:1000]
EPOCH = live.budget(len(data.images) // 64, fast=5)  # steps of one epoch, with full batches of 64 images
print(f"{len(data.images)} images, {EPOCH} steps per epoch")

# %% [markdown]
# ## 1 · The model, its two parameters, and a replay
#
# The decoder is Gaussian, $p(x|z)=\mathcal N(\hat x(z),\gamma^2I)$, and the divergence is the primed geometric JS of notebook 02. For an image of $D$ pixels the loss is
#
# $$\frac{\|x-\hat x\|^2}{2\gamma^2}+D\ln\gamma+\mathrm{JS}^{G_{1-\alpha}}(q\|p)+\text{constant}.$$
#
# * **alpha** selects the divergence: $\mathrm{KL}(q\|p)$ at $\alpha=0$, $\mathrm{KL}(p\|q)$ at $\alpha=1$.
# * **gamma** is the standard deviation of the decoder. Multiply the loss by $2\gamma^2$: up to a constant it becomes
#   $\|x-\hat x\|^2+2\gamma^2\,\mathrm{JS}$. So **one nat of divergence costs $2\gamma^2$ of squared error**, and training spends a nat only where it lowers the error by more than that.
#
# ### Predict
# How much squared error must a nat save at $\gamma=0.7$? And at $\gamma=0.05$?

# %%
prices = [2 * 0.7**2, 2 * 0.05**2]  # your answers, two numbers


# %%
def error_of_a_nat(gamma):
    """Return the squared error that adds one nat to the negative log-likelihood of a decoder."""
    density = torch.distributions.Normal(0.0, gamma)
    return 1 / float(density.log_prob(torch.tensor(0.0)) - density.log_prob(torch.tensor(1.0)))


live.check(
    prices,
    [error_of_a_nat(0.7), error_of_a_nat(0.05)],
    tolerance=1e-3,
    hint="One nat costs twice the variance of the decoder.",
    hints={
        (1, 0.7**2): "That is the variance; look at the factor in front of the divergence.",
        (1, 1.4): "That is twice gamma; gamma is a standard deviation.",
    },
)

# %% [markdown]
# ### Try
# `replay` trains with planned changes; each is (step, name, old value, new value), as the panel records them. After every epoch it measures three numbers on
# test images:
#
# * the **rate** $\mathrm{KL}(q\|p)$ in nats, whichever divergence is trained;
# * the **distortion**, the squared error of an image with a *sampled* code. This is what the loss contains;
# * the **spread**, the standard deviation of the posterior means: how much of the latent plane the codes fill.


# %%
def measure(experiment):
    """Compute rate (nats), distortion (squared error per image) and spread of the means on test images."""
    torch.manual_seed(0)
    with torch.no_grad():
        results = metrics.evaluate(experiment, test)
        spread = metrics.encode(experiment, test).mean.var(0).mean().sqrt()
    return {"rate": results["rate"], "distortion": results["reconstruction_sampled"], "spread": float(spread)}


def replay(changes=(), *, alpha=0.1, gamma=0.2, epochs=12):
    """Train with planned changes; return the experiment, its history, and the measures after each epoch."""
    torch.manual_seed(0)
    experiment = recipes.gjs_vae((1, 28, 28), 2, alpha=alpha, hidden=(64,), gamma=gamma)
    config = vaelab.TrainConfig(steps=epochs * EPOCH, batch_size=64, lr=1e-3, device="cpu", progress=False)
    plan, rows = vaelab.Interventions(changes), []
    for progress in vaelab.train(experiment, data, config, interventions=plan):
        if progress.step % EPOCH == 0:
            rows.append(measure(experiment))
    return experiment, progress.history, rows


# %%
def compare(runs):
    """Print the last measures of some runs."""
    print(f"{'':24}   rate   distortion   spread")
    for name, (_, _, rows) in runs.items():
        print(f"{name:24} {rows[-1]['rate']:6.1f} {rows[-1]['distortion']:12.2f} {rows[-1]['spread']:8.2f}")


control = replay()
compare({"alpha 0.1, gamma 0.2": control})

# %% [markdown]
# ### Explain
# That was the control: nothing changed for twelve epochs. A single final number says little, since *every* number still moves while a VAE trains. Each change
# below is therefore compared with a control that has the same seed, the same batches and the same number of steps.
#
# ## 2 · Turn alpha
#
# ### Predict
# After five epochs, $\alpha$ jumps from 0.1 to 0.9, close to $\mathrm{KL}(p\|q)$. Recall notebook 02: that divergence covers $p$, and grows without bound when $q$ is
# *narrow*. After seven more epochs, and compared with the control: is the rate `"higher"` or `"lower"`, the distortion `"higher"` or `"lower"`, and the spread
# of the codes `"wider"` or `"narrower"`?

# %%
alpha_effects, sure = (
    ["higher", "higher", "wider"],
    70,
)  # your guesses, "higher" or "lower", "wider" or "narrower"; sure: 50 to 100

# %% [markdown]
# ### Try
# First with the sliders. The script:
#
# 1. Run the cell and press **Start**. The line below the buttons shows the step; an epoch has 156 steps.
# 2. At step 780, after five epochs, the training pauses by itself. Note the rate and the squared error, which the panel measures with sampled codes.
# 3. Move **skew α** to 0.9: click the slider and hold the right arrow key. The panel says that the change waits for the next step.
# 4. Press **Start** to continue. The training pauses again after epoch 12, where the replay below ends. In which direction did each number change? Look at the latent plane, too.
# 5. Move $\alpha$ back to 0.1, press **Start**, and see which of the changes are undone.
#
# Without a kernel you see a filmstrip of a finished training.

# %%
alpha_panel = live.training_panel(data="mnist-mini", divergence="JS", alpha=0.1, latent=2, epochs=100, pause_at=(5, 12))
live.show(alpha_panel)

# %% [markdown]
# Now the replay, with the change exactly after epoch 5.

# %%
turned = replay([(5 * EPOCH, "alpha", 0.1, 0.9)])
compare({"control, alpha 0.1": control, "alpha 0.1 -> 0.9": turned})


# %%
def compared(name, run, other, words=("higher", "lower")):
    """Return in which direction the last measure of a run differs from that of another."""
    return words[0] if run[2][-1][name] > other[2][-1][name] else words[1]


live.check(
    alpha_effects,
    [
        compared("rate", turned, control),
        compared("distortion", turned, control),
        compared("spread", turned, control, ("wider", "narrower")),
    ],
    hint="Narrow posteriors are now expensive. What does wide noise do to the reconstruction, and how can the means escape it?",
    question="03.alpha_effects",
    sure=sure,
    trained=True,
)


# %% tags=["hide-input"]
def draw_planes(runs):
    """Draw the latent planes of some runs at one scale, with about a hundred posteriors as ellipses."""
    posteriors = {name: metrics.encode(run[0], test) for name, run in runs.items()}
    reach = max(float(q.mean.abs().quantile(0.99)) for q in posteriors.values())
    with plots.style("notebook"):
        figure = plots.new_figure(9, 4.4)
        for ax, (name, q) in zip(figure.subplots(1, len(runs)), posteriors.items(), strict=True):
            plots.latent_plane(ax, q.mean, labels, (0.5 * q.logvar).exp())
            plots.circles(ax, (0.0, 0.0), 1.0, "black")
            ax.set(title=name, aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
    return figure


spreads = [run[2][-1]["spread"] for run in (control, turned)]
widths = [float((0.5 * metrics.encode(run[0], test).logvar).exp().mean()) for run in (control, turned)]
live.show(
    draw_planes({"control, α = 0.1": control, "α = 0.1, then 0.9": turned}),
    alt=f"Two latent planes at one scale. In the control the means have spread {spreads[0]:.1f} and mean sigma {widths[0]:.2f}; "
    f"after the change of alpha the spread is {spreads[1]:.1f} and the mean sigma {widths[1]:.2f}, with much larger ellipses.",
    caption="Posterior means of test images and some posteriors as ellipses. Black circles: one and two standard deviations of the prior.",
)

# %% [markdown]
# ### Explain
# Close to $\mathrm{KL}(p\|q)$ a narrow posterior is expensive: the divergence contains a term that grows like $1/\sigma^2$. So the posteriors become wide (the ellipses), and
# wide noise in the code blurs the reconstruction: the distortion is **higher**. To keep the digits apart in spite of the noise, the means move outward, far beyond the prior:
# the spread is **wider**. And a mean far from the prior costs many nats of $\mathrm{KL}(q\|p)$, about $\tfrac12\mu^2$: the rate is **higher**. So this change makes rate *and*
# distortion worse. (In the panel the squared error soon falls again, since a VAE that trains improves. Only the control shows that it stays too high.) Notebook 05 compares divergences at equal rate.
#
# What does it mean for new images? Samples from the prior lie within two or three units of the center. Move the sliders below from the center outward, through the plane of the VAE with the
# changed alpha. Which digits would samples from the prior hardly ever show?

# %%
explorer = live.latent_panel(turned[0], test, labels)
live.show(explorer)

# %% [markdown]
# ## 3 · Turn gamma
#
# ### Predict
# Start at $\gamma=0.7$, where a nat is expensive, and go to 0.2 after four epochs and to 0.05 after eight. Compared with a control that stays at 0.7: is the final rate
# `"higher"` or `"lower"`? And the distortion?

# %%
gamma_effects, sure = ["higher", "lower"], 80  # your guesses, "higher" or "lower": rate, distortion; sure: 50 to 100

# %% [markdown]
# ### Try
# This panel starts at $\gamma=0.7$ and pauses after epochs 4, 8 and 12. At the first pause move gamma to 0.2, at the second to 0.05, and press **Start** each time.
# At the third, where the replay below ends, move it back up to 0.7 and press **Start**: the codes contract.

# %%
gamma_panel = live.training_panel(
    data="mnist-mini", divergence="JS", alpha=0.1, latent=2, gamma=0.7, epochs=100, pause_at=(4, 8, 12)
)
live.show(gamma_panel)

# %%
large_gamma = replay(gamma=0.7)
smaller = replay([(4 * EPOCH, "gamma", 0.7, 0.2), (8 * EPOCH, "gamma", 0.2, 0.05)], gamma=0.7)
compare({"control, gamma 0.7": large_gamma, "gamma 0.7, 0.2, 0.05": smaller})
live.check(
    gamma_effects,
    [compared(name, smaller, large_gamma) for name in ("rate", "distortion")],
    hint="Which part of the loss becomes cheaper as gamma falls?",
    question="03.gamma_effects",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# A smaller $\gamma$ makes a nat cheaper, so the VAE uses more of them: the rate rises, and the distortion falls. It moves *along* a trade-off, and not off it as with $\alpha$.
#
# But how small should $\gamma$ be? The loss contains the term $D\ln\gamma$ and decides this too. For a fixed error it is smallest where its derivative with respect to $\gamma$ is zero,
#
# $$-\frac{\|x-\hat x\|^2}{\gamma^3}+\frac D\gamma=0\quad\Longrightarrow\quad\gamma^2=\frac{\|x-\hat x\|^2}{D}=\mathrm{mse}.$$
#
# A **computed** gamma sets $\gamma^2$ to a running mean of the squared error per pixel. Notebook 08 is about this choice.
#
# ### Predict
# Near which of the three values will the computed gamma end, `0.7`, `0.2` or `0.05`? (The distortion is printed above; an image has 784 pixels.)

# %%
computed_gamma, sure = 0.2, 70  # your guess: 0.7, 0.2 or 0.05; sure: 50 to 100

# %% [markdown]
# ### Try
# In the panel, select **gamma is: computed** and press **Restart**. The slider of gamma is now disabled, and says why.

# %%
automatic = replay(gamma="computed")
end = float(automatic[0].objective.likelihood.gamma.gamma)
compare({"gamma computed": automatic})
print(f"gamma at the end: {end:.3f}")
live.check(
    computed_gamma,
    min((0.7, 0.2, 0.05), key=lambda value: abs(math.log(value / end))),
    hint="Divide the distortion by 784 and take the root.",
    question="03.computed_gamma",
    sure=sure,
    trained=True,
)

# %% [markdown]
# ### Explain
# The square of the computed gamma follows the error per pixel. It does not fall to 0.05, because this decoder does not reach so small an error. It is not the gamma with the lowest
# distortion, but the one at which the decoder's variance equals the variance of its errors.
#
# ## 4 · Both
#
# ### Predict
# Turn $\alpha$ from 0.1 to 0.9 after four epochs, and $\gamma$ from 0.2 to 0.05 after eight. Gamma alone lowers the distortion; $\alpha$ alone raises it. (a) Is the final distortion
# `"higher"` or `"lower"` than that of the control ($\alpha=0.1$, $\gamma=0.2$ throughout)? (b) Does the run of section 3 ($\alpha=0.1$, gamma 0.7, 0.2, 0.05) have a lower rate *and* a lower distortion
# than this one, `"yes"` or `"no"`?

# %%
both_effects, sure = ["lower", "yes"], 60  # your guesses: "higher" or "lower", "yes" or "no"; sure: 50 to 100

# %% [markdown]
# ### Try
# Do it in the panel of section 2 first: Restart, then two changes. Then the replay.

# %%
both = replay([(4 * EPOCH, "alpha", 0.1, 0.9), (8 * EPOCH, "gamma", 0.2, 0.05)])
compare({"control": control, "only α": turned, "only γ, from 0.7": smaller, "both": both})
dominated = all(smaller[2][-1][name] < both[2][-1][name] for name in ("rate", "distortion"))
live.check(
    both_effects,
    [compared("distortion", both, control), "yes" if dominated else "no"],
    hint="Compare the last row of the table with the first, and then with the third.",
    question="03.both_effects",
    sure=sure,
    trained=True,
)

# %% tags=["hide-input"]
paths = {
    "control": (control, plots.REFERENCE, "o-"),
    "only α": (turned, plots.JS, "s-"),
    "only γ, from 0.7": (smaller, plots.MEAN, "^-"),
    "both": (both, plots.P, "D-"),
}
with plots.style("notebook"):
    figure = plots.new_figure(8, 4)
    ax = figure.subplots()
    for name, ((_, _, rows), color, marker) in paths.items():
        rates, distortions = ([row[part] for row in rows[2:]] for part in ("rate", "distortion"))
        ax.plot(rates, distortions, marker, color=color, markersize=3, label=name)
        ax.plot(rates[-1], distortions[-1], marker[0], color=color, markersize=9)
    ax.set(xlabel="rate KL(q‖p), nats", ylabel="distortion\n(squared error per image)")
    ax.legend()

# %% tags=["hide-input"]
ends = "; ".join(
    f"{name} ends at rate {run[2][-1]['rate']:.1f} and distortion {run[2][-1]['distortion']:.1f}"
    for name, (run, _, _) in paths.items()
)
live.show(
    figure,
    alt=f"Four paths through the plane of rate and distortion, from epoch 3 to 12: {ends}.",
    caption="Paths through the rate-distortion plane, one dot per epoch from the third on; large: the end. Down and to the left is better.",
)

# %% [markdown]
# ### Explain
# The smaller gamma makes the error so expensive that the posteriors become narrower again in spite of $\alpha$, and the distortion falls below that of the control. The cost is a
# higher rate. The run with $\alpha=0.1$ has a lower distortion at a lower rate. So one change does not undo the other: **gamma moves a VAE along the trade-off, and a large alpha
# moves it away from the best trade-off.**
#
# ## 5 · Replay your own run
#
# A result is worth little if nobody can repeat it, and moving a slider by hand is hard to repeat. The panel records each change with its step; **Copy as code** copies a cell that trains the same VAE again. In Python,
# `history.interventions` is the record, and `history.replay()` makes a plan of it.
#
# ### Predict
# Train the last run again from its record. Are the weights `"close"`, equal to some digits, or `"identical"`, equal in every bit?

# %%
weights_are, sure = "identical", 75  # your guess: "close" or "identical"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
first, history, _ = both
for change in history.interventions:
    print(tuple(change))
second, _, _ = replay(history.interventions)
pairs = list(zip(first.state_dict().values(), second.state_dict().values(), strict=True))
live.check(
    weights_are,
    "identical" if all(torch.equal(a, b) for a, b in pairs) else "close",
    hint="The seed fixes the initial weights, the batches and the samples; the record fixes the changes.",
    question="03.weights_are",
    sure=sure,
)

# %% [markdown]
# ### Explain
# On one machine the same operations on the same numbers give the same bits. Another processor or another version of torch may round differently, and then the runs are merely close.
# Press **Copy as code** in a panel that you have used, and paste the code into the cell below.

# %%
print(alpha_panel.code)

# %% [markdown]
# ## Exercises
#
# **1.** Turn $\alpha$ to 0.9 after four epochs, and back to 0.1 after eight. At the end, is the rate closer to that of the `"control"`, or to that of the run that stayed at 0.9 (`"turned"`)?

# %%
back = replay([(4 * EPOCH, "alpha", 0.1, 0.9), (8 * EPOCH, "alpha", 0.9, 0.1)])
compare({"control": control, "stayed at 0.9": turned, "and back": back})

# %%
closer_to = "control"  # your answer: "control" or "turned"

# %%
distances = {
    name: abs(math.log(back[2][-1]["rate"] / run[2][-1]["rate"]))
    for name, run in (("control", control), ("turned", turned))
}
live.check(
    closer_to,
    min(distances, key=distances.get),
    hint="Compare the three rates in the table.",
    trained=True,
)

# %% [markdown]
# **2.** Raise $\gamma$ from 0.2 to 2 after four epochs. How much squared error must a nat save now? Compared with the control, is the rate at the end `"higher"` or
# `"lower"`, and is the spread `"wider"` or `"narrower"`?

# %%
wide_decoder = replay([(4 * EPOCH, "gamma", 0.2, 2.0)])
compare({"control": control, "gamma 0.2 -> 2": wide_decoder})

# %%
large_gamma_effects = [8, "lower", "narrower"]  # your answers: a number, "higher" or "lower", "wider" or "narrower"

# %%
live.check(
    large_gamma_effects,
    [
        error_of_a_nat(2.0),
        compared("rate", wide_decoder, control),
        compared("spread", wide_decoder, control, ("wider", "narrower")),
    ],
    hint="One nat costs twice the variance of the decoder. What is no longer worth its price?",
    hints={(1, 4): "That is the variance; a nat costs twice as much."},
    trained=True,
)

# %% [markdown]
# **3.** The computed gamma above ended at a certain value. From the distortion of that run, compute the value at which $\gamma^2=\mathrm{mse}$ holds exactly.

# %%
from_error = math.sqrt(automatic[2][-1]["distortion"] / 784)  # your answer, a number

# %%
live.check(
    from_error,
    end,
    tolerance=0.01,
    hint="Divide the distortion by the number of pixels, and take the root.",
    hints={lambda a: abs(a - end**2) < 0.005: "That is the mean squared error; take its root."},
    trained=True,
)

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("03")

# %% [markdown]
# ## Recap
# 1. Alpha selects the divergence, gamma the weight of the KL: one nat costs as much as $2\gamma^2$ of squared error. The panel shows rate, distortion and latent plane while both change.
# 2. Close to $\mathrm{KL}(p\|q)$, posteriors become wide and means move far out: higher rate *and* higher distortion.
# 3. A smaller gamma raises the rate and lowers the distortion. A computed gamma ends where $\gamma^2$ is the squared error per pixel.
# 4. Compare a change with a control that has the same seed. A recorded run can be replayed, on one machine bit for bit.
#
# ## References
# 1. J. Deasy, N. Simidjievski, P. Liò (2020). *Constraining Variational Inference with Geometric Jensen-Shannon Divergence.* NeurIPS. arXiv 2006.10599.
# 2. A. Asperti, M. Trentin (2020). *Balancing Reconstruction Error and Kullback-Leibler Divergence in Variational Autoencoders.* IEEE Access. doi:10.1109/ACCESS.2020.3034828.
# 3. A. Alemi et al. (2018). *Fixing a Broken ELBO.* ICML. arXiv 1711.00464. (The rate-distortion plane.)
