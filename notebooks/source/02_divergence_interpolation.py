# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 02 · From one KL to the other
#
# **Question.** How far is one Gaussian from another? The Kullback-Leibler divergence gives two answers; what lies *between*
# them?
#
# **You will be able to**
# 1. derive the KL divergence of two Gaussians, and explain what each of its two directions penalizes;
# 2. compute the geometric mean of two densities, and avoid a common mistake in plotting it;
# 3. derive the geometric Jensen-Shannon divergences, and *determine* their limits as $\alpha$ goes to 0 or 1;
# 4. explain why an integrand can be negative, and why this divergence has no upper bound.
#
# **Time** about 60 minutes. **You need** integrals, logarithms, and notebook [00 · Start here](00_start_here.ipynb).
# **Symbols** are those of the [table of notation](00_start_here.ipynb#Notation).
#
# Throughout, $q$ is the encoder's posterior and $p$ the prior, both one-dimensional:
# $q=\mathcal N(m_q, s_q)$ and $p=\mathcal N(m_p, s_p)$, with $s=\sigma^2$ a **variance**.
# All divergences are in nats.

# %%
import math

import torch

import vaelab
from vaelab import live, plots, quadrature

# %% [markdown]
# ## 1 · Two answers to one question
#
# The Kullback-Leibler divergence is the expectation of the log ratio of two densities under the *first* of them:
#
# $$\mathrm{KL}(q\|p)=\int q(z)\,\ln\frac{q(z)}{p(z)}\,dz=\mathbb E_q[\ln q-\ln p].$$
#
# For Gaussians, three facts are enough:
#
# $$\ln q(z)=-\tfrac12\ln(2\pi s_q)-\frac{(z-m_q)^2}{2s_q},\qquad
# \mathbb E_q(z-m_q)^2=s_q,\qquad \mathbb E_q(z-m_p)^2=s_q+(m_q-m_p)^2 .$$
#
# Substitute them, and the $2\pi$ cancels:
#
# $$\mathrm{KL}(q\|p)=\tfrac12\Big[\frac{s_q}{s_p}-1-\ln\frac{s_q}{s_p}+\frac{(m_q-m_p)^2}{s_p}\Big].$$
#
# ### Predict
# Take a narrow $q=\mathcal N(-2,1)$ and a wide $p=\mathcal N(2,4)$. The distance between the means is the same for both
# directions, but each direction divides its square by a different variance. Which is larger, $\mathrm{KL}(q\|p)$ or
# $\mathrm{KL}(p\|q)$? Write down your guess before you run the next cell.

# %%
larger, sure = "KL(p|q)", 80  # your guess: "KL(q|p)" or "KL(p|q)"; sure: 50 to 100


# %% [markdown]
# ### Try


# %%
def kl(m_q, s_q, m_p, s_p):
    """Compute KL(q‖p) of two Gaussians from their means and variances."""
    return 0.5 * (s_q / s_p - 1 - math.log(s_q / s_p) + (m_q - m_p) ** 2 / s_p)


kl_qp, kl_pq = kl(-2, 1, 2, 4), kl(2, 4, -2, 1)
print(f"KL(q‖p) = {kl_qp:.6f}    KL(p‖q) = {kl_pq:.6f}")
live.check(
    larger,
    "KL(p|q)" if kl_pq > kl_qp else "KL(q|p)",
    hint="Which variance is in the denominator of the squared distance?",
    question="02.larger",
    sure=sure,
)

# %% [markdown]
# Do not trust a formula that you have not checked against the definition. `quadrature` integrates the definition on a grid and
# makes no use of the Gaussian form; `vaelab.kl` is the package's implementation.


# %%
def gaussian(m, s):
    """Return the package's Gaussian, with mean and *log variance* as 64-bit tensors."""
    return vaelab.Gaussian(
        torch.tensor(float(m), dtype=torch.float64), torch.tensor(float(s), dtype=torch.float64).log()
    )


def log_density(m, s):
    """Return ln N(z; m, s) as a function of z."""
    return lambda z: -0.5 * (math.log(2 * math.pi * s) + (z - m) ** 2 / s)


