"""Sweeps on a Dask cluster: workers with our software only, and no wait without a word."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from vaelab._utils.errors import InvalidValue, TrainingError
from vaelab.runs.executors import reason_of
from vaelab.runs.provenance import require_software, software

if TYPE_CHECKING:
    from distributed import Client

CONNECT = 5.0  # seconds in which a connection is made
ANSWER = 10.0  # seconds in which a scheduler answers
IMPORT = 120.0  # seconds in which a worker imports vaelab
REMIND = 60.0  # seconds between two lines about the same trouble
PATIENCE = 600.0  # seconds
NO_WORKER = "no Dask worker is connected"
SCHEMES = {"tcp": False, "ws": False, "tls": True, "wss": True}  # and whether they need certificates


class DaskExecutor(Executor):
    """The executor of a Dask client, which says what it waits for, and gives up in the end.

    Args:
        client: The client.
        scheduler: Its address.
        patience: Seconds without a worker or an answer of the scheduler after which `check` raises.
    """

    def __init__(self, client: "Client", scheduler: str, patience: float) -> None:
        self.client, self.scheduler, self.patience = client, scheduler, patience
        self._executor = client.get_executor()
        self._since: float | None = None
        self._said = ""
        self._remind = 0.0

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Submit a call to the cluster; RuntimeError if the connection is closed, as of other executors."""
        if self.client.status == "closed":
            raise RuntimeError(self.trouble())
        future: Future[Any] = self._executor.submit(function, *args, **kwargs)
        return future

    def trouble(self) -> str:
        """Return why nothing can finish at the moment, or an empty text."""
        if self.client.status != "running":
            return f"the connection to the Dask scheduler at {self.scheduler} is lost"
        try:
            workers = _within(self.client.nthreads, ANSWER)
        except Exception:  # depends on where the connection ends
            return f"the Dask scheduler at {self.scheduler} does not answer"
        return "" if workers else f"{NO_WORKER} to {self.scheduler}"

    def check(self) -> None:
        """Say what keeps the results away.

        Raises:
            TrainingError: If that has lasted for longer than the patience.
        """
        trouble, now = self.trouble(), time.monotonic()
        if not trouble:
            self._since, self._said = None, ""
            return
        self._since = now if self._since is None else self._since
        if now - self._since >= self.patience:
            raise TrainingError(f"{trouble}, for {now - self._since:.0f} seconds; run again to resume.")
        if trouble != self._said or now > self._remind:
            self._said, self._remind = trouble, now + REMIND
            left = self.patience - (now - self._since)
            remedy = f"; start workers with `dask worker {self.scheduler} --nthreads 1`" * trouble.startswith(NO_WORKER)
            tqdm.write(f"vaelab: {trouble}; waiting for up to {left:.0f} seconds{remedy}.", file=sys.stderr)


@contextmanager
def on_dask(scheduler: str, patience: float = PATIENCE) -> Iterator[DaskExecutor]:
    """Connect to a Dask cluster, and yield its executor for the duration of a `with` block.

    Args:
        scheduler: Address of the scheduler, such as "tcp://127.0.0.1:8786"; for tls://, Dask's own
            configuration names the certificates.
        patience: Seconds to wait without any worker, or for a scheduler that does not answer.

    Returns:
        An executor for `sweep`.

    Raises:
        InvalidValue: If Dask is not installed, the address is none, or no scheduler answers.
        OtherSoftware: If a worker has another vaelab or torch.
        TrainingError: If the patience is over.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InvalidValue("Dask is not installed; run `pip install 'vaelab[cluster]'`.") from error
    _check_address(scheduler)
    try:
        client = Client(scheduler, timeout=CONNECT)
    except OSError as error:
        raise InvalidValue(f"no Dask scheduler answers at {scheduler!r}; start one with `dask scheduler`.") from error
    try:
        _require_our_software(client)
        executor = DaskExecutor(client, scheduler, patience)
        executor.check()
        yield executor
    finally:
        with suppress(Exception):  # a scheduler that is gone
            _within(client.close, ANSWER)


def _check_address(scheduler: str) -> None:
    """Raise InvalidValue for an address at which a `Client` would fail and leave its threads behind."""
    from distributed.comm.addressing import parse_address, parse_host_port
    from distributed.security import Security

    reason, remedy = "", "give one such as tcp://127.0.0.1:8786"
    try:
        scheme, location = parse_address(scheduler)
        parse_host_port(location)
        if scheme not in SCHEMES:
            reason = f"known are {', '.join(f'{name}://' for name in SCHEMES)}"
        elif SCHEMES[scheme] and Security().get_connection_args("client").get("ssl_context") is None:
            reason = "it needs certificates"
            remedy = "set distributed.comm.tls.ca-file and .client.cert in Dask's configuration"
    except (OSError, TypeError, ValueError) as error:  # OSError: of a certificate
        reason = reason_of(error)
    if reason:
        raise InvalidValue(f"scheduler must be an address of Dask, got {scheduler!r} ({reason}); {remedy}.")


def _require_our_software(client: "Client") -> None:
    """Compare the software of all workers; that of later ones is compared before they compute."""
    try:
        answers = _within(lambda: client.run(software, on_error="return"), IMPORT, "waiting for the Dask workers")
    except TimeoutError as error:
        raise InvalidValue(f"Dask workers must answer within {IMPORT:g} seconds, got no answer of all.") from error
    for worker, answer in answers.items():
        got = {"vaelab": f"none ({reason_of(answer)})"} if isinstance(answer, BaseException) else answer
        expected = {name: text for name, text in software().items() if name in got or name == "vaelab"}
        require_software(expected, got, f"the Dask worker {worker}")


def _within(function: Callable[[], Any], seconds: float, remark: str = "") -> Any:
    """Return what a function returns, or raise TimeoutError; a call that hangs is left behind.

    A remark is printed if it takes longer than the scheduler's answer should.
    """
    outcome: list[Any] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            outcome.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    if remark:
        thread.join(ANSWER)
        if thread.is_alive():
            tqdm.write(f"vaelab: {remark}, for up to {seconds:g} seconds.", file=sys.stderr)
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not outcome:
        raise TimeoutError(f"no answer within {seconds:g} seconds")
    return outcome[0]
