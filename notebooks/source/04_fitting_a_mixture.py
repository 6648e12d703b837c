# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 04 · Fitting a mixture
#
# **Question.** A single Gaussian must approximate a target with two clusters. Which Gaussian is *nearest*, and how does that depend on the divergence?
#
# **You will be able to**
# 1. fit a Gaussian to any density under any divergence, and predict where each KL will place it;
# 2. move with $\alpha$ from mode seeking to mass covering, and state the direction in which the dual moves;
# 3. explain, from its two minima, why the dual *jumps* at small $\alpha$;
# 4. find mistakes in published code with identities.
#
# **Time** about 70 minutes. **You need** notebook [02 · From one KL to the other](02_divergence_interpolation.ipynb).
# **Symbols** are those of the [table of notation](00_start_here.ipynb#Notation).
#
# The target $p$ is a mixture of ten isotropic Gaussians in the plane, the default of the script for figure 2 of Deasy et al. (2020). The model is
# $q=\mathcal N(m,\sigma^2 I)$ with three parameters, the two entries of the mean $m$ and $\sigma$. Every integral below is computed on a grid, so the results contain no sampling noise.

# %%
import math

import torch

import vaelab
from vaelab import live, plots, quadrature
from vaelab.divergences.fitting import fit, mixture

target = mixture(seed=22)
grid = quadrature.plane(-14.0, 14.0, 141)
log_p = target.log_prob(grid.points)
print(f"mass of p on the grid: {float(grid.integrate(log_p.exp())):.8f}")
print("components with the largest weights:")
for i in target.mixture_distribution.probs.argsort(descending=True)[:4]:
    x, y = target.component_distribution.mean[i].tolist()
    print(f"  weight {float(target.mixture_distribution.probs[i]):.3f} at ({x:5.2f}, {y:5.2f})")

# %% [markdown]
# Three of these four components form one cluster below the origin; the fourth is isolated above it. Below we call them the *lower* and the *upper* cluster.
#
# ## 1 · Two meanings of nearest
#
# $$\mathrm{KL}(q\|p)=\mathbb E_q[\ln q-\ln p],\qquad \mathrm{KL}(p\|q)=\mathbb E_p[\ln p-\ln q].$$
#
# The second divergence can be minimized by hand. Only its term $-\mathbb E_p\ln q$ depends on $q$. For $q=\mathcal N(m,\sigma^2I)$ in $d$ dimensions it is
#
# $$-\mathbb E_p\ln q=\tfrac d2\ln(2\pi\sigma^2)+\frac{\mathbb E_p\|z-m\|^2}{2\sigma^2},$$
#
# a quadratic function of $m$ with its minimum at $m=\mathbb E_p z$. Set its derivative with respect to $\sigma$ to zero, and $\sigma^2=\tfrac1d\,\mathbb E_p\|z-\mathbb E_pz\|^2$. The best $q$
# has the mean of $p$, and the average of its marginal variances. This direction **matches moments**, whatever the shape of $p$.
#
# ### Predict
# (a) Where will $\mathrm{KL}(q\|p)$ place its Gaussian: on the `"lower"` cluster, on the `"upper"` one, or over `"both"`?
# (b) Moment matching gives the standard deviation of the $q$ that minimizes $\mathrm{KL}(p\|q)$ without any optimizer. Which
# property of $p$ do you need, and how large is $\sigma$? (`target.variance` is a tensor with the two marginal variances of $p$.)

# %%
cluster, sure = "lower", 80  # your guess: "lower", "upper" or "both"; sure: 50 to 100
sigma = float(target.variance.mean().sqrt())  # your answer to (b), a number

# %% [markdown]
# ### Try
# `fit` minimizes the divergence by L-BFGS on the grid, starting at the moments of $p$. It uses the primed geometric JS, whose limits are the two KLs.

# %%
(fit_qp, *_), (fit_pq, *_) = fit(target, "primed", 0.0), fit(target, "primed", 1.0)
for name, best in (("KL(q‖p)", fit_qp), ("KL(p‖q)", fit_pq)):
    print(f"{name}: {best.value:.6f} nats at mean ({best.mean[0]:.4f}, {best.mean[1]:.4f}), sigma {best.std:.4f}")