q, p, log_q, log_p = gaussian(-2, 1), gaussian(2, 4), log_density(-2, 1), log_density(2, 4)
grid = quadrature.covering(q, p)
print(f"by quadrature:  {float(quadrature.kl(log_q, log_p, grid)):.12f}")
print(f"by the package: {float(vaelab.kl(q, p)):.12f}")
print(f"by your cell:   {kl_qp:.12f}")
assert abs(kl_qp - float(quadrature.kl(log_q, log_p, grid))) < 1e-8

# %% [markdown]
# ### Explain
# The expectation is taken under the *first* density; the variance in the denominator is that of the *second*.
#
# * In $\mathrm{KL}(p\|q)$ the wide $p$ has mass where the narrow $q$ has nearly none, and there $\ln(p/q)$ is large. A $q$ that minimizes this direction must
#   *cover* the mass of $p$.
# * In $\mathrm{KL}(q\|p)$, the term of the ordinary VAE, $q$ is penalized only where it has mass itself. It can *seek* one mode of $p$ and ignore the rest.
#
# The divergence is not symmetric. We would like to choose a point between its two directions.
#
# ## 2 · A mean of two densities
#
# The geometric mean is a weighted average of *logarithms*, normalized afterwards:
#
# $$G_\alpha(z)=\frac{q(z)^{1-\alpha}\,p(z)^{\alpha}}{Z_\alpha},\qquad Z_\alpha=\int q^{1-\alpha}p^{\alpha}\,dz .$$
#
# The exponent is $-\tfrac12\big[(1-\alpha)(z-m_q)^2/s_q+\alpha(z-m_p)^2/s_p\big]$, again quadratic in $z$; so $G_\alpha$ is
# again a Gaussian. Compare the coefficients of $z^2$ and of $z$:
#
# $$\frac1{s_\alpha}=\frac{1-\alpha}{s_q}+\frac{\alpha}{s_p},\qquad
# m_\alpha=s_\alpha\Big[\frac{(1-\alpha)\,m_q}{s_q}+\frac{\alpha\,m_p}{s_p}\Big].$$
#
# ### Predict
# The formula averages *precisions* $1/s$. Take the pair above at $\alpha=\tfrac12$. Is the mean of $G$ nearer to $m_q=-2$ (the narrow one),
# nearer to $m_p=2$, or in the middle at 0?

# %%
nearer, sure = "q", 70  # your guess: "q", "p" or "middle"; sure: 50 to 100


# %% [markdown]
# ### Try


# %%
def geometric_mean(m_q, s_q, m_p, s_p, alpha):
    """Compute mean and variance of the normalized geometric mean q^(1-alpha) p^alpha by averaging precisions."""
    s = 1 / ((1 - alpha) / s_q + alpha / s_p)
    return s * ((1 - alpha) * m_q / s_q + alpha * m_p / s_p), s


m, s = geometric_mean(-2, 1, 2, 4, 0.5)
print(f"G = N({m:.4f}, {math.sqrt(s):.6f}²)")
live.check(
    nearer,
    "middle" if abs(m) < 1e-9 else "q" if m < 0 else "p",
    hints={
        "middle": "That is the mean of equal variances; which of the two has the larger precision?",
        "p": "p is wide: its precision is the smaller one.",
    },
    question="02.nearer",
    sure=sure,
)

# %% [markdown]
# A common mistake is to average *standard deviations* instead of variances: the code behind this figure in the original
# paper does so. Below, the shaded curve is $q^{1/2}p^{1/2}$ itself, normalized numerically on a grid. Which line coincides with it?


# %%
def slip(m_q, s_q, m_p, s_p, alpha):
    """Apply the same formula to standard deviations instead of variances."""
    m, sigma = geometric_mean(m_q, math.sqrt(s_q), m_p, math.sqrt(s_p), alpha)
    return m, sigma**2


