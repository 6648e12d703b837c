# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 02 · Fitting a mixture
#
# **Question.** One Gaussian has to stand for a target with two clusters. Which Gaussian is *nearest*, and who decides that?
#
# **You will be able to**
# 1. fit a Gaussian to any density under any divergence, and say before the fit where each KL will put it;
# 2. steer with $\alpha$ from mode seeking to mass covering, and say which way the dual turns;
# 3. explain why the dual *jumps* at small $\alpha$, from the two minima that it has there;
# 4. find mistakes in published code, with identities as your instruments.
#
# **Time** about 45 minutes. **You need** notebook [01 · From one KL to the other](01_divergence_interpolation.ipynb).
#
# The target $p$ is the mixture of ten round Gaussians in the plane from figure 2 of Deasy et al. (2020). The model is
# $q=\mathcal N(m,\sigma^2 I)$, three numbers in all. Every integral below is taken on a grid, so nothing is left to chance.

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
print("heaviest components:")
for i in target.mixture_distribution.probs.argsort(descending=True)[:4]:
    x, y = target.component_distribution.mean[i].tolist()
    print(f"  weight {float(target.mixture_distribution.probs[i]):.3f} at ({x:5.2f}, {y:5.2f})")

# %% [markdown]
# Three of the four heaviest components share one cluster below the origin; the fourth stands alone above, near $(-0.15, 3.16)$.
#
# ## 1 · Two ways to be nearest
#
# $$\mathrm{KL}(q\|p)=\mathbb E_q[\ln q-\ln p],\qquad \mathrm{KL}(p\|q)=\mathbb E_p[\ln p-\ln q].$$
#
# In the second one only $-\mathbb E_p\ln q$ depends on $q$. For $q=\mathcal N(m,\sigma^2I)$ in $d$ dimensions it is
#
# $$-\mathbb E_p\ln q=\tfrac d2\ln(2\pi\sigma^2)+\frac{\mathbb E_p\|z-m\|^2}{2\sigma^2},$$
#
# a parabola in $m$, smallest at $m=\mathbb E_p z$; then $\sigma^2=\tfrac1d\,\mathbb E_p\|z-\mathbb E_pz\|^2$. This direction **matches moments**, whatever the
# shape of $p$.
#
# ### Predict
# (a) Where will $\mathrm{KL}(q\|p)$ put its Gaussian: on the `"lower"` cluster, on the `"upper"` one, or over `"both"`?
# (b) Moment matching gives one number without any optimizer: the standard deviation of the $q$ that minimizes $\mathrm{KL}(p\|q)$. Read it off $p$: which
# of its properties do you need, and how large is $\sigma$?

# %%
seeker = "lower"  # your guess: "lower", "upper" or "both"
sigma = float(target.variance.mean().sqrt())  # your answer to (b), a number

# %% [markdown]
# ### Try
# `fit` descends from the moments of $p$ (L-BFGS on the grid). Its divergence is the primed geometric JS, whose ends are the two KLs.

# %%
(seeking, *_), (covering, *_) = fit(target, "primed", 0.0), fit(target, "primed", 1.0)
for name, found in (("KL(q‖p)", seeking), ("KL(p‖q)", covering)):
    print(f"{name}: {found.value:.6f} nats at mean ({found.mean[0]:.4f}, {found.mean[1]:.4f}), sigma {found.std:.4f}")
where = "both" if seeking.std > 1.2 else "lower" if math.hypot(seeking.mean[0], seeking.mean[1] + 1.1) < 1 else "upper"
live.check(
    [seeker, sigma],
    [where, covering.std],
    tolerance=1e-3,
    hint="(a) q pays only where it has mass itself. (b) The mean of the two marginal variances, and then its root.",
)

# %%
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.6)
    axis = torch.linspace(-5, 5, 121, dtype=torch.float64)
    points = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
    density = target.log_prob(points).exp()
    for ax, name, found, color in zip(
        figure.subplots(1, 2), ("KL(q‖p) seeks", "KL(p‖q) covers"), (seeking, covering), (plots.Q, plots.P), strict=True
    ):
        ax.contourf(
            axis, axis, density, levels=torch.linspace(0.003, float(density.max()), 9), cmap="Grays", extend="max"
        )
        plots.circles(ax, found.mean, found.std, color)
        ax.set(title=name, aspect="equal", xticks=[-4, 0, 4], yticks=[-4, 0, 4])
