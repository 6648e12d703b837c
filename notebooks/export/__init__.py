"""Pages, slides and problem sets made from the notebooks; each is one file that needs no network.

python -m notebooks.export html       docs/html/NN_slug.html, the executed notebooks
python -m notebooks.export slides     docs/slides/NN_slug.html, the same as a presentation
python -m notebooks.export exercises  docs/exercises/NN_slug.html, the problems, and NN_slug_solutions.html

Numbers choose notebooks: `python -m notebooks.export slides 02 06`.
"""
