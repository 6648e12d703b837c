"""Writing files: limits, links, left-overs, races and locks."""

import os
import resource
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from figures import manifest
from vaelab import TrainConfig, fit, recipes
from vaelab._utils.errors import InvalidValue, StorageError, UserError
from vaelab._utils.files import atomic_write, lock, own_suffix, require_writable, user_path
from vaelab.training.loop import train

ROOT = Path(__file__).parents[2]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def dead_process():
    command = [sys.executable, "-c", "import os; print(os.getpid())"]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


def test_a_link_is_followed(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "far" / "table.csv")
    for text in ("new", "newer"):
        with atomic_write(tmp_path / "link.csv") as part:
            part.write_text(text)
        assert (tmp_path / "link.csv").is_symlink()
        assert (tmp_path / "far" / "table.csv").read_text() == text
    assert names(tmp_path / "far") == ["table.csv"]


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    host = own_suffix().split("-")[0]
    dead, alive = dead_process(), os.getppid()
    left = [f".a.npz.{host}-{dead}-7.part", f".unpacking.{host}-{dead}-x7_.part"]
    kept = [f".a.npz.{host}-{alive}-7.part", f".a.npz.other{host}-{dead}-7.part", "a.part", ".b.part"]
    for name in [left[0], *kept]:
        (tmp_path / name).write_text("half")
    (tmp_path / left[1]).mkdir()
    (tmp_path / left[1] / "half").write_text("half")
    with atomic_write(tmp_path / "new") as part:
        part.write_text("whole")
    assert names(tmp_path) == sorted([*kept, "new"])


def test_threads_and_processes_share_no_temporary_file(tmp_path):
    barrier = threading.Barrier(8)

    def write(i):
        for k in range(20):
            with atomic_write(tmp_path / "same") as part, part.open("w") as file:
                barrier.wait() if k == 0 else None
                file.write(str(i) * 5000)
            assert len(set((tmp_path / "same").read_text())) == 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert names(tmp_path) == ["same"]


def test_many_probes_at_once_do_not_fail(tmp_path):
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(require_writable, [tmp_path / "new"] * 400))
    assert names(tmp_path / "new") == []


def test_long_names_leave_space_for_the_temporary_one(tmp_path):
    with atomic_write(tmp_path / ("x" * 250)) as part:
        part.write_text("whole")
    assert names(tmp_path) == ["x" * 250]


@pytest.mark.parametrize("path", ["~nosuchuser/x", "x" * 300, "a\0b"])
def test_impossible_paths_get_one_sentence(path):
    with pytest.raises(InvalidValue, match="must be a path of this system") as caught:
        user_path(path)
    assert str(caught.value).isprintable()


def test_files_have_the_mode_of_the_user(tmp_path):
    before = os.umask(0o027)
    try:
        torch.manual_seed(0)
        experiment = recipes.vae((1, 4, 4), 2, hidden=(4,))
        config = TrainConfig(epochs=1, batch_size=4, progress=False, checkpoints=tmp_path / "c")
        fit(experiment, torch.rand(8, 1, 4, 4), config)
    finally:
        os.umask(before)
    (path,) = (tmp_path / "c").iterdir()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_lock_names_its_holder_and_ends_with_it(tmp_path):
    with lock(tmp_path / "a" / ".lock", wait=False):
        assert (tmp_path / "a" / ".lock").exists()
        with (
            pytest.raises(InvalidValue, match=rf"in use by process {os.getpid()} on .* since 20"),
            lock(tmp_path / "a" / ".lock", wait=False),
        ):
            pass
    assert not (tmp_path / "a").exists()
    code = f"""
import os, pathlib
from vaelab._utils.files import lock
with lock(pathlib.Path({str(tmp_path)!r}) / ".lock", wait=False):
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -9
    with lock(tmp_path / ".lock", wait=False):
        pass
    assert names(tmp_path) == []


def test_two_trainings_in_one_folder_are_refused(tmp_path):
    def training(**options):
        config = TrainConfig(epochs=2, batch_size=4, progress=False, checkpoints=tmp_path)
        return train(recipes.vae((1, 4, 4), 2, hidden=(4,)), torch.rand(8, 1, 4, 4), config, **options)

    first = training()
    next(first)
    with pytest.raises(InvalidValue, match=f"in use by process {os.getpid()}"):
        next(training(resume=True))
    first.close()
    next(training(resume=True))


def test_rows_of_two_processes_are_both_in_the_manifest(tmp_path):
    code = """
