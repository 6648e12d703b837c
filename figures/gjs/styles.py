"""The colours of the variants in the figures of this paper."""

from figures.gjs.variants import BETA, KL, LEARNED, MMD, REVERSE
from vaelab import plots

COLOURS = {KL: plots.Q, BETA: plots.Q, REVERSE: plots.P, "primed": plots.JS, "primed dual": plots.DUAL}
COLOURS |= {"plain": plots.MEAN, "plain dual": plots.REFERENCE, MMD: plots.REFERENCE}
COLOURS |= {LEARNED[family]: COLOURS[family] for family in LEARNED}
