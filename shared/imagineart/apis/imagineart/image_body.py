"""The body of both image endpoints: a form or JSON, in the API reference's words or in OpenAI's."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from starlette.requests import Request

from imagineart.apis.common.call import Call
from imagineart.apis.common.fields import JSON, MULTIPART, URLENCODED, SubmittedFields, read_fields
from imagineart.apis.imagineart.accepted_types import prefers_json
from imagineart.apis.imagineart.documentation import request_body
from imagineart.apis.imagineart.image_requests import (
    check_capabilities,
    check_fields,
    check_mask,
    output_kind,
)
from imagineart.apis.imagineart.parameters import (
    IMAGES_DESCRIPTION,
    MASK_DESCRIPTION,
    MASK_NAMES,
    MAX_REFERENCES,
    REFERENCE_NAMES,
    EditFields,
    GenerationFields,
    ImageFields,
    VariationFields,
    max_references,
)
from imagineart.errors import InvalidRequestError
from imagineart.models.model import Model
from imagineart.outbound.addresses import parse_url

FieldsT = TypeVar("FieldsT", GenerationFields, EditFields, VariationFields)


@dataclass(frozen=True, slots=True)
class ImageBody(Generic[FieldsT]):
    """A validated body; `references` and `mask` are files or ids of uploads. `webhook_url` is a secret."""

    fields: FieldsT
    model: Model
    references: tuple[bytes | str, ...]
    mask: bytes | str | None
    wants_json: bool
    webhook_url: str | None = field(repr=False)


def body_reader(fields_type: type[FieldsT]) -> Callable[[Request], Awaitable[ImageBody[FieldsT]]]:
    """A dependency that reads the body of an endpoint."""
    takes_references = fields_type is not GenerationFields

    async def read_body(request: Request) -> ImageBody[FieldsT]:
        call: Call = request.state.call
        submitted = await read_fields(
            request,
            file_fields=REFERENCE_NAMES if takes_references else frozenset(),
            single_file_fields=MASK_NAMES if issubclass(fields_type, EditFields) else frozenset(),
        )
        call.record_prompt(submitted.values.get("prompt"))
        fields = fields_type.read(submitted)
        check_fields(fields)
        model = call.choose_model(fields.model)
        check_capabilities(fields, model)
        if takes_references:
            most = 1 if issubclass(fields_type, VariationFields) else max_references(model)
            _check_reference_count(len(submitted.files), most)
        mask = submitted.single_files.get("mask")
        if mask is not None:
            check_mask(model, references=len(submitted.files))
        wants_json = call.is_async or _wants_json(request, fields, submitted)
        _check_response(call, fields, wants_json=wants_json)
        return ImageBody(fields, model, submitted.files, mask, wants_json, _webhook_url(call, fields))

    return read_body


def _wants_json(request: Request, fields: ImageFields, submitted: SubmittedFields) -> bool:
    """JSON bodies, and forms that name a field only OpenAI has, get JSON unless Accept prefers the image."""
    speaks_openai = submitted.is_json or any(map(fields.is_openai_name, submitted.names))
    accept, image_type = request.headers.get("accept", ""), output_kind(fields).media_type
    return prefers_json(accept, image_type=image_type, otherwise=speaks_openai)


def _check_response(call: Call, fields: ImageFields, *, wants_json: bool) -> None:
    """Raises InvalidRequestError for a field that the kind of the response leaves no room for."""
    prefers_image = f"where Accept prefers {output_kind(fields).media_type} to application/json."
    if fields.n > 1 and not wants_json:
        raise InvalidRequestError("n", f"got {fields.n}; allowed: 1 {prefers_image}")
    where = prefers_image if not wants_json else "with Prefer: respond-async." if call.is_async else None
    for name, is_asked, got, allowed in (
        ("response_format", fields.response_format == "url", "url", "b64_json"),
        ("stream", fields.stream, "true", "false"),
    ):
        if is_asked and where:
            raise InvalidRequestError(name, f"got '{got}'; allowed: {allowed} {where}")


def _webhook_url(call: Call, fields: ImageFields) -> str | None:
    if not fields.webhook_url:
        return None
    if not call.is_async:
        raise InvalidRequestError("webhook_url", "allowed with the header Prefer: respond-async alone.")
    allows_loopback = call.services.reaches_loopback
    return parse_url("webhook_url", fields.webhook_url, allows_loopback=allows_loopback).text


def _check_reference_count(count: int, most: int) -> None:
    allowed = f"1 to {most} files" if most > 1 else "1 file"
    if not count:
        raise InvalidRequestError(
            "images", f"the field is required ({allowed}); got none. Send each file with a filename."
        )
    if count > most:
        raise InvalidRequestError("images", f"got {count} files; allowed: {allowed}.")


_EXAMPLES: Final[Mapping[type, dict[str, Any]]] = {
    GenerationFields: {
        "prompt": "A cinematic portrait of a chef plating ramen, warm tungsten light",
        "aspect_ratio": "3:2",
        "resolution": "1K",
    },
    EditFields: {
        "prompt": "Replace the background with a sunset beach.",
        "images": ["upl_4Fq2kZ8sT1vYb6NwR3xJp01zUYaEQm9Lc5HdKoXe7WtGi2BnSuV"],
        "aspect_ratio": "auto",
        "resolution": "1K",
    },
    VariationFields: {
        "image": "upl_4Fq2kZ8sT1vYb6NwR3xJp01zUYaEQm9Lc5HdKoXe7WtGi2BnSuV",
        "size": "1024x1024",
    },
}
"""What a console sends first."""


def body_schema(fields_type: type[ImageFields]) -> dict[str, Any]:
    """The OpenAPI request body: forms, for edits with files; JSON with the ids of uploads."""
    file = {"type": "string", "format": "binary"}
    schemas = {MULTIPART: _object_schema(fields_type, file)}
    if fields_type is GenerationFields:
        schemas[URLENCODED] = _object_schema(fields_type, file)
    schemas[JSON] = _object_schema(fields_type, {"type": "string", "description": "The id of an upload."})
    return request_body(schemas, _EXAMPLES[fields_type])


def _object_schema(fields_type: type[ImageFields], item: dict[str, Any]) -> dict[str, Any]:
    """The fields without defaults, which generated clients send or require.

    A default could contradict `size`, and OpenAI's fields in a form change the kind of the response.
    """
    schema = fields_type.request_schema()
    properties = schema["properties"]
    for each in properties.values():
        default = each.pop("default", "")
        if default and "const" not in each:
            each["description"] += f" Default: {default}."
    if fields_type is EditFields:
        images = {"type": "array", "items": item, "minItems": 1, "maxItems": MAX_REFERENCES}
        images["description"] = IMAGES_DESCRIPTION
        mask = item | {"description": MASK_DESCRIPTION}
        schema["properties"] = {
            "prompt": properties.pop("prompt"),
            "images": images,
            "mask": mask,
            **properties,
        }
        schema["required"] = ["prompt", "images"]
    if fields_type is VariationFields:
        schema["properties"] = {"image": item | {"description": "The image to vary."}, **properties}
        schema["required"] = ["image"]
    return schema