import sys
from pathlib import Path
from figures import manifest
row = manifest.read(manifest.FOLDER)[0]
for i in range(10):
    manifest.record(Path(sys.argv[1]), {**row, "id": f"{sys.argv[2]}-{i}"}, [])
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    running = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("one", "two", "three")]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len(manifest.read(tmp_path)) == 30
    assert names(tmp_path) == ["manifest.json"]


LIMIT = 20_000  # bytes, less than a checkpoint or a table of numbers


def limited(code, tmp_path):
    """Run code with a limit of the size of files; it is "File too large" where a full disk is ENOSPC."""
    # Without the measurement of coverage, whose own file would exceed the limit.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment |= {"VAELAB_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))

    command = [sys.executable, "-B", "-c", code]
    return subprocess.run(command, cwd=ROOT, env=environment, preexec_fn=limit, capture_output=True, text=True)


@pytest.mark.parametrize("what", ["train", "store", "classifier", "numbers", "table", "figure"])
def test_a_limit_of_the_size_of_files_gives_one_sentence(tmp_path, what):
    code = {
        "train": f"sys.argv[1:] = 'train digits --device cpu --epochs 1 --out {tmp_path}/out'.split(); commands.main()",
        "store": "store.cached(big, {})",
        "classifier": "from vaelab.metrics import classifier; classifier.STEPS = 2; "
        "classifier.classifier(vaelab.load('digits'))",
        "numbers": f"from figures import npz; npz.write(pathlib.Path({str(tmp_path)!r}), 'a', big())",
        "figure": f"from figures import build; build.draw(['gjs-1d'], out={str(tmp_path)!r})",
        "table": f"vaelab.History([{{'a': 1.0}}] * 9999).save({str(tmp_path / 'h.csv')!r})",
    }[what]
    script = f"""
import pathlib, sys
import numpy as np
import vaelab
from vaelab.cli import commands
from vaelab._utils.errors import UserError
from vaelab.runs import store
@store.recipe("big", 1)
def big():
    return {{"a": np.random.default_rng(0).random(9999)}}
try:
    {code}
except UserError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""
    result = limited(script, tmp_path)
    assert result.returncode == 2, result.stderr
    assert "the file would exceed the size limit" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.name not in ("settings.json", "gjs-1d.npz")]
    assert left == []


def test_a_full_disk_gives_one_sentence_and_keeps_the_older_checkpoint(tmp_path, monkeypatch):
    config = TrainConfig(epochs=1, batch_size=4, progress=False, checkpoints=tmp_path)
    fit(recipes.vae((1, 4, 4), 2, hidden=(4,)), torch.rand(8, 1, 4, 4), config)
    before = names(tmp_path)
    with pytest.raises(StorageError, match="the disk is full") as caught, atomic_write(tmp_path / before[0]):
        Path("/dev/full").write_bytes(b"x" * 9999)
    assert isinstance(caught.value, UserError)
    assert names(tmp_path) == before


def test_an_interrupted_fit_releases_its_folder(tmp_path, monkeypatch):
    config = TrainConfig(epochs=2, batch_size=4, progress=False, checkpoints=tmp_path)
    images = torch.rand(8, 1, 4, 4)
    with monkeypatch.context() as patch:
        patch.setattr("vaelab.training.loop.math.isfinite", lambda _: 1 / 0)  # in the bar, outside of the steps
        with pytest.raises(ZeroDivisionError) as caught:
            fit(recipes.vae((1, 4, 4), 2, hidden=(4,)), images, config, resume=True)
    assert len(fit(recipes.vae((1, 4, 4), 2, hidden=(4,)), images, config, resume=True)["loss"]) == 2
    assert caught.tb