# %% tags=["hide-input"]
z = grid.points
truth = quadrature.geometric_mean(log_q, log_p, 0.5, grid).exp()
right, wrong = geometric_mean(-2, 1, 2, 4, 0.5), slip(-2, 1, 2, 4, 0.5)
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.2)
    ax = figure.subplots()
    ax.fill_between(z, 0 * z, truth, color=plots.MEAN, alpha=0.25, label="normalized on a grid")
    for (mean, var), color, dash, name in (
        (right, plots.MEAN, "-", "variances"),
        (wrong, plots.REFERENCE, "--", "standard deviations"),
    ):
        label = f"{name}: N({mean:.4f}, {math.sqrt(var):.4f}²)"
        ax.plot(z, log_density(mean, var)(z).exp(), dash, color=color, label=label)
    ax.set(xlabel="z", ylabel="density", xlim=(-8, 8), ylim=(0, None))
    ax.legend(loc="upper right")
live.show(
    figure,
    alt=f"The correct geometric mean is the curve N({right[0]:.2f}, {math.sqrt(right[1]):.2f}²); averaging standard deviations gives a wider curve, "
    f"shifted to the right, N({wrong[0]:.2f}, {math.sqrt(wrong[1]):.2f}²).",
    caption="The geometric mean of N(-2, 1²) and N(2, 2²) at α = ½: correct with variances, wrong with standard deviations.",
)
assert float((log_density(*right)(z).exp() - truth).abs().max()) < 1e-8

# %% [markdown]
# ### Explain
# The narrower a density, the higher its precision, and the geometric mean weights each mean by its precision. So the mean of $G$ is closer
# to that of the narrow density, and its variance is a *harmonic* mean of the variances.
#
# ## 3 · The geometric Jensen-Shannon divergences
#
# The ordinary Jensen-Shannon divergence compares $q$ and $p$ with their *arithmetic* mean $\tfrac12(q+p)$. This mean is not a Gaussian, so
# the divergence has no closed form. With the geometric mean instead, it has one (Nielsen 2019). Deasy et al. (2020) use it in a VAE,
# with the weights *inside the mean* swapped, $G_{1-\alpha}$ instead of $G_\alpha$. We call their version **primed** and the other one **plain**.
# Swapping the arguments of each KL gives the **dual** of each:
#
# | | plain, $G=G_\alpha$ | primed, $G=G_{1-\alpha}$ |
# |---|---|---|
# | not dual | $(1-\alpha)\,\mathrm{KL}(q\|G_\alpha)+\alpha\,\mathrm{KL}(p\|G_\alpha)$ | $(1-\alpha)\,\mathrm{KL}(q\|G_{1-\alpha})+\alpha\,\mathrm{KL}(p\|G_{1-\alpha})$ |
# | dual | $(1-\alpha)\,\mathrm{KL}(G_\alpha\|q)+\alpha\,\mathrm{KL}(G_\alpha\|p)$ | $(1-\alpha)\,\mathrm{KL}(G_{1-\alpha}\|q)+\alpha\,\mathrm{KL}(G_{1-\alpha}\|p)$ |
#
# The index runs the other way in the two columns, so it helps to know what the mean *is* at the ends:
#
# | | $\alpha=0$ | $\alpha=1$ |
# |---|---|---|
# | plain, $G_\alpha\propto q^{1-\alpha}p^{\alpha}$ | $G=q$ | $G=p$ |
# | primed, $G_{1-\alpha}\propto q^{\alpha}p^{1-\alpha}$ | $G=p$ | $G=q$ |
#
# Each of the four is a sum of two KLs of Gaussians, and we have derived both the KL and the mean. That *is* the closed form:


# %%
def geometric_js(m_q, s_q, m_p, s_p, alpha, dual=False, primed=True):
    """Compute one of the four variants from its definition, for alpha in [0, 1]."""
    g = geometric_mean(m_q, s_q, m_p, s_p, 1 - alpha if primed else alpha)
    if dual:
        return (1 - alpha) * kl(*g, m_q, s_q) + alpha * kl(*g, m_p, s_p)
    return (1 - alpha) * kl(m_q, s_q, *g) + alpha * kl(m_p, s_p, *g)


