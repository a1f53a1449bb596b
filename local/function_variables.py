"""The environment variables of a function, in the gateway and when it is started by hand."""

import os
from collections.abc import Mapping
from typing import Final

from local.template import PROJECT, SEARCH_PATH, Function, resolve

STREAMING_VARIABLE: Final = "LAMBDA_RESPONSE_STREAMING"
"""Set by the streaming layer's wrapper to tell the function that it may stream."""

_WRAPPER_VARIABLE: Final = "AWS_LAMBDA_EXEC_WRAPPER"


def function_variables(
    function: Function, references: Mapping[str, str], runtime_variables: Mapping[str, str]
) -> dict[str, str]:
    """What Lambda sets, what the template sets, and what the wrapper sets that the template names."""
    own = _own_variables(function, references, runtime_variables)
    wrapper = {STREAMING_VARIABLE: "1"} if _WRAPPER_VARIABLE in own else {}
    return {**own, **wrapper, **runtime_variables}


def runtime_environment(
    function: Function, references: Mapping[str, str], runtime_variables: Mapping[str, str]
) -> dict[str, str]:
    """What AWS's runtime client needs, except ``AWS_LAMBDA_RUNTIME_API``, with the paths of this machine.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    own = _own_variables(function, references, runtime_variables)
    if _WRAPPER_VARIABLE in own:
        wrapper = own[_WRAPPER_VARIABLE].removeprefix("/opt/")
        own[_WRAPPER_VARIABLE] = str(PROJECT / "layers" / "streaming" / wrapper)
    return {
        **own,
        **runtime_variables,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.id,
        "LAMBDA_TASK_ROOT": str(function.code),
        "PYTHONPATH": os.pathsep.join(SEARCH_PATH),
        "_HANDLER": function.handler,
    }


def _own_variables(
    function: Function, references: Mapping[str, str], runtime_variables: Mapping[str, str]
) -> dict[str, str]:
    """What the template sets, except what this machine sets in its place."""
    own = {name: value for name, value in function.variables.items() if name not in runtime_variables}
    resolved: dict[str, str] = resolve(own, references)
    return resolved