where = "both" if fit_qp.std > 1.2 else "lower" if math.hypot(fit_qp.mean[0], fit_qp.mean[1] + 1.1) < 1 else "upper"
live.check(
    [cluster, sigma],
    [where, fit_pq.std],
    tolerance=1e-3,
    hints={
        (1, "upper"): "The upper cluster has less mass; where does the descent from the moments of p end?",
        (1, "both"): "That is KL(p‖q): q is penalized here only where it has mass itself.",
        (2, float(target.variance.mean())): "That is the variance; take its root.",
        (2, float(target.variance.sum().sqrt())): "Average the two marginal variances, do not add them.",
    },
    hint="(a) q is penalized only where it has mass itself. (b) Average the two marginal variances, then take the root.",
    question="04.cluster",
    sure=sure,
)

# %% tags=["hide-input"]
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.6)
    axis = torch.linspace(-5, 5, 121, dtype=torch.float64)
    points = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
    density = target.log_prob(points).exp()
    for ax, name, best, color in zip(
        figure.subplots(1, 2), ("KL(q‖p) seeks", "KL(p‖q) covers"), (fit_qp, fit_pq), (plots.Q, plots.P), strict=True
    ):
        ax.contourf(
            axis, axis, density, levels=torch.linspace(0.003, float(density.max()), 9), cmap="Grays", extend="max"
        )
        plots.circles(ax, best.mean, best.std, color)
        ax.set(title=name, aspect="equal", xticks=[-4, 0, 4], yticks=[-4, 0, 4])
live.show(
    figure,
    alt=f"The target has a large cluster below and a small one above. The minimizer of KL(q‖p) covers only the lower one, with sigma {fit_qp.std:.2f}; "
    f"that of KL(p‖q) is a wide disk of sigma {fit_pq.std:.2f} over both.",
    caption="Gray: the target p. Circles: one and two standard deviations of the nearest Gaussian under each KL.",
)

# %% [markdown]
# ### Explain
# $\mathrm{KL}(q\|p)$ penalizes points where $q$ has mass and $p$ has none. So $q$ stays inside one cluster and *ignores* the other one: **mode seeking**.
#
# $\mathrm{KL}(p\|q)$ penalizes points where $p$ has mass and $q$ has none. So $q$ must cover all of $p$, and with it the region between the clusters, where $p$ has no mass: **mass covering**.
#
# The loss of the ordinary VAE contains the first one.
#
# ## 2 · Between the two
#
# $$\mathrm{JS}^{G_{1-\alpha}}=(1-\alpha)\,\mathrm{KL}(q\|G)+\alpha\,\mathrm{KL}(p\|G),\qquad G\propto q^{\alpha}\,p^{1-\alpha}.$$
#
# (At $\alpha=0$, $G=p$; at $\alpha=1$, $G=q$.) Here $p$ is not a Gaussian, so there is no closed form. On a grid, the definition is enough:


# %%
def log_gaussian(mean, std):
    """Return ln q on the grid."""
    squares = ((grid.points - torch.tensor(mean, dtype=torch.float64)) ** 2).sum(1)
    return -squares / (2 * std**2) - math.log(2 * math.pi * std**2)


def kl(log_a, log_b):
    """Compute ∫ a (ln a - ln b) from log densities on the grid."""
    return float(grid.integrate(log_a.exp() * (log_a - log_b)))


def geometric_js(log_q, alpha, dual=False):
    """Compute the primed divergence between q and the target from its definition."""
    log_g = alpha * log_q + (1 - alpha) * log_p
    log_g = log_g - torch.log(grid.integrate(log_g.exp()))  # minus ln Z
    if dual:
        return (1 - alpha) * kl(log_g, log_q) + alpha * kl(log_g, log_p)
    return (1 - alpha) * kl(log_q, log_g) + alpha * kl(log_p, log_g)


# %%
test_q = log_gaussian([0.5, -0.5], 1.1)
print("alpha      yours      vaelab's")
for alpha in (0.1, 0.5, 0.9):
    for dual in (False, True):
        mine = geometric_js(test_q, alpha, dual)
        package = float(quadrature.geometric_js(lambda z: test_q, lambda z: log_p, alpha, grid, dual=dual))
        print(f"{alpha:5} {mine:12.8f} {package:12.8f}   {'dual' if dual else ''}")
        assert abs(mine - package) < 1e-6