print("variant          your cell       the package     quadrature")
for primed in (False, True):
    for dual in (False, True):
        name = f"{'primed' if primed else 'plain'}{' dual' if dual else ''}"
        mine = geometric_js(-2, 1, 2, 4, 0.25, dual, primed)
        package = float(vaelab.geometric_js(q, p, 0.25, dual=dual, primed=primed))
        integral = float(quadrature.geometric_js(log_q, log_p, 0.25, grid, dual=dual, primed=primed))
        print(f"{name:12} {mine:15.10f} {package:15.10f} {integral:15.10f}")
        assert abs(mine - package) < 1e-6
        assert abs(mine - integral) < 1e-8

# %% [markdown]
# Two identities explain the whole family. Since $\ln G_\alpha=(1-\alpha)\ln q+\alpha\ln p-\ln Z_\alpha$,
#
# $$\mathrm{KL}(q\|G_\alpha)=\alpha\,\mathrm{KL}(q\|p)+\ln Z_\alpha,\qquad \mathrm{KL}(p\|G_\alpha)=(1-\alpha)\,\mathrm{KL}(p\|q)+\ln Z_\alpha .$$
#
# Take the weighted sum of the two. With $J=\mathrm{KL}(q\|p)+\mathrm{KL}(p\|q)$,
#
# $$\mathrm{JS}^{G_\alpha}=\alpha(1-\alpha)\,J+\ln Z_\alpha ,\tag{1}$$
#
# and in the dual the two logarithms under $G_\alpha$ combine to $\ln G_\alpha+\ln Z_\alpha$, so that only
#
# $$\mathrm{JS}_*^{G_\alpha}=-\ln Z_\alpha \tag{2}$$
#
# remains. The sum of (1) and (2) is $\alpha(1-\alpha)J$. In (1), the term $\ln Z_\alpha\le0$ is easily forgotten; the next cell shows how large it is.

# %%
alpha = 0.25
log_z = float(torch.log(grid.integrate(((1 - alpha) * log_q(z) + alpha * log_p(z)).exp())))
print(f"ln Z = {log_z:.10f}")
print(
    f"(1)  α(1-α) J + ln Z = {alpha * (1 - alpha) * (kl_qp + kl_pq) + log_z:.10f}   plain      = {geometric_js(-2, 1, 2, 4, alpha, primed=False):.10f}"
)
print(
    f"(2)           - ln Z = {-log_z:.10f}   plain dual = {geometric_js(-2, 1, 2, 4, alpha, dual=True, primed=False):.10f}"
)
assert abs(alpha * (1 - alpha) * (kl_qp + kl_pq) + log_z - geometric_js(-2, 1, 2, 4, alpha, primed=False)) < 1e-8
assert abs(-log_z - geometric_js(-2, 1, 2, 4, alpha, dual=True, primed=False)) < 1e-8

# %% [markdown]
# ## 4 · The limits at 0 and 1
#
# ### Predict
# For each variant, write its limit at $\alpha=0$ and at $\alpha=1$: `"0"`, `"KL(q|p)"` or `"KL(p|q)"`.
# At $\alpha=0$ the first weight is 1 and the second is 0, so you only need the table of $G$ in section 3.

# %%
at_0 = {"plain": "0", "plain dual": "0", "primed": "KL(q|p)", "primed dual": "KL(p|q)"}  # your answers

# %%
at_1 = {"plain": "0", "plain dual": "0", "primed": "KL(p|q)", "primed dual": "KL(q|p)"}  # your answers

# %% [markdown]
# ### Try
# The cell evaluates each variant close to both limits and prints the name of the nearest candidate.


# %%
def nearest(value):
    """Return the name of the candidate nearest to a value."""
    return min(("0", 0.0), ("KL(q|p)", kl_qp), ("KL(p|q)", kl_pq), key=lambda pair: abs(pair[1] - value))[0]


variants = {
    "plain": (False, False),
    "plain dual": (True, False),
    "primed": (False, True),
    "primed dual": (True, True),
}
steps = (1e-1, 1e-2, 1e-4, 1e-6)
limits_0, limits_1 = [], []

