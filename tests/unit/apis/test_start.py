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


def test_a_function_of_images_starts_without_what_makes_other_media() -> None:
    program = (
        "import sys\n"
        "from imagineart.apis.imagineart.generate_image import router\n"
        "from imagineart.bootstrap import LambdaServices\n"
        "from imagineart.bootstrap_workers import WorkerServices\n"
        "engines = ('tinytag', 'imagineart.media.make_media', 'imagineart.media.openai_server')\n"
        "print([each for each in engines if each in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(SEARCH_PATH)}
    loaded = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
    assert loaded.strip() == "[]"