# %% [markdown]
# ### Predict
# Let $\alpha$ grow from 0 to 1 in the primed divergence. The fitted $\sigma$ starts and ends at the values of section 1, narrow (mode seeking) and wide (mass covering). Is the fit at $\alpha=1$ the **widest** of all?

# %%
widest_at_one, sure = "no", 70  # your guess: "yes" or "no"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
primed = {a: fit(target, "primed", a)[0] for a in (0.0, 0.05, 0.25, 0.5, 0.75, 0.85, 1.0)}
for a, best in primed.items():
    print(f"α = {a:4}:  sigma {best.std:.4f}   mean ({best.mean[0]:.3f}, {best.mean[1]:.3f})")
live.check(
    widest_at_one,
    "yes" if max(primed, key=lambda a: primed[a].std) == 1 else "no",
    hint="Compare sigma at 0.75, 0.85 and 1.",
    question="04.widest_at_one",
    sure=sure,
)

# %% [markdown]
# ### Explain
# An interpolation of *divergences* does not interpolate their *minimizers*. Between the limits, $G$ is not the target: it averages the logarithms of target and model. For $\alpha$ near
# 0.85, $G$ is nearly $q$ itself, shifted slightly toward $p$, and the fitted $q$ becomes wider than the moments of $p$.
#
# The next figure shows all the fits, each obtained by descent from the moments of $p$. The second row is the dual, which goes in the opposite direction. The dotted branch is the
# subject of the next section.

# %%
levels = torch.linspace(0.003, float(density.max()), 9)
columns = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
alphas = sorted({*columns, 0.04, 0.08, 0.12, 0.14, 0.16, *(a / 10 for a in range(11))})
fits = {(family, a): fit(target, family, a) for family in ("primed", "primed dual") for a in alphas}
COLORS = {"primed": plots.JS, "primed dual": plots.DUAL}


# %% tags=["hide-input"]
def draw_circles(rows):
    """Draw the fits at some alphas as circles over the target, one row per family; dotted: a lower minimum."""
    for row, (family, color) in zip(rows, COLORS.items(), strict=True):
        row[0].set_ylabel(family, color=color)
        for axes, a in zip(row, columns, strict=True):
            axes.contourf(axis, axis, density, levels=levels, cmap="Grays", extend="max", zorder=0)
            for best, line in zip(fits[family, a], ("-", ":"), strict=False):
                plots.circles(axes, best.mean, best.std, color, linestyle=line)
            axes.set(title=f"α = {a:g}", xticks=[], yticks=[], aspect="equal", xlim=(-5, 5), ylim=(-5, 5))


def draw_branches(axes, name):
    """Draw a property of the fits against alpha: from the moments of p, and that of a lower minimum."""
    for family, color in COLORS.items():
        line = {"color": color, "markersize": 2.5}
        for i, dash, words in ((0, "o-", ""), (1, "o:", ", lower minimum")):
            points = [(a, getattr(fits[family, a][i], name)) for a in alphas if len(fits[family, a]) > i]
            if points:
                face = {"markerfacecolor": "white"} if i else {}
                axes.plot(*zip(*points, strict=True), dash, label=f"{family}{words}", **line, **face)


# %% tags=["hide-input"]
with plots.style("paper"):
    figure = plots.new_figure(7.0, 4.4)
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    draw_circles(upper.subplots(2, len(columns), sharex=True, sharey=True))
    left, right = lower.subplots(1, 2)
    draw_branches(left, "std")
    draw_branches(right, "value")
    left.set(xlabel="α", ylabel="standard deviation of q", title="from mode seeking to mass covering")
    right.set(
        xlabel="α",
        ylabel="divergence (nats)",
        title="dotted: a second, lower minimum",
        ylim=(0, None),
    )
    right.legend(loc="upper center")

# %% tags=["hide-input"]
widths = {family: ", ".join(f"{fits[family, a][0].std:.2f}" for a in columns) for family in ("primed", "primed dual")}
bistable_alphas = ", ".join(f"{a:g}" for a in alphas if len(fits["primed dual", a]) > 1)
live.show(
    figure,
    alt=f"One Gaussian fitted to the mixture at alpha = {', '.join(f'{a:g}' for a in columns)}. Its standard deviation under the primed divergence: "
    f"{widths['primed']}; under the dual: {widths['primed dual']}. The dual has a second, lower minimum at alpha {bistable_alphas}. Below: standard deviation "
    "and value of the divergence against alpha; those of the dual jump where its wide minimum vanishes.",
    caption="Fits against alpha. The primed divergence goes from mode seeking to mass covering; its dual goes in the opposite direction and jumps on the way. Dotted: a lower minimum.",
)