live.show(
    figure,
    alt=f"The target has a heavy cluster below and a small one above. The minimizer of KL(q‖p) sits on the lower one with sigma {seeking.std:.2f}; "
    f"that of KL(p‖q) is a wide disc of sigma {covering.std:.2f} over both.",
    caption="Gray: the target p. Circles: one and two standard deviations of the nearest Gaussian, under either KL.",
)

# %% [markdown]
# ### Explain
# Under $\mathrm{KL}(q\|p)$ a point costs where $q$ has mass and $p$ has none, so $q$ stays inside a cluster and *ignores* the upper one (23 % of the mass!): **mode seeking**.
# Under $\mathrm{KL}(p\|q)$ a point costs where $p$ has mass and $q$ has none, so $q$ must reach everything, and puts mass in between where there is none: **mass covering**.
# The VAE's own term is the first one.
#
# ## 2 · Between the two
#
# $$\mathrm{JS}^{G_{1-\alpha}}=(1-\alpha)\,\mathrm{KL}(q\|G)+\alpha\,\mathrm{KL}(p\|G),\qquad G\propto q^{\alpha}\,p^{1-\alpha}.$$
#
# Here $p$ is no Gaussian and there is no closed form, but the definition is all that a grid needs. Ten lines:


# %%
def log_gaussian(mean, std):
    """ln q on the grid."""
    squares = ((grid.points - torch.tensor(mean, dtype=torch.float64)) ** 2).sum(1)
    return -squares / (2 * std**2) - math.log(2 * math.pi * std**2)


def kl(log_a, log_b):
    """∫ a (ln a - ln b), both given on the grid."""
    return float(grid.integrate(log_a.exp() * (log_a - log_b)))


def geometric_js(log_q, alpha, dual=False):
    """The primed divergence between q and the target, from its definition."""
    log_g = alpha * log_q + (1 - alpha) * log_p
    log_g = log_g - torch.log(grid.integrate(log_g.exp()))  # minus ln Z
    if dual:
        return (1 - alpha) * kl(log_g, log_q) + alpha * kl(log_g, log_p)
    return (1 - alpha) * kl(log_q, log_g) + alpha * kl(log_p, log_g)


some_q = log_gaussian([0.5, -0.5], 1.1)
print("alpha      yours      vaelab's")
for alpha in (0.1, 0.5, 0.9):
    for dual in (False, True):
        mine = geometric_js(some_q, alpha, dual)
        package = float(quadrature.geometric_js(lambda z: some_q, lambda z: log_p, alpha, grid, dual=dual))
        print(f"{alpha:5} {mine:12.8f} {package:12.8f}   {'dual' if dual else ''}")
        assert abs(mine - package) < 1e-6

# %% [markdown]
# ### Predict
# Let $\alpha$ grow from 0 to 1, primed. The fitted $\sigma$ starts at the seeker's 0.75 and ends at the coverer's 1.49. Is the fit at $\alpha=1$ the **widest** of all?

# %%
widest_at_one = "no"  # your guess: "yes" or "no"

# %% [markdown]
# ### Try

# %%
primed = {a: fit(target, "primed", a)[0] for a in (0.0, 0.05, 0.25, 0.5, 0.75, 0.85, 1.0)}
for a, found in primed.items():
    print(f"α = {a:4}:  sigma {found.std:.4f}   mean ({found.mean[0]:.3f}, {found.mean[1]:.3f})")
live.check(
    widest_at_one,
    "yes" if max(primed, key=lambda a: primed[a].std) == 1 else "no",
    hint="Read the column of sigma at 0.75, 0.85 and 1.",
)

