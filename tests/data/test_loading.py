"""`load`: the small sets that ship, plain arrays, subsets, and what is said about bad input."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vaelab import data as datasets
from vaelab._utils.errors import DataError, InvalidType, InvalidValue, StorageError, UserError
from vaelab._utils.files import repository
from vaelab.data import shipped
from vaelab.data.catalogue import ENTRIES
from vaelab.data.dataset import limit_indices, split_indices, stratified_indices

DATA = repository() / "data"
MINIS = {"mnist-mini": "mnist_mini.npz", "fashion-mini": "fashion_mini.npz"}
CLASSES = {  # of the full sets
    ("mnist-mini", "train"): [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    ("mnist-mini", "test"): [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    ("fashion-mini", "train"): [6000] * 10,
    ("fashion-mini", "test"): [1000] * 10,
}


@pytest.mark.parametrize(("name", "split"), CLASSES)
def test_a_small_set_has_the_shares_of_the_full_one(name, split):
    data = datasets.load(name, split)
    n = {"train": ENTRIES[name].train, "test": ENTRIES[name].test}[split]
    assert data.images.shape == (n, 1, 28, 28)
    assert (data.images.dtype, data.labels.dtype) == (torch.uint8, torch.int64)
    full = np.array(CLASSES[name, split])
    assert np.abs(data.labels.bincount().numpy() - full * n / full.sum()).max() < 1


@pytest.mark.parametrize("name", MINIS)
def test_small_sets_are_small_plain_and_in_the_order_of_the_full_set(name):
    path = DATA / MINIS[name]
    assert path.stat().st_size < 3_000_000
    assert sum((DATA / file).stat().st_size for file in MINIS.values()) < 5_000_000
    with np.load(path, allow_pickle=False) as file:
        place, images = file["train_index"], file["train_images"]
    assert len(np.unique(place)) == len(place)
    assert (datasets.load(name).images[:, 0].numpy() == images[np.argsort(place)]).all()


def test_all_is_train_and_then_test():
    for name in ("mnist-mini", "fashion-mini"):
        train, test, both = (datasets.load(name, split) for split in ("train", "test", "all"))
        assert (both.images == torch.cat([train.images, test.images])).all()
        assert (both.labels == torch.cat([train.labels, test.labels])).all()


@pytest.mark.parametrize("name", MINIS)
@pytest.mark.parametrize("harm", ["altered", "cut", "gone"])
def test_a_small_set_that_was_altered_is_named_with_its_remedy(name, harm, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / MINIS[name]
    content = bytearray((DATA / MINIS[name]).read_bytes())
    content[len(content) // 2] ^= 1
    if harm != "gone":
        path.write_bytes(content if harm == "altered" else content[:-1])
    monkeypatch.setattr(shipped, "repository", lambda: tmp_path)
    with pytest.raises(DataError, match="git checkout data/") as caught:
        datasets.load(name)
    assert str(path) in str(caught.value)
    assert [verdict.ok for verdict in datasets.verify() if verdict.name == name] == [False]


def test_an_installed_package_carries_its_data_inside(monkeypatch, tmp_path):
    monkeypatch.setattr(shipped, "repository", lambda: None)
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "vaelab" / "data" / "shipped.py"))
    with pytest.raises(DataError, match="install vaelab again"):
        datasets.load("mnist-mini")
    (tmp_path / "vaelab" / "data").mkdir(parents=True)
    (tmp_path / "vaelab" / "data" / "mnist_mini.npz").write_bytes((DATA / "mnist_mini.npz").read_bytes())
    assert len(datasets.load("mnist-mini", "test")) == 2_000


def test_the_small_sets_are_drawn_alike_every_time(tmp_path, monkeypatch):
    """The script on a full set of noise: same bytes twice, and images as their index states."""
    sys.path.insert(0, str(DATA))
    try:
        import make_mini
    finally:
        sys.path.remove(str(DATA))
    rng = np.random.default_rng(0)
    noise = torch.from_numpy(rng.integers(0, 256, (60_000, 1, 2, 2), np.uint8))
    full = replace(datasets.load("digits"), images=noise, labels=torch.arange(60_000) % 10)
    monkeypatch.setattr(make_mini, "load", lambda name, split: full)
    for folder in ("a", "b"):
        make_mini.main(tmp_path / folder)
    for file in MINIS.values():
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    with np.load(tmp_path / "a" / "mnist_mini.npz", allow_pickle=False) as file:
        assert (file["train_images"] == noise[:, 0].numpy()[file["train_index"]]).all()
        assert np.bincount(file["train_labels"]).tolist() == [1_000] * 10


def test_the_readme_of_the_data_states_the_sums_in_the_catalogue():
    text = (DATA / "README.md").read_text()
    for name, file in MINIS.items():
        assert f"{ENTRIES[name].ships[file].removeprefix('sha256:')}  {file}" in text


def test_digits_fill_the_range_and_split_without_overlap():
    train, test, both = (datasets.load("digits", split) for split in ("train", "test", "all"))
    assert train.shape == (1, 8, 8)
    assert (len(train), len(test)) == (ENTRIES["digits"].train, ENTRIES["digits"].test)
    assert (int(both.images.min()), int(both.images.max())) == (0, 255)
    assert len(both.images.unique()) == 17
    assert sorted(torch.cat([train.labels, test.labels])) == sorted(both.labels)


def test_a_dataset_says_what_it_is():
    data = datasets.load("mnist-mini", "test")
    assert repr(data).startswith("Dataset(mnist-mini, test: 2,000 images 1x28x28, from ")
    assert (data.name, data.split, data.shape) == ("mnist-mini", "test", (1, 28, 28))
    assert "LeCun" in data.credit
    assert "CC BY-SA" in data.license
    assert Path(data.origin) == DATA / "mnist_mini.npz"
    changed = replace(data, labels=data.labels.flip(0))
    assert changed.sha256 != data.sha256 == datasets.load("mnist-mini", "test").sha256


def test_a_limit_keeps_the_shares_and_is_the_same_every_time():
    few = datasets.load("mnist-mini", limit=1_000)
    assert len(few) == 1_000
    assert few.sha256 == datasets.load("mnist-mini").subset(1_000).sha256
    assert few.sha256 != datasets.load("mnist-mini").subset(1_000, seed=1).sha256
    full = datasets.load("mnist-mini").labels.bincount() / 10
    assert (few.labels.bincount() - full).abs().max() < 1
    assert len(datasets.load("digits", limit=10**6)) == ENTRIES["digits"].train


@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.data())
def test_a_stratified_draw_is_ascending_without_repeats_and_proportional(labels, data):
    labels = np.array(labels)
    n = data.draw(st.integers(1, len(labels)))
    chosen = stratified_indices(labels, n, seed=data.draw(st.integers(0, 9)))
    assert len(chosen) == n
    assert (np.diff(chosen) > 0).all()
    share = np.bincount(labels[chosen], minlength=6) - np.bincount(labels, minlength=6) * n / len(labels)
    assert np.abs(share).max() < 1


@given(st.integers(0, 500))
def test_a_held_out_tenth_completes_the_rest(n):
    train, test = split_indices(n, "train"), split_indices(n, "test")
    assert len(test) == n // 10
    assert sorted([*train, *test]) == list(split_indices(n, "all")) == list(range(n))


@given(st.integers(1, 50), st.integers(1, 60))
def test_thinning_keeps_the_order(n, limit):
    kept = limit_indices(np.arange(n) * 3, limit)
    assert len(kept) == min(n, limit)
    assert (np.diff(kept) > 0).all()
    assert (kept % 3 == 0).all()


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 5), st.sampled_from([1, 3]), *[st.integers(4, 9)] * 2)))
def test_an_array_may_come_in_any_usual_layout(images):
    want = torch.from_numpy(images)
    assert (datasets.load(images).images == want).all()
    assert (datasets.load(want).images == want).all()
    assert (datasets.load(images.transpose(0, 2, 3, 1)).images == want).all()
    assert (datasets.load(images.astype(np.float32) / 255).images == want).all()
    assert (datasets.load(images[:, 0]).images == want[:, :1]).all()


def test_an_array_is_copied_and_named_so():
    mine = np.zeros((2, 5, 5), np.uint8)
    data = datasets.load(mine)
    mine[:] = 1
    assert int(data.images.max()) == 0
    assert (data.name, data.split, data.labels.tolist()) == ("array", "all", [0, 0])
    assert len(datasets.load(np.zeros((9, 5, 5)), limit=4)) == 4


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (np.zeros((0, 4, 4), np.uint8), InvalidValue, r"n at least 1, got \[0, 4, 4\]"),
        (np.zeros((2, 4)), InvalidValue, r"\[n, c, h, w\].*got \[2, 4\]"),
        (np.zeros((2, 4, 4, 2), np.uint8), InvalidValue, "1 or 3 channels"),
        (np.zeros((2, 3, 8, 3), np.uint8), InvalidValue, "can be read as both"),
        (np.zeros((2, 4, 4), np.int64), InvalidType, "uint8.*int64"),
        (np.full((2, 4, 4), "x"), InvalidType, "uint8"),
        (np.full((2, 4, 4), 255.0), InvalidValue, "255"),
        (np.full((2, 4, 4), -0.1), InvalidValue, "-0.1"),
        (np.full((2, 4, 4), np.nan), InvalidValue, "nan"),
        (torch.full((2, 4, 4), torch.inf), InvalidValue, "inf"),
        ([[1]], InvalidType, "got list"),
        (None, InvalidType, "NoneType"),
    ],
)
def test_what_is_no_set_of_images_gets_one_sentence(wrong, error, words):
    with pytest.raises(error, match=words) as caught:
        datasets.load(wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("mnits", "mnist"),
        ("MNIST", "mnist"),
        ("fashion_mnist", "fashion-mnist"),
        ("cifar-10", "cifar10"),
        ("celebA", "celeba"),
    ],
)
def test_an_unknown_name_gets_near_ones(name, near):
    with pytest.raises(InvalidValue, match=f"{name}.*did you mean.*{near}"):
        datasets.load(name)
    with pytest.raises(InvalidValue, match=near):
        datasets.where(name)


def test_a_name_like_no_other_gets_all_names():
    with pytest.raises(InvalidValue) as caught:
        datasets.load("zzzzzz")
    assert all(name in str(caught.value) for name in datasets.names())


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"split": "valid"}, InvalidValue, "split must be one of train, test, all, got 'valid'"),
        ({"split": 1}, InvalidType, "split must be a text, got 1"),
        ({"limit": 0}, InvalidValue, "limit must be at least 1, got 0"),
        ({"limit": -5}, InvalidValue, "limit.*-5"),
        ({"limit": 2.5}, InvalidType, "limit must be an integer, got 2.5"),
        ({"limit": True}, InvalidType, "limit.*True"),
    ],
)
def test_bad_arguments_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        datasets.load("digits", **arguments)


def test_a_folder_that_is_none_is_named(monkeypatch, tmp_path):
    with pytest.raises(StorageError, match="nowhere"):
        datasets.load("mnist", folder=tmp_path / "nowhere")
    with pytest.raises(InvalidType, match="folder must be a path or a text, got 3"):
        datasets.load("mnist", folder=3)
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "lost"))
    with pytest.raises(StorageError, match=r"VAELAB_DATA.*lost"):
        datasets.load("mnist")


def test_a_subset_larger_than_the_set_is_refused():
    with pytest.raises(InvalidValue, match=r"n must be at most 179.*got 180"):
        datasets.load("digits", "test").subset(180)


def test_an_array_has_no_test_split():
    with pytest.raises(InvalidValue, match="test"):
        datasets.load(np.zeros((2, 4, 4)), "test")


def test_every_error_is_one_a_user_can_mend():
    assert issubclass(DataError, UserError)
    with pytest.raises(ValueError, match="did you mean"):
        datasets.load("mnisst")


def test_importing_it_draws_in_no_heavy_library():
    heavy = "matplotlib ipywidgets sklearn pooch PIL requests"
    code = f"import sys, vaelab.data; print([m for m in {heavy.split()!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=DATA.parent, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_no_registry_host_is_written_anywhere():
    hosts = [entry.mirrors for entry in ENTRIES.values() if entry.package]
    assert len(hosts) == 3
    for path in Path(datasets.__file__).parent.glob("*"):
        if path.is_file():
            text = path.read_text()
            assert not any(word in text for word in ("npmjs", "debian.org", "pypi"))
