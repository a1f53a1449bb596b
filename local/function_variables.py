"""The environment variables that a function runs with, in the gateway and started by hand."""

import os
from collections.abc import Mapping
from typing import Final

from imagineart.apis.common.application import STREAMING_VARIABLE
from local.template import PROJECT, SEARCH_PATH, Function, resolve

_WRAPPER_VARIABLE: Final = "AWS_LAMBDA_EXEC_WRAPPER"
_LAYER_ROOT: Final = "/opt/"
_WRAPPERS_FOLDER: Final = PROJECT / "layers" / "streaming"


def function_variables(
    function: Function, references: Mapping[str, str], runtime_variables: Mapping[str, str]
) -> dict[str, str]:
    """What Lambda sets, what the template sets, and what the wrapper that the template names sets."""
    own: dict[str, str] = resolve(dict(function.variables), references)
    wrapper = {STREAMING_VARIABLE: "1"} if _WRAPPER_VARIABLE in own else {}
    return {**runtime_variables, **own, **wrapper}


def runtime_environment(
    function: Function, references: Mapping[str, str], runtime_variables: Mapping[str, str]
) -> dict[str, str]:
    """What AWS's runtime client needs too, but for ``AWS_LAMBDA_RUNTIME_API``, with paths of this machine.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    own: dict[str, str] = resolve(dict(function.variables), references)
    if _WRAPPER_VARIABLE in own:
        own[_WRAPPER_VARIABLE] = str(_WRAPPERS_FOLDER / own[_WRAPPER_VARIABLE].removeprefix(_LAYER_ROOT))
    return {
        **runtime_variables,
        **own,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.id,
        "LAMBDA_TASK_ROOT": str(function.code),
        "PYTHONPATH": os.pathsep.join(SEARCH_PATH),
        "_HANDLER": function.handler,
    }