# %% [markdown]
# ### Explain
# Between the ends $G$ is not the target: it mixes the logarithms of target and model. For $\alpha$ near 0.85 it is nearly $q$ itself, bent toward $p$ a little, and
# $q$ is drawn wider than the moments of $p$. An interpolation of *divergences* does not interpolate their *minimizers*.
#
# Below, all the fits at once, each descended to from the moments of $p$. The second row is the dual, which runs the other way; the dotted branch is the
# subject of the next section.

# %%
levels = torch.linspace(0.003, float(density.max()), 9)
shown = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
alphas = sorted({*shown, 0.04, 0.08, 0.12, 0.14, 0.16, *(a / 10 for a in range(11))})
fits = {(family, a): fit(target, family, a) for family in ("primed", "primed dual") for a in alphas}
with plots.style("paper"):
    figure = plots.new_figure(7.0, 4.4)
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    grid_of_axes = upper.subplots(2, len(shown), sharex=True, sharey=True)
    panels = lower.subplots(1, 2)
    for row, family, color in zip(grid_of_axes, ("primed", "primed dual"), (plots.JS, plots.DUAL), strict=True):
        row[0].set_ylabel(family, color=color)
        for axes, a in zip(row, shown, strict=True):
            axes.contourf(axis, axis, density, levels=levels, cmap="Grays", extend="max", zorder=0)
            for found, line in zip(fits[family, a], ("-", ":"), strict=False):
                plots.circles(axes, found.mean, found.std, color, linestyle=line)
            axes.set(title=f"α = {a:g}", xticks=[], yticks=[], aspect="equal", xlim=(-5, 5), ylim=(-5, 5))
        for axes, name in zip(panels, ("std", "value"), strict=True):
            first = [(a, getattr(fits[family, a][0], name)) for a in alphas]
            second = [(a, getattr(fits[family, a][1], name)) for a in alphas if len(fits[family, a]) > 1]
            axes.plot(*zip(*first, strict=True), "o-", color=color, markersize=2.5, label=family)
            if second:
                axes.plot(
                    *zip(*second, strict=True),
                    "o:",
                    color=color,
                    markersize=2.5,
                    markerfacecolor="white",
                    label=f"{family}, lower minimum",
                )
    panels[0].set(xlabel="α", ylabel="standard deviation of q", title="from mode seeking to mass covering")
    panels[1].set(
        xlabel="α", ylabel="divergence (nats)", title="where two branches part, the fit jumps", ylim=(0, None)
    )
    panels[1].legend(loc="upper center")
widths = {family: ", ".join(f"{fits[family, a][0].std:.2f}" for a in shown) for family in ("primed", "primed dual")}
doubled = ", ".join(f"{a:g}" for a in alphas if len(fits["primed dual", a]) > 1)
live.show(
    figure,
    alt=f"One Gaussian fitted to the mixture at alpha = {', '.join(f'{a:g}' for a in shown)}. Its standard deviation under the primed divergence: "
    f"{widths['primed']}; under the dual: {widths['primed dual']}. The dual has a second, lower minimum at alpha {doubled}. Below, standard deviation "
    "and value of the divergence against alpha: those of the dual jump where its two minima change places.",
    caption="Fits against alpha. The primed divergence slides from seeking to covering; its dual runs backwards, and jumps on the way. Dotted: a lower minimum.",
)

# %% [markdown]
# Now by hand. The slider goes through the *lowest* minimum at each $\alpha$.
#
# * *mode seeking*, *half-way*, *mass covering*: watch the circles open.
# * Switch to *primed dual* and drag from 1 toward 0, slowly below 0.15. Where do the circles let go of the lower cluster, and do they open gradually or jump?

# %%
optima_panel = live.mixture_panel(alpha=0.25)
live.show(optima_panel)

# %% [markdown]
# ## 3 · Why the dual jumps
#
# ### Predict
# The dual starts at $\mathrm{KL}(p\|q)$ for $\alpha=0$, wide. At $\alpha=0.1$ the descent from the moments of $p$ still ends in a wide Gaussian,
# $\sigma=1.32$. Is that the **global** minimum, or does a narrow one lie lower?

# %%
lower_one = "narrow"  # your guess: "wide" or "narrow"

# %% [markdown]
# ### Try
# `fit` also starts from the three heaviest components and reports what it finds if it lies lower.

