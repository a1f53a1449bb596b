"""The body of a request: a form, whose fields and files are checked before anything is decoded."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from imagineart.apis.common.call import Call
from imagineart.apis.common.fields import SubmittedFields, read_fields
from imagineart.apis.imagine.image_requests import check_capabilities
from imagineart.apis.imagine.parameters import (
    OPERATION_BY_CONTROL,
    ImagineFields,
    RemixFields,
    ResizeFields,
    TransparentFields,
)
from imagineart.errors import InvalidFieldError, InvalidRequestError, ModelNotAvailableError
from imagineart.images.operations import ModelOperation
from imagineart.models.model import Model, ModelsDocument, Style
from imagineart.quoting import shown


@dataclass(frozen=True, slots=True)
class ImagineBody:
    """A validated body, and who makes its image; a file is there itself, or as the id of an upload."""

    fields: ImagineFields
    operation: ModelOperation
    model: Model
    style: Style | None
    files: Mapping[str, bytes | str]


async def read_body(request: Request, call: Call, fields_type: type[ImagineFields]) -> ImagineBody:
    """The body of an endpoint. Raises InvalidRequestError, and ModelNotAvailableError for its operation."""
    single_files = frozenset(fields_type.files)
    submitted = await read_fields(request, single_file_fields=single_files, takes_json=False)
    call.record_prompt(submitted.values.get("prompt"))
    fields = fields_type.read(submitted)
    files = _read_files(submitted, fields_type)
    document = call.services.models.current()
    operation = _operation(call, document, fields, files)
    style = _style(document, fields)
    model = _choose_model(call, document, fields, operation, style)
    check_capabilities(fields, model)
    if isinstance(fields, TransparentFields) and not model.capabilities.transparency:
        # The document's own choice cuts the image out, which the caller has to have as well.
        remover = document.background_remover
        call.choose_model(remover.id if remover else "", operation=ModelOperation.REMOVE_BACKGROUND)
        call.record.model = model.id
    return ImagineBody(fields, operation, model, style, files)


def _read_files(submitted: SubmittedFields, fields_type: type[ImagineFields]) -> Mapping[str, bytes | str]:
    files = submitted.single_files
    for name in files.keys() - {*fields_type.files}:
        raise InvalidRequestError(name.partition("[")[0], "got more than one file; allowed: one.")
    for name in fields_type.files:
        if name not in files and name not in fields_type.optional_files:
            raise InvalidRequestError(name, "the field is required; got none. Send a file.")
    return files


def _operation(
    call: Call, document: ModelsDocument, fields: ImagineFields, files: Mapping[str, bytes | str]
) -> ModelOperation:
    """That of the endpoint, unless the fields choose it."""
    if isinstance(fields, ResizeFields):
        return ModelOperation.INPAINT if "mask" in files else ModelOperation.OUTPAINT
    if not isinstance(fields, RemixFields):
        return call.operation.of_models or ModelOperation.GENERATE
    offered = [name for name, each in OPERATION_BY_CONTROL.items() if document.serving(each)]
    if not offered:
        raise ModelNotAvailableError(detail="no model keeps to another image")
    chosen = fields.control or offered[0]
    if chosen not in offered:
        came = f"got '{chosen}', which no model here keeps to"
        raise InvalidFieldError("control", came=came, allowed=", ".join(offered))
    return OPERATION_BY_CONTROL[chosen]


def _style(document: ModelsDocument, fields: ImagineFields) -> Style | None:
    given = getattr(fields, fields.style_field, "")
    # That of an endpoint without styles is a number, which changes nothing.
    name = given if isinstance(given, str) and given else fields.default_style
    for style in document.styles:
        if name in style.names:
            return style
    if name in ("", fields.default_style):
        return None
    allowed = ", ".join(name for style in document.styles for name in style.names) or "none"
    raise InvalidFieldError(fields.style_field, came=f"got {shown(name)}", allowed=allowed)


def _choose_model(
    call: Call,
    document: ModelsDocument,
    fields: ImagineFields,
    operation: ModelOperation,
    style: Style | None,
) -> Model:
    """The first model of the style that has the operation and is the caller's to use."""
    if style is None or not style.models:
        return call.choose_model("", operation=operation)
    able = {model.id for model in document.serving(operation)}
    named = [id for id in style.models if id in able]
    usable = [id for id in named if call.required_admission.consumer.may_use(id)]
    if not usable and not getattr(fields, fields.style_field):
        # The caller did not choose the style, whose words help without its models too.
        return call.choose_model("", operation=operation)
    if not named:
        came = f"got '{style.names[0]}', whose models cannot do this"
        allowed = ", ".join(
            each.names[0] for each in document.styles if not each.models or able & set(each.models)
        )
        raise InvalidFieldError(fields.style_field, came=came, allowed=allowed or "none")
    return call.choose_model((usable or named)[0], field=fields.style_field, operation=operation)