# %% [markdown]
# Now explore the fits yourself. The slider shows the *lowest* minimum at each $\alpha$.
#
# * Press *mode seeking*, *half-way* and *mass covering*: the circles grow.
# * Switch to *primed dual* and drag from 1 toward 0, slowly below 0.15. Where do the circles leave the lower cluster, and do they grow gradually or jump?

# %%
optima_panel = live.mixture_panel(alpha=0.25)
live.show(optima_panel)

# %% [markdown]
# ## 3 · Why the dual jumps
#
# ### Predict
# At $\alpha=0$ the dual is $\mathrm{KL}(p\|q)$, and its fit is wide. At $\alpha=0.1$ the descent from the moments of $p$ still ends in a wide Gaussian.
# Is that the **global** minimum, or is there a narrow Gaussian with a lower divergence?

# %%
global_minimum, sure = "narrow", 90  # your guess: "wide" or "narrow"; sure: 50 to 100

# %% [markdown]
# ### Try
# `fit` also starts at the three components with the largest weights. It reports the best of these minima if it is lower.

# %%
minima = fit(target, "primed dual", 0.1)
for f in minima:
    print(f"from {f.start:9}: {f.value:.6f} nats, sigma {f.std:.4f}, mean ({f.mean[0]:.3f}, {f.mean[1]:.3f})")
live.check(
    global_minimum,
    "narrow" if min(minima, key=lambda f: f.value).std < 1 else "wide",
    hint="Compare the values in nats, not the sigmas.",
    question="04.global_minimum",
    sure=sure,
)

# %% [markdown]
# Between two minima there must be a barrier. Move along a line from the wide fit (position 0) to the narrow one (position 1) and plot the divergence.

# %%
wide, narrow = minima
steps = torch.linspace(-0.5, 1.15, 67).tolist()


def log_q_at(t):
    """Return ln q at position t between the two minima, with ln sigma interpolated linearly."""
    mean = [(1 - t) * a + t * b for a, b in zip(wide.mean, narrow.mean, strict=True)]
    return log_gaussian(mean, wide.std ** (1 - t) * narrow.std**t)


# %%
profiles = {a: [geometric_js(log_q_at(t), a, dual=True) for t in steps] for a in (0.0, 0.05, 0.1, 0.12, 0.14, 0.2)}
minima_on_line = {a: [i for i in range(1, len(v) - 1) if v[i - 1] > v[i] < v[i + 1]] for a, v in profiles.items()}
n_minima = {a: len(found) for a, found in minima_on_line.items()}
print("local minima on this line:", n_minima)

# %% tags=["hide-input"]
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.4)
    ax = figure.subplots()
    for (a, values), shade in zip(profiles.items(), plots.color_steps(plots.P, plots.Q, len(profiles)), strict=True):
        ax.plot(steps, values, color=shade, label=f"α = {a:g}")
        ax.plot([steps[i] for i in minima_on_line[a]], [values[i] for i in minima_on_line[a]], "o", color=shade)
    ax.set(xlabel="position: 0 is the wide fit, 1 the narrow one", ylabel="dual divergence (nats)", ylim=(0, 1.3))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
live.show(
    figure,
    alt="Divergence along a line from the wide to the narrow fit, with its local minima: "
    + ", ".join(f"{n} at alpha {a:g}" for a, n in n_minima.items())
    + ". Where there are two, a barrier lies between them and the narrow one is deeper.",
    caption="The dual along the line from the wide to the narrow fit; dots: local minima. Where the wide minimum has vanished, the descent reaches the narrow one.",
)

# %% [markdown]
# Why are there two? Consider $G$ itself, the density to which $q$ is compared. It depends on $q$. How much of its mass is in the upper cluster at each of the two minima?

