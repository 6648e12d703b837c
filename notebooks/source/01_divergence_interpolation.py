# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 01 · From one KL to the other
#
# **Question.** How far is one Gaussian from another, and what lies *between* the two answers that the
# Kullback-Leibler divergence gives?
#
# **You will be able to**
# 1. derive the KL divergence of two Gaussians, and say which of its two directions punishes what;
# 2. build the geometric mean of two densities, and avoid the usual mistake in drawing it;
# 3. derive the geometric Jensen-Shannon divergences, and *find* where each goes when $\alpha$ reaches 0 or 1;
# 4. say why an integrand may dip below zero, and why this divergence has no upper bound.
#
# **Time** about 40 minutes. **You need** integrals, logarithms, and notebook [00 · Start here](00_start_here.ipynb).
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
# The Kullback-Leibler divergence averages the log ratio of two densities under the *first* of them:
#
# $$\mathrm{KL}(q\|p)=\int q(z)\,\ln\frac{q(z)}{p(z)}\,dz=\mathbb E_q[\ln q-\ln p].$$
#
# For Gaussians three facts are enough:
#
# $$\ln q(z)=-\tfrac12\ln(2\pi s_q)-\frac{(z-m_q)^2}{2s_q},\qquad
# \mathbb E_q(z-m_q)^2=s_q,\qquad \mathbb E_q(z-m_p)^2=s_q+(m_q-m_p)^2 .$$
#
# Put them in, and the $2\pi$ cancels:
#
# $$\mathrm{KL}(q\|p)=\tfrac12\Big[\frac{s_q}{s_p}-1-\ln\frac{s_q}{s_p}+\frac{(m_q-m_p)^2}{s_p}\Big].$$
#
# ### Predict
# Take $q=\mathcal N(-2,1)$, narrow, and $p=\mathcal N(2,4)$, wide. The distance between the means is the same for both
# directions, but each direction measures it with a different ruler. Which is larger, $\mathrm{KL}(q\|p)$ or
# $\mathrm{KL}(p\|q)$? Write your guess before you run the cell.

# %%
larger = "KL(p|q)"  # your guess: "KL(q|p)" or "KL(p|q)"


# %% [markdown]
# ### Try


# %%
def kl(m_q, s_q, m_p, s_p):
    """KL(q‖p) of two Gaussians given by mean and variance."""
    return 0.5 * (s_q / s_p - 1 - math.log(s_q / s_p) + (m_q - m_p) ** 2 / s_p)


kl_qp, kl_pq = kl(-2, 1, 2, 4), kl(2, 4, -2, 1)
print(f"KL(q‖p) = {kl_qp:.6f}    KL(p‖q) = {kl_pq:.6f}")
live.check(
    larger,
    "KL(p|q)" if kl_pq > kl_qp else "KL(q|p)",
    hint="Whose variance stands under the squared distance?",
)

# %% [markdown]
# Do not trust a formula that you have not checked against the definition. `quadrature` integrates the definition on a grid and
# knows nothing of Gaussians; `vaelab.kl` is the package's own version.


# %%
def gaussian(m, s):
    """The package's Gaussian: mean and *log variance*, as 64-bit tensors."""
    return vaelab.Gaussian(
        torch.tensor(float(m), dtype=torch.float64), torch.tensor(float(s), dtype=torch.float64).log()
    )


def log_density(m, s):
    """ln N(z; m, s) as a function of z."""
    return lambda z: -0.5 * (math.log(2 * math.pi * s) + (z - m) ** 2 / s)


q, p, log_q, log_p = gaussian(-2, 1), gaussian(2, 4), log_density(-2, 1), log_density(2, 4)
grid = quadrature.covering(q, p)
print(f"by quadrature:  {float(quadrature.kl(log_q, log_p, grid)):.12f}")
print(f"by the package: {float(vaelab.kl(q, p)):.12f}")
print(f"by your cell:   {kl_qp:.12f}")
assert abs(kl_qp - float(quadrature.kl(log_q, log_p, grid))) < 1e-8