# %%
found = fit(target, "primed dual", 0.1)
for f in found:
    print(f"from {f.start:9}: {f.value:.6f} nats, sigma {f.std:.4f}, mean ({f.mean[0]:.3f}, {f.mean[1]:.3f})")
live.check(
    lower_one,
    "narrow" if min(found, key=lambda f: f.value).std < 1 else "wide",
    hint="Compare the values in nats, not the sigmas.",
)

# %% [markdown]
# Two minima need a ridge between them. Walk in a straight line from the wide fit (position 0) to the narrow one (position 1) and read the divergence on the way.

# %%
wide, narrow = found
steps = torch.linspace(-0.5, 1.15, 67).tolist()


def on_the_way(t):
    """ln q at a position between the two minima; sigma moves by equal factors."""
    mean = [(1 - t) * a + t * b for a, b in zip(wide.mean, narrow.mean, strict=True)]
    return log_gaussian(mean, wide.std ** (1 - t) * narrow.std**t)


walk = {a: [geometric_js(on_the_way(t), a, dual=True) for t in steps] for a in (0.0, 0.05, 0.1, 0.12, 0.14, 0.2)}
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.4)
    ax = figure.subplots()
    for (a, values), shade in zip(walk.items(), plots.color_steps(plots.P, plots.Q, len(walk)), strict=True):
        ax.plot(steps, values, color=shade, label=f"α = {a:g}")
        for i in range(1, len(steps) - 1):
            if values[i - 1] > values[i] < values[i + 1]:
                ax.plot(steps[i], values[i], "o", color=shade)
    ax.set(xlabel="position: 0 is the wide fit, 1 the narrow one", ylabel="dual divergence (nats)", ylim=(0, 1.3))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
live.show(
    figure,
    alt="Divergence along a line from the wide to the narrow fit: for alpha up to 0.05 it falls toward the wide one; at 0.1 and 0.12 there are two "
    "valleys with a ridge between, the narrow one deeper; from 0.14 on only the narrow valley is left.",
    caption="The dual along the way from the wide to the narrow fit; dots: valleys. The wide one is lost between α = 0.12 and 0.14: there the descent falls over the ridge.",
)
valleys = {a: sum(v[i - 1] > v[i] < v[i + 1] for i in range(1, len(v) - 1)) for a, v in walk.items()}
print("valleys on this line:", valleys)

# %% [markdown]
# Look into $G$ itself, the density that both minima are compared with. How much of its mass lies on the upper cluster?

# %%
upper = grid.points[:, 1] > 1.5
print(f"of p:                  {float((grid.weights * log_p.exp())[upper].sum()):.4f}")
for name, f in (("wide", wide), ("narrow", narrow)):
    log_g = 0.1 * log_gaussian(f.mean, f.std) + 0.9 * log_p
    mass = (grid.weights * log_g.exp())[upper].sum() / grid.integrate(log_g.exp())
    print(f"of G at the {name:6} fit: {float(mass):.4f}   (q to the power α has width {f.std / 0.1**0.5:.2f})")

# %% [markdown]
# ### Explain
# The dual asks $q$ to cover $G\propto q^{\alpha}p^{1-\alpha}$, and $q^{\alpha}$ is a Gaussian of width $\sigma/\sqrt\alpha$. Where $q$ is wide it is flat, the upper cluster stays in $G$, and $q$ must
# reach it. Where $q$ is narrow it cuts the upper cluster out of $G$, and what $G$ does not contain $q$ need not cover. Each choice justifies itself: **two minima**, and *where you start*
# decides where you end. With growing $\alpha$ the cut gets sharper, the wide minimum becomes shallower, and once the barrier is gone the descent ends in the narrow one: not a property of the optimizer, but of the
# divergence. The *global* minimum changes hands earlier, between 0.08 and 0.1.
#
# A VAE with this divergence is abrupt at small $\alpha$ as well: there every latent in use pays an *entrance fee*, the subject of notebook 03.
#
# ## 4 · Code archaeology
#
# The code behind the original figure does not minimize what its names say. Here are three suspects in our own words. You have instruments: a pair of Gaussians whose
# numbers you know from notebook 01, and the identities (with $J=\mathrm{KL}(q\|p)+\mathrm{KL}(p\|q)$)
#
# $$\mathrm{JS}^{G_\alpha}+\mathrm{JS}_*^{G_\alpha}=\alpha(1-\alpha)J,\qquad \mathrm{JS}^{G_{1-\alpha}}=(1-\alpha)^2\mathrm{KL}(q\|p)+\alpha^2\mathrm{KL}(p\|q)+\ln Z_{1-\alpha}.$$
#
# ### Suspect 1: a Monte Carlo KL

