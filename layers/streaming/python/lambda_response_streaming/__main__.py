"""The runtime's start: AWS's runtime client of this layer, then the function as AWS's bootstrap would run it.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html (wrapper scripts) and
https://github.com/aws/aws-lambda-python-runtime-interface-client
"""

import gc
import os
import site
import sys
from pathlib import Path

_OPT = "/opt/python"
_RUNTIME_PACKAGES = "/var/lang/lib/python{0}.{1}/site-packages"


def main() -> None:
    """Run the function that the environment names (``_HANDLER``, ``LAMBDA_TASK_ROOT``)."""
    # An import makes many objects and no garbage; the runtime client turns it on again.
    gc.disable()
    version = sys.version_info[:2]
    sys.path[0] = str(Path(__file__).parent.parent)
    sys.path += [os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime"), _RUNTIME_PACKAGES.format(*version)]
    # Before the function's folders are on the path, so that it is this layer's copy that is loaded.
    import awslambdaric.__main__ as aws_main
    from awslambdaric import lambda_multi_concurrent_utils

    from lambda_response_streaming.runtime_client import (
        StreamingMultiConcurrentRuntimeClient,
        StreamingRuntimeClient,
    )

    aws_main.LambdaRuntimeClient = StreamingRuntimeClient
    lambda_multi_concurrent_utils.LambdaMultiConcurrentRuntimeClient = StreamingMultiConcurrentRuntimeClient
    # As AWS's bootstrap does: the function first, then layers, each with what its .pth files name.
    folders = [
        os.environ["LAMBDA_TASK_ROOT"],
        f"{_OPT}/lib/python{version[0]}.{version[1]}/site-packages",
        _OPT,
    ]
    sys.path[:0] = folders
    for folder in folders:
        site.addsitedir(folder)
    aws_main.main([sys.argv[0], os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