# %%
upper = grid.points[:, 1] > 1.5
print(f"of p:                  {float((grid.weights * log_p.exp())[upper].sum()):.4f}")
for name, f in (("wide", wide), ("narrow", narrow)):
    log_g = 0.1 * log_gaussian(f.mean, f.std) + 0.9 * log_p
    mass = (grid.weights * log_g.exp())[upper].sum() / grid.integrate(log_g.exp())
    print(f"of G at the {name:6} fit: {float(mass):.4f}   (q to the power α has width {f.std / 0.1**0.5:.2f})")

# %% [markdown]
# ### Explain
# Under the dual, $q$ must cover $G\propto q^{\alpha}p^{1-\alpha}$, and $q^{\alpha}$ is a Gaussian of width $\sigma/\sqrt\alpha$.
#
# * If $q$ is *wide*, this factor is flat. The upper cluster remains in $G$, and $q$ must cover it.
# * If $q$ is *narrow*, the factor removes most of the upper cluster from $G$, and $q$ need not cover what $G$ does not contain.
#
# Both are self-consistent, so there are **two minima**, and the *starting point* determines which one the descent reaches. As $\alpha$ grows, $q^\alpha$ becomes narrower and the wide
# minimum shallower. When the barrier has vanished, the descent ends in the narrow minimum: the fit jumps. This is a property of the divergence, not of the optimizer. The *global*
# minimum switches from wide to narrow a little earlier.
#
# A VAE with this divergence also changes abruptly at small $\alpha$: each active latent has a constant cost, the *entrance fee* of notebook 05.
#
# ## 4 · Errors in published code
#
# Published code of Deasy et al. does not always compute what its names claim. Below are three errors, reimplemented: one from the script for figure 2, one from the later code of a
# follow-up paper, and one from the notebook for figure 1. You can detect them with a pair of Gaussians whose divergences you know from notebook 02, and with its two identities
# ($J=\mathrm{KL}(q\|p)+\mathrm{KL}(p\|q)$):
#
# $$\mathrm{JS}^{G_\alpha}+\mathrm{JS}_*^{G_\alpha}=\alpha(1-\alpha)J,\qquad \mathrm{JS}^{G_{1-\alpha}}=(1-\alpha)^2\mathrm{KL}(q\|p)+\alpha^2\mathrm{KL}(p\|q)+\ln Z_{1-\alpha}.$$
#
# ### Error 1: a Monte Carlo KL

# %%
q1 = vaelab.Gaussian(torch.tensor([-2.0], dtype=torch.float64), torch.tensor([0.0], dtype=torch.float64))
p1 = vaelab.Gaussian(torch.tensor([2.0], dtype=torch.float64), torch.tensor([math.log(4)], dtype=torch.float64))
line = quadrature.covering(q1, p1)
lq, lp = q1.log_prob(line.points), p1.log_prob(line.points)


def faulty_kl(n):
    """Estimate KL(q‖p) from n samples of q, as the published script does."""
    z = q1.mean + torch.randn(n, dtype=torch.float64)
    log_ratio = q1.log_prob(z) - p1.log_prob(z)
    return float((q1.log_prob(z).exp() * log_ratio).mean())


torch.manual_seed(0)
print(f"faulty, three runs: {faulty_kl(10**5):.4f} {faulty_kl(10**5):.4f} {faulty_kl(10**5):.4f}")
print(f"exact:              {float(vaelab.kl(q1, p1)):.4f}")

# %% [markdown]
# This is not noise: three runs agree. The samples *already* come from $q$, and yet each is weighted with $q(z)$ again. Which integral does the faulty function estimate?
# Compute it on the grid and compare.

# %%
estimated_integral = float(line.integrate(lq.exp() ** 2 * (lq - lp)))  # your answer: an integral over `line`

# %%
torch.manual_seed(1)
live.check(
    estimated_integral,
    faulty_kl(10**6),
    tolerance=2e-3,
    hint="An average over samples of q is an integral against q; here the averaged quantity is q(z) times the log ratio.",
)

# %% [markdown]
# ### Error 2: a geometric JS without its logarithm
# This function computes the primed divergence from two KLs by an identity. A careful author would test the limits.


# %%
def faulty_js(q, p, alpha):
    """Compute the primed divergence from two KLs."""
    return float((1 - alpha) ** 2 * vaelab.kl(q, p) + alpha**2 * vaelab.kl(p, q))


