"""gam-score: how good samples and reconstructions are, against a fixed gamma²; the other methods as points."""

from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER, ends, looks
from figures.figure import Figure
from vaelab import plots
from vaelab.run_store import Numbers


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.2)
    left, right = figure.subplots(1, 2)
    for axes, name, what in ((left, "score_rebuilt", "reconstructions"), (right, "score_sampled", "samples")):
        ends.sweep(axes, n, n[name])
        axes.set(yscale="log", title=f"{what}: lower is better")
    left.axhline(n["score_train"].mean(), color="black", linewidth=0.8, linestyle=":", label="training images")
    left.set_ylabel("Fréchet distance\non classifier features")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def best(n: Numbers) -> tuple[str, float]:
    """The fixed gamma with the best samples, and its score, mean over seeds."""
    means = n["score_sampled"].mean(1)
    i = min((i for i in range(len(means)) if n["fixed"][i]), key=lambda i: means[i])
    return str(n["label"][i]), float(means[i])


def alt(n: Numbers) -> str:
    told = "; ".join(
        f"{label} {v.mean():.0f}"
        for label, v in zip(n["label"], n["score_sampled"], strict=True)
        if "fixed" not in label
    )
    name, value = best(n)
    return (
        "Fréchet distance on the features of a small classifier (no FID) from test images to reconstructions and to "
        f"samples, against gamma squared. Samples are best at a hand-tuned {name}: {value:.0f}. The others: {told}. "
        f"Training images: {n['score_train'].mean():.0f}."
    )


FIGURE = Figure(
    id="gam-score",
    paper=PAPER,
    shows="Samples over gamma²: a valley between blurred ones and ones that miss the data; reconstructions only gain",
    compute=ends.compute,
    rows=ends.rows,
    draw=draw,
    alt=alt,
    presets=looks.SWEEP,
)