# %%
print(
    "α →".ljust(14),
    *(f"{a:>9g}" for a in steps),
    " ... ",
    *(f"{'1-' + format(a, 'g'):>9}" for a in reversed(steps)),
)
for name, (dual, primed) in variants.items():
    low = [geometric_js(-2, 1, 2, 4, a, dual, primed) for a in steps]
    high = [geometric_js(-2, 1, 2, 4, 1 - a, dual, primed) for a in reversed(steps)]
    print(f"{name:14}", *(f"{v:9.5f}" for v in low), " ... ", *(f"{v:9.5f}" for v in high))
    limits_0.append(nearest(low[-1]))
    limits_1.append(nearest(high[0]))
live.check(
    lambda: [at_0[name] for name in variants] + [at_1[name] for name in variants],
    limits_0 + limits_1,
    hint="Plain: at α = 0 the geometric mean is q itself, and KL(q‖q) = 0. Primed: at α = 0 the geometric mean is p.",
)

# %% [markdown]
# ### Explain
# *Plain.* In each limit the geometric mean equals the very density it is compared with, so the divergence vanishes. It does not interpolate between the KLs.
#
# *Primed.* Swapping the weights in the mean corrects this. With $G_{1-\alpha}$ the same algebra as above gives
#
# $$\mathrm{JS}^{G_{1-\alpha}}=(1-\alpha)^2\,\mathrm{KL}(q\|p)+\alpha^2\,\mathrm{KL}(p\|q)+\ln Z_{1-\alpha},$$
#
# and $Z_0=Z_1=1$. So it goes from $\mathrm{KL}(q\|p)$, the ordinary VAE, to $\mathrm{KL}(p\|q)$.
#
# *Primed dual.* It goes **in the opposite direction**. This is the main point of the paper, and a frequent source of confusion: "small $\alpha$" has opposite meanings for the two.
#
# ## 5 · Negative integrands, and no upper bound
#
# ### Predict
# A divergence is never negative. (a) Can the *integrand* of the geometric JS be negative somewhere? (b) The logarithm in $\mathrm{KL}(q\|p)$ is negative where $q<p$.
# If the geometric integrand is negative, is that *only* where $q<p$? (c) The ordinary Jensen-Shannon divergence never exceeds
# $\ln2\approx0.693$. Does the geometric one have this upper bound, too?

# %%
integrand_can_be_negative, sure_negative = "yes", 90  # your guess: "yes" or "no"; sure: 50 to 100
only_where_q_is_smaller, sure_where = "no", 60  # your guess: "yes" or "no"; sure: 50 to 100
geometric_js_is_bounded, sure_bounded = "no", 60  # your guess: "yes" or "no"; sure: 50 to 100

# %% [markdown]
# ### Try

# %%
g = geometric_mean(-2, 1, 2, 4, 0.7)  # primed, alpha = 0.3: the weight in the mean is 1 - alpha
lg = log_density(*g)(z)
kl_integrand = log_q(z).exp() * (log_q(z) - log_p(z))
js_integrand = 0.7 * log_q(z).exp() * (log_q(z) - lg) + 0.3 * log_p(z).exp() * (log_p(z) - lg)

# %% tags=["hide-input"]
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.2)
    ax = figure.subplots()
    ax.plot(z, kl_integrand, ":", color=plots.REFERENCE, label="KL(q‖p)")
    ax.plot(z, js_integrand, color=plots.JS, label="primed geometric JS, α = 0.3")
    ax.axvline(
        float(z[(log_q(z) < log_p(z)) & (z > -2)][0]), color="black", lw=0.6, ls="--", label="q < p to the right"
    )
    for values, color in ((kl_integrand, plots.REFERENCE), (js_integrand, plots.JS)):
        ax.fill_between(z, 0, values, where=values < 0, color=color, alpha=0.35, lw=0)
    ax.axhline(0, color="black", lw=0.6)
    ax.set(xlabel="z", ylabel="integrand", xlim=(-8, 8))
    ax.legend(loc="upper right")