# %% [markdown]
# ### Explain
# The average runs over the *first* density, the ruler belongs to the *second*. In $\mathrm{KL}(p\|q)$ the wide $p$ puts mass
# where the narrow $q$ has nearly none, and the logarithm makes that expensive: minimized over $q$, this direction *covers* mass.
# In $\mathrm{KL}(q\|p)$, the term of the ordinary VAE, $q$ pays only where it has mass itself: it may *seek* a mode and leave the rest.
# Neither is symmetric, and we would like to choose a point in between.
#
# ## 2 · A mean of two densities
#
# The geometric mean weighs *logarithms* and then normalizes:
#
# $$G_\alpha(z)=\frac{q(z)^{1-\alpha}\,p(z)^{\alpha}}{Z_\alpha},\qquad Z_\alpha=\int q^{1-\alpha}p^{\alpha}\,dz .$$
#
# The exponent is $-\tfrac12\big[(1-\alpha)(z-m_q)^2/s_q+\alpha(z-m_p)^2/s_p\big]$, again a parabola in $z$; so $G_\alpha$ is
# again a Gaussian. Read off the coefficients of $z^2$ and of $z$:
#
# $$\frac1{s_\alpha}=\frac{1-\alpha}{s_q}+\frac{\alpha}{s_p},\qquad
# m_\alpha=s_\alpha\Big[\frac{(1-\alpha)\,m_q}{s_q}+\frac{\alpha\,m_p}{s_p}\Big].$$
#
# ### Predict
# *Precisions* $1/s$ are averaged. The pair above at $\alpha=\tfrac12$: is the mean of $G$ nearer to $m_q=-2$ (the narrow one),
# nearer to $m_p=2$, or in the middle at 0?

# %%
nearer = "q"  # your guess: "q", "p" or "middle"


# %% [markdown]
# ### Try


# %%
def geometric_mean(m_q, s_q, m_p, s_p, alpha):
    """Mean and variance of the normalized geometric mean q^(1-alpha) p^alpha: precisions are averaged."""
    s = 1 / ((1 - alpha) / s_q + alpha / s_p)
    return s * ((1 - alpha) * m_q / s_q + alpha * m_p / s_p), s


m, s = geometric_mean(-2, 1, 2, 4, 0.5)
print(f"G = N({m:.4f}, {math.sqrt(s):.6f}²)")
live.check(
    nearer,
    "middle" if abs(m) < 1e-9 else "q" if m < 0 else "p",
    hint="Which of the two has the larger precision?",
)

# %% [markdown]
# A tempting slip is to average *standard deviations* instead of variances: the code that drew this figure for the original
# paper does so. Below, the shaded curve is $q^{1/2}p^{1/2}$ itself, normalized on a grid without any formula. Which line lies on it?


# %%
def slip(m_q, s_q, m_p, s_p, alpha):
    """The same formula, fed with standard deviations where variances belong."""
    m, sigma = geometric_mean(m_q, math.sqrt(s_q), m_p, math.sqrt(s_p), alpha)
    return m, sigma**2


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
        ax.plot(
            z,
            log_density(mean, var)(z).exp(),
            dash,
            color=color,
            label=f"{name}: N({mean:.4f}, {math.sqrt(var):.4f}²)",
        )
    ax.set(xlabel="z", ylabel="density", xlim=(-8, 8), ylim=(0, None))
    ax.legend(loc="upper right")
live.show(
    figure,
    alt=f"The true geometric mean is the curve N({right[0]:.2f}, {math.sqrt(right[1]):.2f}²); averaging standard deviations gives a wider curve, "
    f"shifted to the right, N({wrong[0]:.2f}, {math.sqrt(wrong[1]):.2f}²).",
    caption="The geometric mean of N(-2, 1²) and N(2, 2²) at α = ½: right with variances, wrong with standard deviations.",
)
assert float((log_density(*right)(z).exp() - truth).abs().max()) < 1e-8

