import os
import subprocess
import sys

from local.template import SEARCH_PATH


def printed_by(program: str) -> str:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(SEARCH_PATH)}
    return subprocess.check_output([sys.executable, "-c", program], env=environment, text=True).strip()


def test_a_function_starts_without_building_the_models_of_openapi_documents() -> None:
    assert (
        printed_by(
            "from imagineart.apis.imagineart.generate_image import router\n"
            "from fastapi.openapi.models import OpenAPI\n"
            "print(OpenAPI.__pydantic_complete__)"
        )
        == "False"
    )


def test_a_function_of_v1_starts_without_the_libraries_of_accounts() -> None:
    assert (
        printed_by(
            "import sys\n"
            "import imagineart.apis.imagineart.generate_image, imagineart.bootstrap\n"
            "print([name for name in ('argon2', 'jwt', 'stripe') if name in sys.modules])"
        )
        == "[]"
    )


def test_a_function_of_images_starts_without_what_makes_other_media() -> None:
    assert (
        printed_by(
            "import sys\n"
            "from imagineart.apis.imagineart.generate_image import router\n"
            "from imagineart.bootstrap import LambdaServices\n"
            "from imagineart.bootstrap_workers import WorkerServices\n"
            "engines = ('tinytag', 'imagineart.media.make_media', 'imagineart.media.openai_server')\n"
            "print([each for each in engines if each in sys.modules])"
        )
        == "[]"
    )