print("alpha      faulty   the package   difference")
for alpha in (0.0, 0.25, 0.5, 0.75, 1.0):
    truth = float(vaelab.geometric_js(q1, p1, alpha))
    print(f"{alpha:5} {faulty_js(q1, p1, alpha):11.6f} {truth:13.6f} {faulty_js(q1, p1, alpha) - truth:12.6f}")

# %% [markdown]
# Both limits are correct, and $q=p$ gives 0: the usual tests pass. The second identity shows what is missing.
#
# (a) Write the difference at $\alpha=0.25$ as a formula in the package's functions. (The plain dual of notebook 02 is $-\ln Z_\alpha$.)
# (b) The primed dual is $(2\alpha-1)\,\mathbb E_G[\ln q-\ln p]-\ln Z_{1-\alpha}$. Suppose that the same author drops $\ln Z$ here, too. What is then the loss at $\alpha=\tfrac12$, for any $q$?
# (In a training log of the follow-up paper, the parameters hardly change.)

# %%
alpha = 0.25

# %%
difference = float(vaelab.geometric_js(q1, p1, 1 - alpha, dual=True, primed=False))  # your formula, nats
loss_at_half = 0.0  # your answer, a number


# %%
def faulty_dual(alpha):
    """Compute the primed dual without its ln Z on the grid."""
    log_g = alpha * lq + (1 - alpha) * lp
    g = log_g.exp() / line.integrate(log_g.exp())
    return float((2 * alpha - 1) * line.integrate(g * (lq - lp)))


live.check(
    [difference, loss_at_half],
    [faulty_js(q1, p1, alpha) - float(vaelab.geometric_js(q1, p1, alpha)), faulty_dual(0.5)],
    tolerance=1e-6,
    hint="The primed divergence contains Z with the index 1 - alpha. For the dual, substitute alpha = 1/2 into its first factor.",
    hints={
        (
            1,
            lambda a: abs(a - float(vaelab.geometric_js(q1, p1, alpha, dual=True, primed=False))) < 1e-6,
        ): "Nearly: the weights in the mean are swapped, so the index of Z is 1 - alpha."
    },
)

# %% [markdown]
# ### Error 3: a geometric mean of standard deviations
# Notebook 02 showed this error in a figure. Here it is detected without one. The identity $\mathrm{JS}+\mathrm{JS}_*=\alpha(1-\alpha)J$ must hold to numerical precision, and its right-hand side does not depend on $G$.


# %%
def two_sums(sigma_q, sigma_p, alpha=0.5, power=2):
    """Return JS + dual JS with the mean computed from sigma**power (2: variances), and the value that the identity requires."""
    s_q, s_p = sigma_q**power, sigma_p**power
    s = 1 / ((1 - alpha) / s_q + alpha / s_p)
    mean, sd = s * ((1 - alpha) * -2 / s_q + alpha * 2 / s_p), s ** (1 / power)
    g, q, p = (
        vaelab.Gaussian(
            torch.tensor([float(m)], dtype=torch.float64), torch.tensor([2 * math.log(v)], dtype=torch.float64)
        )
        for m, v in ((mean, sd), (-2, sigma_q), (2, sigma_p))
    )
    js = (1 - alpha) * vaelab.kl(q, g) + alpha * vaelab.kl(p, g)
    dual = (1 - alpha) * vaelab.kl(g, q) + alpha * vaelab.kl(g, p)
    return float(js + dual), float(alpha * (1 - alpha) * (vaelab.kl(q, p) + vaelab.kl(p, q)))


print("sigma_q sigma_p   variances: residual   standard deviations: residual")
for sigma_q, sigma_p in ((1, 2), (0.5, 2), (1, 1), (1.5, 1.5), (1, 3)):
    residuals = [a - b for a, b in (two_sums(sigma_q, sigma_p, power=k) for k in (2, 1))]
    print(f"{sigma_q:7} {sigma_p:7} {residuals[0]:22.2e} {residuals[1]:27.6f}")
    assert abs(residuals[0]) < 1e-10

# %% [markdown]
# The identity detects the wrong mean, but in two rows the residual is zero. For which pairs does the error remain undetected? Set the panel to such a pair, and then to others.

# %%
undetected_pairs = "equal sigmas"  # your answer: "equal means" or "equal sigmas"