# %% [markdown]
# ### Explain
# A sharp density knows more about where $z$ is, and a geometric mean listens to knowledge, that is to precision. So $G$ leans
# toward the narrow one, and its variance is a *harmonic* mean of variances.
#
# ## 3 · The geometric Jensen-Shannon divergences
#
# The ordinary Jensen-Shannon divergence compares $q$ and $p$ with their *arithmetic* mean $\tfrac12(q+p)$, which is no Gaussian, so
# there is no closed form. Put the geometric mean in its place, and there is (Nielsen 2019). Deasy et al. (2020) use it in a VAE,
# with the weights *inside the mean* swapped, $G_{1-\alpha}$ for $G_\alpha$: we call theirs **primed**, the other one **plain**.
# Turning each KL around gives the **duals**:
#
# | | plain, $G=G_\alpha$ | primed, $G=G_{1-\alpha}$ |
# |---|---|---|
# | not dual | $(1-\alpha)\,\mathrm{KL}(q\|G_\alpha)+\alpha\,\mathrm{KL}(p\|G_\alpha)$ | $(1-\alpha)\,\mathrm{KL}(q\|G_{1-\alpha})+\alpha\,\mathrm{KL}(p\|G_{1-\alpha})$ |
# | dual | $(1-\alpha)\,\mathrm{KL}(G_\alpha\|q)+\alpha\,\mathrm{KL}(G_\alpha\|p)$ | $(1-\alpha)\,\mathrm{KL}(G_{1-\alpha}\|q)+\alpha\,\mathrm{KL}(G_{1-\alpha}\|p)$ |
#
# Each is two KLs of Gaussians, and we have both ingredients. That *is* the closed form:


# %%
def geometric_js(m_q, s_q, m_p, s_p, alpha, dual=False, primed=True):
    """The four variants from their definition; alpha strictly between 0 and 1 or at an end."""
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
# Two identities make the family transparent. Since $\ln G_\alpha=(1-\alpha)\ln q+\alpha\ln p-\ln Z_\alpha$,
#
# $$\mathrm{KL}(q\|G_\alpha)=\alpha\,\mathrm{KL}(q\|p)+\ln Z_\alpha,\qquad \mathrm{KL}(p\|G_\alpha)=(1-\alpha)\,\mathrm{KL}(p\|q)+\ln Z_\alpha .$$
#
# Weigh the two and add. With $J=\mathrm{KL}(q\|p)+\mathrm{KL}(p\|q)$,
#
# $$\mathrm{JS}^{G_\alpha}=\alpha(1-\alpha)\,J+\ln Z_\alpha ,\tag{1}$$
#
# and in the dual the two logarithms under $G_\alpha$ recombine into $\ln G_\alpha+\ln Z_\alpha$, so that only
#
# $$\mathrm{JS}_*^{G_\alpha}=-\ln Z_\alpha \tag{2}$$
#
# is left. Their sum is $\alpha(1-\alpha)J$. In (1), $\ln Z_\alpha\le0$ is easily forgotten; the next cell shows what it is worth.

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
# ## 4 · Where do they go?
#
# ### Predict
# For each variant write what it becomes at $\alpha=0$ and at $\alpha=1$: `"0"`, `"KL(q|p)"` or `"KL(p|q)"`.
# At $\alpha=0$ the first weight is 1 and the second is 0: ask only which density $G$ has become.

# %%
at_0 = {"plain": "0", "plain dual": "0", "primed": "KL(q|p)", "primed dual": "KL(p|q)"}  # your answers
at_1 = {"plain": "0", "plain dual": "0", "primed": "KL(p|q)", "primed dual": "KL(q|p)"}

# %% [markdown]
# ### Try
# The cell approaches both ends and names the value that it finds there.


# %%
def nearest(value):
    """Which of the three candidates a value has arrived at."""
    return min(("0", 0.0), ("KL(q|p)", kl_qp), ("KL(p|q)", kl_pq), key=lambda pair: abs(pair[1] - value))[0]


variants = {
    "plain": (False, False),
    "plain dual": (True, False),
    "primed": (False, True),
    "primed dual": (True, True),
}
steps = (1e-1, 1e-2, 1e-4, 1e-6)
found_0, found_1 = [], []
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
    found_0.append(nearest(low[-1]))
    found_1.append(nearest(high[0]))
