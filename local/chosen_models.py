"""The models of the local stack: a document that IMAGINEART_MODELS names, or backends written in one line.

Such a line has routes, separated by commas, each ``<kind> <URL or region> <model> [<option>=<value>]...``. It
stands for the package's document with these backends.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from imagineart.backends.check_models import capabilities_of, find_problems, operations_of
from imagineart.images.operations import ModelOperation
from imagineart.models.model import Capabilities
from imagineart.models.read_document import PACKAGED_FILE, InvalidModelsError, read_document
from imagineart.models.routes import ROUTES_BY_KIND
from imagineart.settings import SettingsError
from local.studio.voices import VOICES

FILE_VARIABLE: Final = "IMAGINEART_MODELS"
VARIABLES: Final[Mapping[ModelOperation, str]] = {
    ModelOperation.GENERATE: "IMAGINEART_GENERATION_BACKENDS",
    ModelOperation.EDIT: "IMAGINEART_EDIT_BACKENDS",
}
_PAINTER_MODELS: Final[Mapping[ModelOperation, str]] = {
    ModelOperation.GENERATE: "painter-generate",
    ModelOperation.EDIT: "painter-edit",
}
_FIELDS: Final = {"attempt": "attempt_seconds"}
"""What an option is called in the document, where that is another name."""


@dataclass(frozen=True, slots=True)
class ChosenModels:
    """What the environment of `make run` says: a whole document, or backends by operation."""

    document: str | None
    backends: Mapping[ModelOperation, str]

    @property
    def needs_painter(self) -> bool:
        """Whether anything is left to the painter's server, which the studio is part of."""
        return self.document is None

    def text(self, painter_url: str) -> str:
        """The document, with the painter at this URL where no other backend is chosen.

        Models of other media than images are the studio's.
        """
        if self.document is not None:
            return self.document
        painter = {
            operation: f"openai-compatible {painter_url}/v1 {model} response_format=png"
            for operation, model in _PAINTER_MODELS.items()
        }
        document = json.loads(document_of(painter | dict(self.backends)))
        images = [model for model in document["models"] if model["kind"] == "image"]
        return json.dumps({"models": [*images, *_studio_models(f"{painter_url}/v1")]})


def _studio_models(url: str) -> list[dict[str, Any]]:
    server = {"kind": "openai-compatible", "url": url, "model": "studio"}
    omni = server | {"kind": "vllm-omni"}
    sizes = ["1280x720", "720x1280", "1024x1024"]
    models: dict[str, dict[str, Any]] = {
        "text-to-text": {"kind": "text", "typical_seconds": 1, "backends": [server]},
        "text-to-speech": {"kind": "voice", "voices": [*VOICES], "typical_seconds": 2, "backends": [server]},
        "text-to-music": {"kind": "music", "typical_seconds": 3, "backends": [omni]},
        "text-to-video": {
            "kind": "video", "seconds": [4, 8], "sizes": sizes, "typical_seconds": 10, "backends": [omni],
        },
    }  # fmt: skip
    return [{"id": name, "name": f"Studio: {model['kind']}", **model} for name, model in models.items()]


def choose_models(environment: Mapping[str, str], *, bedrock_models: str) -> ChosenModels:
    """What the environment says, checked. Raises SettingsError."""
    backends = {each: text for each, name in VARIABLES.items() if (text := environment.get(name))}
    file = environment.get(FILE_VARIABLE)
    try:
        document = Path(file).read_text(encoding="utf-8") if file else None
        problems = find_problems(read_document(document), bedrock_models=bedrock_models) if document else []
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{FILE_VARIABLE}: got '{file}', which cannot be read: {error}.") from error
    except InvalidModelsError as error:
        problems = [*error.problems]
    if problems:
        raise SettingsError("\n".join(f"{FILE_VARIABLE}: {problem}" for problem in problems))
    if document is not None and backends:
        given = " and ".join(VARIABLES[each] for each in backends)
        raise SettingsError(f"{FILE_VARIABLE}: got a document, and {given}; give one of them.")
    document_of(backends)
    return ChosenModels(document, backends)


def document_of(backends: Mapping[ModelOperation, str]) -> str:
    """The package's document, in JSON, with other backends for some operations. Raises SettingsError."""
    document = json.loads(PACKAGED_FILE.read_text())
    for operation, text in backends.items():
        routes = _parse_routes(text, VARIABLES[operation])
        for model in document["models"]:
            if operation in model.get("operations", ()):
                model["backends"] = routes
                model["capabilities"] |= _shared_capabilities(routes)
                able = set(ModelOperation).intersection(*(operations_of(each["kind"]) for each in routes))
                model["operations"] = [each for each in model["operations"] if each in able]
        written = json.dumps(document)
        try:
            read_document(written)
        except InvalidModelsError as error:
            problems = (re.sub(r"^models\[\d+\]\.", "", problem) for problem in error.problems)
            raise SettingsError("\n".join(f"{VARIABLES[operation]}: {each}" for each in problems)) from error
    return json.dumps(document)


def _shared_capabilities(routes: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    """What every one of the backends can do, apart from references."""
    offered = [capabilities_of(each["kind"], lora=each.get("lora")) for each in routes]
    names = Capabilities.model_fields.keys() - {"references"}
    return {name: all(getattr(each, name) for each in offered) for name in sorted(names)}


def _parse_routes(text: str, variable: str) -> list[dict[str, Any]]:
    routes = []
    for position, route in enumerate(text.split(",")):
        try:
            routes.append(_parse_route(route.split()))
        except ValueError as error:
            raise SettingsError(f"{variable}: backends[{position}]: {error}.") from error
    return routes


def _parse_route(words: Sequence[str]) -> dict[str, Any]:
    """The fields of one backend; their values are checked with the document. Raises ValueError."""
    kind, where, *rest = (*words, "", "")[: max(2, len(words))]
    if kind not in ROUTES_BY_KIND:
        raise ValueError(f"got the kind '{kind}'; allowed: {', '.join(ROUTES_BY_KIND)}")
    options = [word.split("=", 1) for word in rest if "=" in word]
    model = [word for word in rest if "=" not in word]
    if len(dict(options)) != len(options):
        raise ValueError(f"got '{' '.join(rest)}'; allowed: each option once")
    if len(model) != (kind != "imagineart"):
        allowed = "no model" if kind == "imagineart" else "one model"
        raise ValueError(f"got '{' '.join(model)}' after '{where}'; allowed: {allowed}")
    return {
        "kind": kind,
        "region" if kind == "bedrock" else "url": where,
        **({"model": model[0]} if model else {}),
        **{_FIELDS.get(name, name): _option(name, value) for name, value in options},
    }


def _option(name: str, text: str) -> str | int | bool:
    if name == "upscaler":
        return {"on": True, "off": False}.get(text, text)
    return int(text) if name in ("attempt", "retries") and text.isascii() and text.isdigit() else text
