import os
import subprocess
import sys

from local.template import SEARCH_PATH


def test_a_function_starts_without_building_the_models_of_openapi_documents() -> None:
    program = (
        "from imagineart.apis.imagineart.generate_image import router\n"
        "from fastapi.openapi.models import OpenAPI\n"
        "print(OpenAPI.__pydantic_complete__)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(SEARCH_PATH)}
    built = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
    assert built.strip() == "False"
