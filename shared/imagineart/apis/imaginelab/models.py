"""Which models an account may use for each type of generation."""

from collections.abc import Sequence

from imagineart.apis.common.call import Call
from imagineart.errors import InvalidRequestError
from imagineart.generations.model import GenerationType
from imagineart.images.operations import ModelOperation
from imagineart.jobs.model import Job
from imagineart.models.model import OfferedModel
from imagineart.quoting import shown


def offered_models(call: Call, kind: GenerationType) -> Sequence[OfferedModel]:
    """The models that an account may use for a type; infographics need one of text beside that of images."""
    document, may_use = call.services.models.current(), call.required_admission.consumer.may_use
    models: Sequence[OfferedModel] = document.serving(ModelOperation.GENERATE)
    if kind is GenerationType.INFOGRAPHIC and not offered_models(call, GenerationType.TEXT):
        return ()
    if kind not in (GenerationType.IMAGE, GenerationType.INFOGRAPHIC):
        models = [model for model in document.media_models if model.kind == str(kind)]
    return [model for model in models if may_use(model.id)]


def choose_model(call: Call, kind: GenerationType, name: str) -> OfferedModel:
    """The model of a name. Raises InvalidRequestError."""
    models = offered_models(call, kind)
    for model in models:
        if model.answers_to(name):
            return model
    allowed = ", ".join(model.id for model in models) or "none, as no model of this deployment makes it"
    raise InvalidRequestError("model_name", f"got {shown(name)}; allowed for {kind}: {allowed}.")


def layout_model(call: Call) -> str:
    """The id of the model that writes the prompts of infographics: the first one of text."""
    return offered_models(call, GenerationType.TEXT)[0].id


def typical_seconds(call: Call, job: Job) -> float | None:
    """How long the model of a job usually takes; None for one that is no longer offered."""
    models = call.services.models.current().models
    return next((model.typical_seconds for model in models if model.id == job.model_id), None)
