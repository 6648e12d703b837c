"""The colors of the variants in the figures of this paper."""

from figures.gjs.variants import BETA, KL, LEARNED, MMD, REVERSE
from vaelab import plots

COLORS = {KL: plots.Q, BETA: plots.Q, REVERSE: plots.P, "primed": plots.JS, "primed dual": plots.DUAL}
COLORS |= {"plain": plots.MEAN, "plain dual": plots.REFERENCE, MMD: plots.REFERENCE}
COLORS |= {LEARNED[family]: COLORS[family] for family in LEARNED}
