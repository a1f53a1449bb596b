"""What is measured: every function of the template, as it is deployed, and the baseline, as installed."""

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import distribution
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tooling.package.distributions import LAYER_LOCK, read_names
from tooling.package.unpacked import unpack

from benchmarks.events import SampleRequest
from benchmarks.stand_ins import start_stand_ins
from local.cloud import runtime_variables
from local.function_variables import function_variables
from local.template import load_template

_PROBE: Final = Path(__file__).with_name("probe.py")
NAIVE_FOLDER: Final = Path(__file__).with_name("naive")
NAIVE_PACKAGES: Final = (
    "annotated-doc", "annotated-types", "aws-xray-sdk", "boto3", "botocore", "certifi", "fastapi", "h11",
    "httpcore", "httpx", "opentelemetry-api", "pydantic", "pydantic-core", "python-dateutil", "s3transfer",
    "six", "typing-inspection", "urllib3", "wrapt",
)  # fmt: skip
_RUNTIME_PACKAGES: Final = ("awslambdaric", "simplejson", "snapshot-restore-py")
"""What Lambda's own runtime brings, after everything else; AWS publishes it for Linux only."""
_RUN_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time, user and system, and the highest resident memory, since the process started."""

    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Times:
    """What one request took."""

    cpu_seconds: float
    wall_seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """One environment's life: its start, its warm-up if it had any, its first request, and every one."""

    init: Usage
    ready: Usage
    first: Usage
    requests: list[Times]


@dataclass(frozen=True, slots=True)
class Application:
    """A handler, the folders it may import from, and its environment variables."""

    folders: tuple[Path, ...]
    variables: Mapping[str, str]

    def run(
        self,
        request: SampleRequest,
        *,
        times: int = 1,
        variables: Mapping[str, str] = MappingProxyType({}),
        warm_up: Sequence[SampleRequest] = (),
    ) -> Run:
        """Start a fresh interpreter that answers `request` `times` times. Raises RuntimeError on failure."""
        order = {"event": request.event, "times": times, "warm_up": [each.event for each in warm_up]}
        finished = subprocess.run(
            [sys.executable, "-I", "-S", str(_PROBE), *map(str, self.folders)],
            input=json.dumps(order),
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            timeout=_RUN_SECONDS,
        )
        if finished.returncode:
            raise RuntimeError(f"{self.folders[0]} failed:\n{finished.stderr}")
        result = json.loads(finished.stdout.splitlines()[-1])
        if result["status"] != request.status:
            raise RuntimeError(f"{self.folders[0]} answered {result['status']}:\n{finished.stdout}")
        usages = {name: Usage(**result[name]) for name in ("init", "ready", "first")}
        return Run(**usages, requests=[Times(**each) for each in result["requests"]])

    def with_code(self, folder: Path) -> "Application":
        """Another handler, deployed with the same."""
        return replace(self, folders=(folder, *self.folders[1:]))


@dataclass(frozen=True, slots=True)
class Applications:
    """The functions by the name of their folder, and the baseline."""

    functions: Mapping[str, Application]
    naive: Application


@contextmanager
def running_applications() -> Iterator[Applications]:
    """Every application, ready to run against stand-ins that live as long as the context."""
    stand_ins = start_stand_ins()
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield _assemble(Path(folder), stand_ins.url)
    finally:
        stand_ins.stop()


def _assemble(folder: Path, stand_ins_url: str) -> Applications:
    template = load_template()
    references = {
        **template.default_parameters(),
        **{name: name for name in template.document["Resources"]},
        "AWS::StackName": "benchmark",
        "GenerationBackends": f"openai-compatible {stand_ins_url}/v1 generate",
        "EditBackends": f"openai-compatible {stand_ins_url}/v1 edit",
    }
    runtime = {**runtime_variables(stand_ins_url), **_lambda_variables()}
    deployed = unpack(folder / "deployed")
    _forbid_writing(folder / "deployed")
    naive_layer = _link_packages(folder / "naive", [*read_names(LAYER_LOCK), *NAIVE_PACKAGES])
    runtime_layer = _link_packages(folder / "runtime", _RUNTIME_PACKAGES if sys.platform == "linux" else ())
    functions = {}
    for function in template.functions.values():
        # A function without layers finds nothing but its own folder and the standard library.
        layers = (deployed.opt / "python", runtime_layer) if function.variables else ()
        variables = function_variables(function, references, runtime)
        name = function.code.name
        functions[name] = Application((deployed.tasks[name], *layers), variables)
    most_variables = max((each.variables for each in functions.values()), key=len)
    naive = Application(
        (NAIVE_FOLDER, naive_layer, runtime_layer),
        {
            **most_variables,
            "POWERTOOLS_SERVICE_NAME": "naive",
            "NAIVE_BACKEND_URL": f"{stand_ins_url}/v1",
            "NAIVE_GENERATION_MODEL": "generate",
            "NAIVE_EDIT_MODEL": "edit",
        },
    )
    return Applications(functions, naive)


def _lambda_variables() -> dict[str, str]:
    """What else Lambda sets, and libraries look for: Tracer patches nothing where it finds no Lambda."""
    return {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "LAMBDA_TASK_ROOT": "/var/task",
        "POWERTOOLS_METRICS_NAMESPACE": "benchmark",
        "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        "PATH": os.environ.get("PATH", ""),
        "LANG": "en_US.UTF-8",
    }


def _forbid_writing(folder: Path) -> None:
    """As on Lambda, where nothing can be written beside the code."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(path.stat().st_mode & ~0o222)


def _link_packages(folder: Path, names: Iterable[str]) -> Path:
    """A folder with these distributions alone: what else is installed changes what libraries import.

    httpx, for one, imports click and rich where it finds them.
    """
    site_packages = Path(sysconfig.get_path("purelib"))
    folder.mkdir()
    for name in names:
        for entry in {file.parts[0] for file in distribution(name).files or []} - {"..", "__pycache__"}:
            link = folder / entry
            if not link.exists():
                link.symlink_to(site_packages / entry)
    return folder