# %%
live.check(
    undetected_pairs,
    "equal sigmas" if abs(two_sums(1.5, 1.5, power=1)[0] - two_sums(1.5, 1.5, power=1)[1]) < 1e-10 else "equal means",
    hint="Look at the third and fourth rows.",
)

# %%
panel = live.divergence_panel(alpha=0.5, q=(-2, 1.5), p=(2, 1.5))
live.show(panel)

# %% [markdown]
# ### Explain
# Limits, symmetric cases and cases in which two quantities are equal are tests that many wrong programs pass. An *identity* between independently computed results is a much stronger test, and it costs little.
#
# ## Exercises
#
# **1.** Neither KL is a limit of the ordinary JS. Fit the Gaussian under it. Is the fit mode seeking or mass covering?

# %%
(js_fit, *_) = fit(target, "JS")

# %%
behavior = "mode seeking"  # your answer: "mode seeking" or "mass covering"

# %%
live.check(
    behavior,
    "mode seeking" if js_fit.std < 1 else "mass covering",
    hint=f"Its sigma is {js_fit.std:.3f}; compare with {fit_qp.std:.3f} and {fit_pq.std:.3f}.",
)

# %% [markdown]
# **2.** Take the mixture of another seed, `other`. Between which two neighbors of the alphas 0.05, 0.1, 0.2 and 0.4 does the $\sigma$ of the *global* minimum of its dual change most?
# As in section 3, `fit` returns a second minimum only if it is lower than the one reached from the moments of $p$.

# %%
other = mixture(seed=7)
jump = (0.1, 0.2)  # your answer, two of the four alphas

# %%
neighbors = (0.05, 0.1, 0.2, 0.4)
sigmas = [min(fit(other, "primed dual", a), key=lambda f: f.value).std for a in neighbors]
print("sigma of the global minimum:", ", ".join(f"{s:.3f} at α = {a}" for a, s in zip(neighbors, sigmas, strict=True)))
largest_step = max(range(3), key=lambda i: abs(sigmas[i + 1] - sigmas[i]))
live.check(
    jump,
    neighbors[largest_step : largest_step + 2],
    tolerance=1e-6,
    hint='`fit(other, "primed dual", a)` returns one or two minima; follow the one with the lowest value.',
)

# %% [markdown]
# **3.** The unnormalized mean $q^{1-\alpha}p^{\alpha}$ defines another divergence (Nielsen 2025), `vaelab.extended_geometric_js`. It exceeds the normalized one by $Z-1-\ln Z$. How large is
# this difference for the pair of section 4 at $\alpha=\tfrac12$? (`line.integrate` integrates over the grid `line`; `lq` and `lp` are the log densities on it.)

# %%
z = float(line.integrate((0.5 * lq + 0.5 * lp).exp()))

# %%
excess = z - 1 - math.log(z)  # your answer, a number

# %%
live.check(
    excess,
    float(vaelab.extended_geometric_js(q1, p1, 0.5) - vaelab.geometric_js(q1, p1, 0.5)),
    tolerance=1e-6,
    hint="Z is the integral of the square root of q p over `line`.",
    hints={z: "That is Z itself."},
)

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("04")

# %% [markdown]
# ## Recap
# 1. $\mathrm{KL}(q\|p)$ seeks a mode, and $\mathrm{KL}(p\|q)$ matches moments. On a grid one can fit any density under any divergence.
# 2. As $\alpha$ grows, the primed divergence goes from the first to the second, but not monotonically; its dual goes in the opposite direction.
# 3. At small $\alpha$ the dual has two minima; the fit jumps where the wide one vanishes.
# 4. Correct limits prove little. Identities between independent results reveal a missing $\ln Z$, a density applied twice, and a mean of the wrong quantity.
#
# ## References
# 1. J. Deasy, N. Simidjievski, P. Liò (2020). *Constraining Variational Inference with Geometric Jensen-Shannon Divergence.* NeurIPS. arXiv 2006.10599.
# 2. F. Nielsen (2019). *On the Jensen-Shannon symmetrization of distances relying on abstract means.* Entropy 21(5), 485. arXiv 1904.04017.
# 3. F. Nielsen (2025). *Two types of geometric Jensen-Shannon divergences.* Entropy 27(9), 947. arXiv 2508.05066.