live.show(
    figure,
    alt=f"Two integrands over z; that of KL(q‖p) falls to {float(kl_integrand.min()):.3f} and that of the geometric JS "
    f"to {float(js_integrand.min()):.3f}, below zero, yet both integrals are positive. The geometric one is negative on both sides of the line where q = p.",
    caption=f"Shaded: where the integrands are negative. The integrals are {float(grid.integrate(kl_integrand)):.4f} and {float(grid.integrate(js_integrand)):.4f} nats.",
)

# %%
negative = js_integrand.clamp(max=0)
share = float(grid.integrate(negative * (log_q(z) > log_p(z))) / grid.integrate(negative))
print(f"share of the negative area of the geometric JS where q > p: {share:.0%}")
live.check(
    integrand_can_be_negative,
    "yes" if float(js_integrand.min()) < 0 else "no",
    hint="Look at the shaded areas on both sides of the dashed line.",
    question="02.integrand_can_be_negative",
    sure=sure_negative,
)

# %%
live.check(
    only_where_q_is_smaller,
    "no" if share > 0.01 else "yes",
    hint="To the left of the dashed line q is larger than p. Is an area shaded there?",
    question="02.only_where_q_is_smaller",
    sure=sure_where,
)

# %%
print("distance   KL(q‖p)   geometric JS   its dual   ordinary JS")
for distance in (0, 2, 4, 6, 8, 10):
    a, b = gaussian(-distance / 2, 1), gaussian(distance / 2, 4)
    ordinary = quadrature.jensen_shannon(
        log_density(-distance / 2, 1), log_density(distance / 2, 4), quadrature.covering(a, b)
    )
    row = [
        float(v)
        for v in (
            vaelab.kl(a, b),
            vaelab.geometric_js(a, b, 0.5),
            vaelab.geometric_js(a, b, 0.5, dual=True),
            ordinary,
        )
    ]
    print(f"{distance:8d} {row[0]:9.4f} {row[1]:14.4f} {row[2]:10.4f} {row[3]:13.4f}")
live.check(
    geometric_js_is_bounded,
    "yes" if row[1] <= math.log(2) else "no",
    hint="Read the last line of the table: q = N(-5, 1), p = N(5, 4).",
    question="02.geometric_js_is_bounded",
    sure=sure_bounded,
)

# %% [markdown]
# ### Explain
# *KL.* Where $q<p$ the logarithm is negative, and so is the integrand. Only the *integral* must be $\ge0$ (Jensen's inequality).
#
# *Geometric JS.* The reason is another one. At $\alpha=\tfrac12$ its integrand is
#
# $$\tfrac14(q-p)\ln\frac qp+\tfrac12(q+p)\ln Z .$$
#
# The first part is never negative, since $q-p$ and $\ln(q/p)$ have the same sign. So the dip comes from $\ln Z\le0$ alone. Dividing by $Z\le1$ makes $G$ larger, in some places
# larger than the arithmetic mean of $q$ and $p$, and only there can the integrand be negative. That of the ordinary JS never is, because its middle *is* the arithmetic mean.
#
# *No bound.* $J$ grows with the squared distance of the means. $\ln Z_\alpha$ subtracts a smaller multiple of it, so the geometric divergence grows without bound. For training this is an
# advantage: when $q$ and $p$ are far apart, a bounded divergence becomes flat and its gradient vanishes.
#
# ## 6 · Explore the divergences
#
# Run the cell and drag the sliders. The arrow keys move a slider that has the focus; the buttons set instructive cases.
# Without a kernel you see the filmstrip: the same picture at five values of $\alpha$.
#
# * Drag $\alpha$ from 0 to 1 with *primed*. $G$ moves **from $p$ to $q$**. Why in this direction?
# * Switch to *dual*: the two ends of the curve on the right swap their values. Where is its minimum now?
# * Press *plain*: both ends fall to 0.
# * Press *dual, small α*: how steep is the curve at the left end?

# %%
panel = live.divergence_panel(alpha=0.3, q=(-2, 1), p=(2, 2))
live.show(panel)