live.check(
    [at_0[name] for name in variants] + [at_1[name] for name in variants],
    found_0 + found_1,
    hint="Plain: at α = 0 the mean is q itself, and KL(q‖q) = 0. Primed: at α = 0 the mean is p.",
)

# %% [markdown]
# ### Explain
# Plain: at each end the mean has become the very density it is compared with, so the divergence vanishes there: it cannot
# interpolate. Swapping the weights in the mean repairs this. With $G_{1-\alpha}$ the same algebra as above gives
#
# $$\mathrm{JS}^{G_{1-\alpha}}=(1-\alpha)^2\,\mathrm{KL}(q\|p)+\alpha^2\,\mathrm{KL}(p\|q)+\ln Z_{1-\alpha},$$
#
# and $Z_0=Z_1=1$: from $\mathrm{KL}(q\|p)$, the ordinary VAE, to $\mathrm{KL}(p\|q)$. Its dual runs **the other way**. That is the paper's point,
# and a frequent source of confusion: "small $\alpha$" means opposite things in the two.
#
# ## 5 · Below zero, and without a ceiling
#
# ### Predict
# A divergence is never negative. (a) Can its *integrand* be negative somewhere? (b) The ordinary Jensen-Shannon divergence never exceeds
# $\ln2\approx0.693$. Does the geometric one stay below it, too?

# %%
integrand_can_be_negative = "yes"  # your guess: "yes" or "no"
geometric_js_has_a_ceiling = "no"  # your guess: "yes" or "no"

# %% [markdown]
# ### Try

# %%
g = geometric_mean(-2, 1, 2, 4, 0.7)  # primed, alpha = 0.3: the mean takes 1 - alpha
lg = log_density(*g)(z)
kl_integrand = log_q(z).exp() * (log_q(z) - log_p(z))
js_integrand = 0.7 * log_q(z).exp() * (log_q(z) - lg) + 0.3 * log_p(z).exp() * (log_p(z) - lg)
with plots.style("notebook"):
    figure = plots.new_figure(8, 3.2)
    ax = figure.subplots()
    ax.plot(z, kl_integrand, ":", color=plots.REFERENCE, label="KL(q‖p)")
    ax.plot(z, js_integrand, color=plots.JS, label="primed geometric JS, α = 0.3")
    for values, color in ((kl_integrand, plots.REFERENCE), (js_integrand, plots.JS)):
        ax.fill_between(z, 0, values, where=values < 0, color=color, alpha=0.35, lw=0)
    ax.axhline(0, color="black", lw=0.6)
    ax.set(xlabel="z", ylabel="integrand", xlim=(-8, 8))
    ax.legend(loc="upper right")
live.show(
    figure,
    alt=f"Two integrands over z; the one of KL(q‖p) falls to {float(kl_integrand.min()):.3f} and the one of the geometric JS "
    f"to {float(js_integrand.min()):.3f}, below zero, yet both integrals are positive.",
    caption=f"Shaded: where the integrands are negative. The integrals are {float(grid.integrate(kl_integrand)):.4f} and {float(grid.integrate(js_integrand)):.4f} nats.",
)
live.check(
    integrand_can_be_negative,
    "yes" if float(js_integrand.min()) < 0 else "no",
    hint="Look at z near 0 in the figure.",
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
    geometric_js_has_a_ceiling,
    "yes" if row[1] <= math.log(2) else "no",
    hint="Read the last line of the table: q = N(-5, 1), p = N(5, 4).",
)

# %% [markdown]
# ### Explain
# Where $q<p$ the logarithm is negative and the integrand with it; only the *sum* is bound to be $\ge0$ (Jensen). And because $J$ grows with the
# squared distance while $\ln Z_\alpha$ takes away a smaller multiple of it, the geometric divergence grows without bound. For training this is good news: a bounded divergence
# goes flat, and its gradient dies, when $q$ and $p$ are far apart.
#
# ## 6 · Move it
#
# Run the cell and drag. Arrow keys move a slider that has the focus, the buttons jump to situations worth a look.
# Without a kernel you see the film-strip: the same picture at five values of $\alpha$.
#
# * Drag $\alpha$ from 0 to 1 with *primed*. Watch $G$ walk **from $p$ to $q$**. Why in this direction?
# * Switch to *dual*: the two ends of the curve on the right change places. Where is its minimum now?
# * Press *plain*: both ends fall to 0.
# * Press *dual, small α*: how steep is the curve at the left end?

