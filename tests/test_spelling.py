"""Every word of the notebooks, the README and the guides is in a dictionary, or is a term or a name of the field."""

import os
import re

import pytest

from tests.test_words import each_file, prose_of

if os.environ.get("CI"):
    import spellchecker
else:
    spellchecker = pytest.importorskip("spellchecker", reason="the spelling test needs pyspellchecker: make setup")

TERMS = """
    adamax alt args autoencoder autoencoders autoregressive binarization binarized binarizes bool changelog chunked
    checksum checksums colab conda convolutional csv dask decoders denoising docstrings doi downsampled
    eigenvector eigenvectors encoders equivariant gaussians gzipped hyperparameter informations
    interruptible ipykernel ipympl ipywidgets json jupyter latents logit logits logvar loky matplotlib
    metadata minibatch minibatches minimizer minimizers mse nats nbgrader npz plotly posteriors priors
    pytorch quantile refactoring regularizer regularizers reimplementation reimplementations reimplemented
    renormalization renormalize renormalized renormalizes renormalizing reparameterization reparameterize
    reparameterized resample resampling scikit softmax tls torchvision unnormalized vaelab wasserstein zlib
"""
NAMES = """
    asperti burda burges dai deasy dieng dinh kautz rasul shapenet simidjievski sinha tomczak trentin vahdat vollgraf
    wipf xiao zalando
"""
WORD = re.compile(r"(?<![\w-])[A-Za-z]?[a-z]{2,}(?:'[a-z]+)?(?![\w-])")
DICTIONARY = spellchecker.SpellChecker(distance=1)
DICTIONARY.word_frequency.load_words((TERMS + NAMES).split())


def unknown(prose: str) -> set[str]:
    """Return the words that are in no dictionary; acronyms and names with capitals inside are no words."""
    words = {re.sub(r"'s?$", "", word.lower()) for word in WORD.findall(prose)}
    return {word for word in words if word not in DICTIONARY}


@each_file
def test_every_word_is_in_the_dictionary(file):
    assert not unknown(prose_of(file).split("## References")[0]), "mend them, or add them to TERMS"


def test_a_misspelled_word_is_found():
    assert unknown("The postreior of a minibatch isn't Gaussain, it's VAE-like: KLs.") == {"postreior", "gaussain"}
