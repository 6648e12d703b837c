"""The kernel named vaelab: that of IPython, whose description of its language is the same on every machine.

JupyterLab writes this description into each notebook that it opens. With the version of Python in it,
a notebook from the repository would differ as soon as it is saved, though nobody has changed it.
"""

from typing import Any

from ipykernel.ipkernel import IPythonKernel

# The committed notebooks have the same description. Its version is a coarse one, which every supported Python is.
LANGUAGE: dict[str, Any] = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
    "version": "3",
}


class Kernel(IPythonKernel):
    """IPython's kernel with a fixed description of the language."""

    language_info = LANGUAGE