# %%
panel = live.divergence_panel(alpha=0.3, q=(-2, 1), p=(2, 2))
live.show(panel)

# %% [markdown]
# On a projector, `live.divergence_panel(style="talk")` is larger.
#
# ## Exercises
#
# **1.** $q=\mathcal N(1,1)$, $p=\mathcal N(0,1)$: equal variances. Both primed versions agree there. Their value is $\tfrac12\mu^2$ times a factor that depends on
# $\alpha$ alone. Which factor, at $\alpha=0.3$?

# %%
factor = (1 - 0.3) ** 3 + 0.3**3  # your answer, a number
live.check(
    factor,
    geometric_js(1, 1, 0, 1, 0.3) / kl(1, 1, 0, 1),
    tolerance=1e-6,
    hint="G has variance 1 and mean αμ; put that into (1-α) KL(q‖G) + α KL(p‖G).",
)

# %% [markdown]
# **2.** Show that each divergence satisfies $D_\alpha(q\|p)=D_{1-\alpha}(p\|q)$, and check it in one line for $\alpha=0.2$.

# %%
for name, (dual, primed) in variants.items():
    print(
        f"{name:12}",
        geometric_js(-2, 1, 2, 4, 0.2, dual, primed),
        geometric_js(2, 4, -2, 1, 0.8, dual, primed),
    )

# %% [markdown]
# **3.** Let $p=\mathcal N(0,1)$, $m_q=0$, and make $q$ narrow: $s_q=10^{-1},10^{-2},10^{-3}$. KL grows like $-\tfrac12\ln s_q$. How does the primed
# divergence grow, and how its dual? (This decides how a VAE trained with each chooses the variance of its latents.)

# %%
print("      s    KL(q‖p)   primed, α=0.3   primed dual, α=0.3")
for var in (1e-1, 1e-2, 1e-3):
    values = geometric_js(0, var, 0, 1, 0.3), geometric_js(0, var, 0, 1, 0.3, dual=True)
    print(f"{var:7g} {kl(0, var, 0, 1):10.4f} {values[0]:15.4f} {values[1]:20.4f}")
growth = "1/s"  # your answer for the primed one: "1/s" or "log"
ratio = geometric_js(0, 1e-5, 0, 1, 0.3) / geometric_js(0, 1e-4, 0, 1, 0.3)
live.check(growth, "1/s" if ratio > 5 else "log", hint="What happens to the primed column when s is divided by ten?")

# %% [markdown]
# ## Recap
# 1. $\mathrm{KL}(q\|p)$ averages under $q$ and measures with $p$'s ruler; the two directions differ, here as 2.3 to 8.8 nats.
# 2. The geometric mean averages **precisions**; with standard deviations in their place the curve is plainly wrong.
# 3. $\mathrm{JS}^{G_\alpha}=\alpha(1-\alpha)J+\ln Z_\alpha$ and its dual is $-\ln Z_\alpha$; plain vanishes at both ends, primed runs from $\mathrm{KL}(q\|p)$ to $\mathrm{KL}(p\|q)$, its dual back.
# 4. Integrands may be negative, integrals may not; the geometric divergence has no ceiling, the ordinary one has $\ln2$.
#
# ## References
# 1. J. Deasy, N. Simidjievski, P. Liò (2020). *Constraining Variational Inference with Geometric Jensen-Shannon Divergence.* NeurIPS. arXiv 2006.10599. (Their $p$ is our $q$: the encoder.)
# 2. F. Nielsen (2019). *On the Jensen-Shannon symmetrization of distances relying on abstract means.* Entropy 21(5), 485. arXiv 1904.04017.
