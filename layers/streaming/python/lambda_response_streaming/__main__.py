"""The runtime's start: paths as AWS's bootstrap sets them, then AWS's own main with the streaming clients.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html (wrapper scripts) and
https://github.com/aws/aws-lambda-python-runtime-interface-client
"""

import os
import site
import sys
from pathlib import Path

_OPT = Path("/opt/python")
_RUNTIME_PACKAGES = "/var/lang/lib/python{0}.{1}/site-packages"


def main() -> None:
    """Run the function that the environment names (``_HANDLER``, ``LAMBDA_TASK_ROOT``)."""
    _set_up_paths()
    import awslambdaric.__main__ as aws_main
    from awslambdaric import lambda_multi_concurrent_utils

    from lambda_response_streaming.runtime_client import (
        StreamingMultiConcurrentRuntimeClient,
        StreamingRuntimeClient,
    )

    aws_main.LambdaRuntimeClient = StreamingRuntimeClient
    lambda_multi_concurrent_utils.LambdaMultiConcurrentRuntimeClient = StreamingMultiConcurrentRuntimeClient
    aws_main.main([sys.argv[0], os.environ["_HANDLER"]])


def _set_up_paths() -> None:
    """Task root first, then layers, then the runtime's own packages, .pth files included."""
    version = sys.version_info[:2]
    task_root = os.environ["LAMBDA_TASK_ROOT"]
    opt_packages = _OPT / "lib" / f"python{version[0]}.{version[1]}" / "site-packages"
    sys.path[0] = str(Path(__file__).parent.parent)
    sys.path[:0] = [task_root, str(opt_packages), str(_OPT)]
    for folder in (task_root, str(opt_packages), str(_OPT)):
        site.addsitedir(folder)
    sys.path += [os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime"), _RUNTIME_PACKAGES.format(*version)]


if __name__ == "__main__":
    main()