# %%
q1 = vaelab.Gaussian(torch.tensor([-2.0], dtype=torch.float64), torch.tensor([0.0], dtype=torch.float64))
p1 = vaelab.Gaussian(torch.tensor([2.0], dtype=torch.float64), torch.tensor([math.log(4)], dtype=torch.float64))
line = quadrature.covering(q1, p1)
lq, lp = q1.log_prob(line.points), p1.log_prob(line.points)


def suspect_kl(n):
    """KL(q‖p) from n draws of q, as the published script would have it."""
    z = q1.mean + torch.randn(n, dtype=torch.float64)
    log_ratio = q1.log_prob(z) - p1.log_prob(z)
    return float((q1.log_prob(z).exp() * log_ratio).mean())


torch.manual_seed(0)
print(f"the suspect, three times: {suspect_kl(10**5):.4f} {suspect_kl(10**5):.4f} {suspect_kl(10**5):.4f}")
print(f"the truth:                {float(vaelab.kl(q1, p1)):.4f}")

# %% [markdown]
# It is not noise: three runs agree. The draws *already* come from $q$, and yet each is weighted with $q(z)$ again. Which integral does the suspect estimate?
# Write it on the grid and compare.

# %%
its_integral = float(line.integrate(lq.exp() ** 2 * (lq - lp)))  # your answer: an integral over `line`
torch.manual_seed(1)
live.check(
    its_integral,
    suspect_kl(10**6),
    tolerance=2e-3,
    hint="An average over draws of q is an integral against q; what is averaged here is q(z) times the log ratio.",
)

# %% [markdown]
# ### Suspect 2: a geometric JS without its logarithm
# From two KLs in hand, this one builds the primed divergence "by identity". A cautious author tests the limits.


# %%
def suspect_js(q, p, alpha):
    """The primed divergence, out of two KLs."""
    return float((1 - alpha) ** 2 * vaelab.kl(q, p) + alpha**2 * vaelab.kl(p, q))


print("alpha     suspect   the package   difference")
for alpha in (0.0, 0.25, 0.5, 0.75, 1.0):
    truth = float(vaelab.geometric_js(q1, p1, alpha))
    print(f"{alpha:5} {suspect_js(q1, p1, alpha):11.6f} {truth:13.6f} {suspect_js(q1, p1, alpha) - truth:12.6f}")

# %% [markdown]
# Both limits are right, and $q=p$ gives 0: the usual tests pass. The identity says what is missing. Give the difference at $\alpha=0.25$ as a formula in the package's functions
# (the plain dual of notebook 01 is $-\ln Z_\alpha$), and then answer: if the same author drops $\ln Z$ from the *dual*, $(2\alpha-1)\,\mathbb E_G[\ln q-\ln p]-\ln Z_{1-\alpha}$, what is the
# loss at $\alpha=\tfrac12$, whatever $q$ is? (A training log in the published repository shows parameters that never move.)

# %%
alpha = 0.25
difference = float(vaelab.geometric_js(q1, p1, 1 - alpha, dual=True, primed=False))  # your formula: minus ln Z
loss_at_half = 0.0  # your answer, a number
live.check(
    [difference, loss_at_half],
    [suspect_js(q1, p1, alpha) - float(vaelab.geometric_js(q1, p1, alpha)), (2 * 0.5 - 1) * 1.0],
    tolerance=1e-6,
    hint="The primed divergence holds Z with the index 1 - alpha; and 2 · 0.5 - 1 is zero.",
)