# %% [markdown]
# For a projector, `live.divergence_panel(style="talk")` draws a larger panel.
#
# ## Exercises
#
# **1.** $q=\mathcal N(1,1)$ and $p=\mathcal N(0,1)$ have equal variances. For them, the primed divergence and its dual are equal. Their value is $\tfrac12\mu^2$ times a factor that depends only on
# $\alpha$. What is this factor at $\alpha=0.3$?

# %%
factor = (1 - 0.3) ** 3 + 0.3**3  # your answer, a number

# %%
live.check(
    factor,
    geometric_js(1, 1, 0, 1, 0.3) / kl(1, 1, 0, 1),
    tolerance=1e-6,
    hint="G has variance 1 and mean αμ; substitute them into (1-α) KL(q‖G) + α KL(p‖G).",
    hints={
        0.21: "That is α(1-α), the factor of the plain divergence: in the primed one, G is farther from each density."
    },
)

# %% [markdown]
# **2.** Write $\mathcal D_\alpha$ for any of the four divergences, and show that $\mathcal D_\alpha(q\|p)=\mathcal D_{1-\alpha}(p\|q)$: exchange $q$ and $p$, and $\alpha$ and $1-\alpha$, in its definition.
# Then verify it in one line for $\alpha=0.2$: compute the four values with $q$ and $p$ exchanged, in the order of `variants`.

# %%
exchanged = [geometric_js(2, 4, -2, 1, 0.8, *options) for options in variants.values()]  # your answer, four numbers

# %%
live.check(
    exchanged,
    [geometric_js(-2, 1, 2, 4, 0.2, *options) for options in variants.values()],
    tolerance=1e-9,
    hint="Exchange both the densities and the weights: (2, 4) comes first, and alpha is 0.8.",
)

# %% [markdown]
# **3.** Let $p=\mathcal N(0,1)$ and $m_q=0$, and make $q$ narrow: $s_q=10^{-1},10^{-2},10^{-3}$. KL grows like $-\tfrac12\ln s_q$. How fast does the primed
# divergence grow, and how fast does its dual? (The answer determines the posterior variances of a VAE trained with each.)

# %%
print("      s    KL(q‖p)   primed, α=0.3   primed dual, α=0.3")
for var in (1e-1, 1e-2, 1e-3):
    values = geometric_js(0, var, 0, 1, 0.3), geometric_js(0, var, 0, 1, 0.3, dual=True)
    print(f"{var:7g} {kl(0, var, 0, 1):10.4f} {values[0]:15.4f} {values[1]:20.4f}")

# %%
growth = "1/s"  # your answer for the primed one: "1/s" or "log"

# %%
ratio = geometric_js(0, 1e-5, 0, 1, 0.3) / geometric_js(0, 1e-4, 0, 1, 0.3)
live.check(growth, "1/s" if ratio > 5 else "log", hint="How does the primed column change when s is divided by ten?")

# %% [markdown]
# ## Your predictions
# How sure were you, and how often right?

# %%
live.calibration("02")

# %% [markdown]
# ## Recap
# 1. $\mathrm{KL}(q\|p)$ averages under $q$ and measures distances relative to the variance of $p$; the two directions differ, for our pair by a factor of almost four.
# 2. The geometric mean averages **precisions**; averaging standard deviations gives a wrong curve.
# 3. $\mathrm{JS}^{G_\alpha}=\alpha(1-\alpha)J+\ln Z_\alpha$ and its dual is $-\ln Z_\alpha$. The plain version vanishes in both limits; the primed version goes from $\mathrm{KL}(q\|p)$ to $\mathrm{KL}(p\|q)$, and its dual in the opposite direction.
# 4. The integrand of the geometric JS can be negative, because $\ln Z$ is; the integral cannot. The geometric divergence has no upper bound; that of the ordinary one is $\ln2$.
#
# ## References
# 1. J. Deasy, N. Simidjievski, P. Liò (2020). *Constraining Variational Inference with Geometric Jensen-Shannon Divergence.* NeurIPS. arXiv 2006.10599. (Their $p$ is our $q$: the encoder.)
# 2. F. Nielsen (2019). *On the Jensen-Shannon symmetrization of distances relying on abstract means.* Entropy 21(5), 485. arXiv 1904.04017.
