"""What a models document asks of its backends that they cannot do, or may not."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from imagineart.backends.bedrock_services import OPERATIONS, invoked_models
from imagineart.backends.openai_profiles import PROFILES
from imagineart.images.operations import ModelOperation
from imagineart.models.model import Capabilities, MediaModel, Model, ModelsDocument
from imagineart.models.routes import BedrockRoute, ConverseRoute, PollyRoute

_MAX_REFERENCES: Final = 4
_PLAIN: Final = (ModelOperation.GENERATE, ModelOperation.EDIT, ModelOperation.VARIATION)
_PROFILE_PREFIX: Final = "us."
_MAX_POLLY_CHARACTERS: Final = 3_000
"""Source: https://docs.aws.amazon.com/polly/latest/dg/limits.html"""


def find_problems(document: ModelsDocument, *, bedrock_models: str) -> list[str]:
    """Each problem, with its place in the document.

    `bedrock_models` are the stack's parameters BedrockModels and BedrockTextModels, with a comma between
    them: what the functions' role allows.
    """
    return [
        f"models[{at}].{problem}"
        for at, model in enumerate(document.models)
        for problem in (
            _problems_of(model, bedrock_models)
            if isinstance(model, Model)
            else _problems_of_media(model, bedrock_models)
        )
    ]


def _problems_of(model: Model, bedrock_models: str) -> Iterator[str]:
    for at, route in enumerate(model.backends):
        offered = capabilities_of(route.kind, lora=getattr(route, "lora", None))
        for name in Capabilities.model_fields:
            wanted, can = getattr(model.capabilities, name), getattr(offered, name)
            if wanted > can:
                yield f"capabilities.{name}: got {wanted}; allowed with backends[{at}] ({route.kind}): {can}."
        able = operations_of(route.kind)
        for operation in model.operations:
            if operation not in able:
                allowed = ", ".join(able)
                yield f"operations: got {operation}; allowed with backends[{at}] ({route.kind}): {allowed}."
        if isinstance(route, BedrockRoute):
            for name in _forbidden(model, route, bedrock_models):
                yield _forbids(at, name, bedrock_models)


def capabilities_of(kind: str, *, lora: str | None = None) -> Capabilities:
    """What the adapter of a kind of backend passes on; `lora` is the backend's, if it has one."""
    profile = PROFILES.get(kind)
    has_openai_fields = profile is not None and profile.has_openai_fields
    return Capabilities(
        seed=profile is None or profile.has_seed,
        negative_prompt=profile.has_guidance if profile else kind == "bedrock",
        guidance=profile is not None and profile.has_guidance,
        lora=lora is not None,
        references=_MAX_REFERENCES,
        transparency=has_openai_fields,
        moderation=has_openai_fields,
        input_fidelity=has_openai_fields,
    )


def operations_of(kind: str) -> tuple[ModelOperation, ...]:
    """What the adapter of a kind of backend can ask for."""
    profile = PROFILES.get(kind)
    able = set(OPERATIONS if kind == "bedrock" else _PLAIN)
    if profile is not None and profile.mask_field is not None:
        able |= {ModelOperation.INPAINT, ModelOperation.OUTPAINT}
    if kind == "imagineart":
        # It makes sizes of its table alone, which an image with margins rarely has.
        able.add(ModelOperation.INPAINT)
    return tuple(each for each in ModelOperation if each in able)


def _forbidden(model: Model, route: BedrockRoute, bedrock_models: str) -> Iterator[str]:
    invoked = {name for operation in model.operations for name in invoked_models(route, operation)}
    for name in sorted(invoked):
        if not _allows(bedrock_models, name.removeprefix(_PROFILE_PREFIX)):
            yield name


def _problems_of_media(model: MediaModel, bedrock_models: str) -> Iterator[str]:
    for at, route in enumerate(model.backends):
        if isinstance(route, PollyRoute) and model.max_characters > _MAX_POLLY_CHARACTERS:
            came, allowed = model.max_characters, _MAX_POLLY_CHARACTERS
            yield f"max_characters: got {came}; allowed with backends[{at}] (polly): {allowed}."
        # A profile has the name of its model behind that of a continent, as in ``eu.amazon.nova-lite-v1:0``.
        if isinstance(route, ConverseRoute) and not (
            _allows(bedrock_models, route.model) or _allows(bedrock_models, route.model.partition(".")[2])
        ):
            yield _forbids(at, route.model, bedrock_models)


def _allows(bedrock_models: str, name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in bedrock_models.split(","))


def _forbids(at: int, name: str, bedrock_models: str) -> str:
    return (
        f"backends[{at}]: the functions may not invoke {name}; allowed: {bedrock_models.replace(',', ', ')}, "
        "as the stack's parameters BedrockModels and BedrockTextModels say."
    )