# %% [markdown]
# ### Suspect 3: a geometric mean of standard deviations
# You met this one in notebook 01 as a picture. Now without a picture: the identity $\mathrm{JS}+\mathrm{JS}_*=\alpha(1-\alpha)J$ must hold to the last digit, and it knows nothing of how you got $G$.


# %%
def two_sums(sigma_q, sigma_p, alpha=0.5, power=2):
    """JS + dual JS with the mean built from sigma to this power (2: variances), and what the identity asks for."""
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
# The wrong mean is unmasked, but two rows let it pass. Which pairs are blind to this mistake, and would make a bad test? Move the panel to such a pair, and away from it.

# %%
blind = "equal sigmas"  # your answer: "equal means" or "equal sigmas"
live.check(
    blind,
    "equal sigmas" if abs(two_sums(1.5, 1.5, power=1)[0] - two_sums(1.5, 1.5, power=1)[1]) < 1e-10 else "equal means",
    hint="Look at the third and fourth row.",
)

# %%
panel = live.divergence_panel(alpha=0.5, q=(-2, 1.5), p=(2, 1.5))
live.show(panel)

# %% [markdown]
# ### Explain
# A limit, a symmetric case, a case where two things are equal: each is a test that many wrong programs pass. An *identity* that ties independent results together is a far better instrument, and cheap.
#
# ## Exercises
#
# **1.** The ordinary JS has neither KL as a limit. Fit it. Is it a seeker or a coverer?

# %%
(ordinary, *_) = fit(target, "JS")
character = "seeker"  # your answer: "seeker" or "coverer"
live.check(
    character,
    "seeker" if ordinary.std < 1 else "coverer",
    hint=f"Its sigma is {ordinary.std:.3f}; compare with 0.748 and 1.491.",
)

# %% [markdown]
# **2.** Take the mixture of another seed (`mixture(seed=7)`), and find the alphas between which its dual jumps, if it does. Does the primed one ever jump?

# %%
other = mixture(seed=7)
for a in (0.05, 0.1, 0.2, 0.4):
    one, *lower = fit(other, "primed dual", a)
    print(f"α = {a}: sigma {one.std:.3f}", *(f"and, lower, sigma {f.std:.3f}" for f in lower))

# %% [markdown]
# **3.** The unnormalized mean $q^{1-\alpha}p^{\alpha}$ has a divergence of its own (Nielsen 2025), `vaelab.extended_geometric_js`. Its excess over the normalized one is $Z-1-\ln Z$. What is it for the pair
# of this section at $\alpha=\tfrac12$?

# %%
z = float(line.integrate((0.5 * lq + 0.5 * lp).exp()))
excess = z - 1 - math.log(z)  # your answer, a number
live.check(
    excess,
    float(vaelab.extended_geometric_js(q1, p1, 0.5) - vaelab.geometric_js(q1, p1, 0.5)),
    tolerance=1e-6,
    hint="Z is an integral over `line` of the square root of q p.",
)

# %% [markdown]
# ## Recap
# 1. $\mathrm{KL}(q\|p)$ seeks a mode, $\mathrm{KL}(p\|q)$ matches moments; a grid fits any density under any divergence.
# 2. The primed divergence slides from the first to the second as $\alpha$ grows, not monotonically; its dual runs backwards.
# 3. At small $\alpha$ the dual has two minima; it jumps where the wide one vanishes, here between 0.12 and 0.14.
# 4. Correct limits prove little. Identities that tie results together find a dropped $\ln Z$, a density counted twice, and a mean of the wrong quantity.
#
# ## References
# 1. J. Deasy, N. Simidjievski, P. Liò (2020). *Constraining Variational Inference with Geometric Jensen-Shannon Divergence.* NeurIPS. arXiv 2006.10599.
# 2. F. Nielsen (2019). *On the Jensen-Shannon symmetrization of distances relying on abstract means.* Entropy 21(5), 485. arXiv 1904.04017.
# 3. F. Nielsen (2025). *Two types of geometric Jensen-Shannon divergences.* Entropy 27(9), 947. arXiv 2508.05066.
