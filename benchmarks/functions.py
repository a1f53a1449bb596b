"""What is measured, as it ships: this project's functions on its layers, baselines on what pip installs."""

import compileall
import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final, NamedTuple

from benchmarks.processes import PROJECT, WORK
from local.template import load_template

BASELINES: Final = PROJECT / "benchmarks" / "baselines"
_BUILDS: Final = {
    "DependenciesLayer": ("layers/dependencies", "layers"),
    "StreamingLayer": ("layers/streaming", "layers"),
    "SharedLayer": ("shared", "layers"),
    "GenerateImage": ("functions/generate_image", "functions/generate_image"),
    "EditImage": ("functions/edit_image", "functions/edit_image"),
    "ListModels": ("functions/list_models", "functions/list_models"),
    "Runware": ("functions/runware", "functions/runware"),
    "Health": ("functions/health", "functions/health"),
}
_LOCK: Final = PROJECT / "layers" / "dependencies" / "requirements.txt"
_UNSHIPPED: Final = ("awslambdaric", "simplejson", "snapshot-restore-py", "aws-xray-sdk", "wrapt")
"""What the baselines need beside the lock: Lambda's runtime client, and what Powertools' Tracer imports."""


class Function(NamedTuple):
    """A deployed function: its code, what starts its runtime if anything does, and its variables."""

    code: Path
    wrapper: str
    variables: dict[str, str]


def function(name: str, stand_ins_url: str, *, model: str = "fast", **others: str) -> Function:
    """A function that `build_all` has built, with its variables, those of Lambda, and others."""
    shipped = {each.code.name: each.variables for each in load_template().functions.values()}.get(name, {})
    code, opt = WORK / "functions" / name, WORK / ("layers" if shipped else "stock")
    variables = {
        # What the template refers to, such as a table, is named after its variable.
        **{key: value if isinstance(value, str) else key for key, value in shipped.items()},
        **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "measured"),
        **dict.fromkeys(("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"), name),
        **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), "us-east-1"),
        "AWS_ENDPOINT_URL": stand_ins_url,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "BACKEND_URL": f"{stand_ins_url}/v1",
        # The stand-in of AWS has a models document for the backend that a table is named after.
        "IMAGINEART_MODELS_TABLE": f"openai-compatible {stand_ins_url}/v1 {model}",
        "IMAGINEART_LOG_PROMPTS": "false",
        "LAMBDA_TASK_ROOT": str(code),
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": "measured",
        "PYTHONPATH": str(opt / "python"),
        "_HANDLER": "handler.handler",
    }
    wrapper = variables.get("AWS_LAMBDA_EXEC_WRAPPER", "").replace("/opt", str(opt))
    return Function(code, wrapper, variables | others)


def build_all() -> None:
    """Build everything into `WORK`; ours with the builders of `sam build`, for this machine's processor."""
    shutil.rmtree(WORK, ignore_errors=True)
    machine = [f"PYTHON={sys.executable} -IB", f"PLATFORM=manylinux2014_{platform.machine()}"]
    make = ["make", "-s", f"--file={PROJECT}/layers/Makefile", *machine]
    for target, (source, name) in _BUILDS.items():
        (folder := WORK / name).mkdir(parents=True, exist_ok=True)
        options = [f"--directory={PROJECT / source}", f"ARTIFACTS_DIR={folder}"]
        subprocess.run([*make, *options, f"build-{target}"], check=True)
    for package in (*re.findall(r"^([\w.-]+)==", _LOCK.read_text(), re.MULTILINE), *_UNSHIPPED):
        # This environment has the versions that are deployed.
        for file in distribution(package).files or []:
            if file.suffix != ".pyc" and file.parts[0] != "..":
                target_file = WORK / "stock" / "python" / file
                target_file.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), target_file)
    for name in ("naive", "forward"):
        shutil.copytree(BASELINES / name, WORK / "functions" / name)
    for name in ("stock", "functions"):
        compileall.compile_dir(WORK / name, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
