"""The JSON Schemas of openapi.yaml, from the definitions that validate requests."""

from typing import Any, Final

from imagineart.domain.openai_parameters import MAX_COUNT
from imagineart.domain.parameters import MAX_SEED, EndpointParameters

UPLOAD_ID_PATTERN: Final = "^upl_[0-9A-Za-z]{51}$"


def form_schema(parameters: EndpointParameters) -> dict[str, Any]:
    described = parameters.describe()
    return {
        "type": "object",
        "properties": {name: _property_schema(parameter) for name, parameter in described.items()},
        "required": [name for name, parameter in described.items() if parameter["required"]],
        "additionalProperties": False,
    }


def json_schema(parameters: EndpointParameters) -> dict[str, Any]:
    """The schema of a JSON body, in which uploads are named and files cannot be."""
    schema = form_schema(parameters)
    if parameters.files is None:
        return schema
    files = parameters.files
    names = {"type": "string", "pattern": UPLOAD_ID_PATTERN}
    schema["properties"][files.name] = {
        "anyOf": [
            names,
            {"type": "array", "items": names, "minItems": files.min_items, "maxItems": files.max_items},
        ],
        "description": f"{files.description} In a form, {' and '.join(files.synonyms)} are synonyms.",
    }
    return schema


def pictures_schema() -> dict[str, Any]:
    picture = {
        "type": "object",
        "properties": {
            "seed": {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_SEED,
                "description": "The seed that made it; absent where the model has none.",
            },
            "b64_json": {
                "type": "string",
                "contentEncoding": "base64",
                "contentMediaType": "image/png",
                "description": "The PNG in base64.",
            },
        },
        "required": ["b64_json"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "description": "OpenAI's images response.",
        "properties": {
            "created": {"type": "integer", "description": "When it was made, in Unix seconds."},
            "output_format": {"const": "png", "description": "Pictures are PNGs."},
            "size": {"type": "string", "pattern": "^[0-9]+x[0-9]+$", "description": "Width and height."},
            "data": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_COUNT,
                "items": picture,
                "description": "The pictures, in the order of their seeds.",
            },
            "usage": _usage_schema(),
        },
        "required": ["created", "output_format", "size", "data"],
        "additionalProperties": False,
    }


def _usage_schema() -> dict[str, Any]:
    def count(text: str) -> dict[str, Any]:
        return {"type": "integer", "minimum": 0, "description": text}

    details = {"image_tokens": count("Those of images."), "text_tokens": count("Those of text.")}
    totals = {
        "input_tokens": count("Tokens that went in."),
        "output_tokens": count("Tokens that came out."),
        "total_tokens": count("Both together."),
    }
    return {
        "type": "object",
        "description": "Tokens of all pictures together; absent where a backend does not tell them.",
        "properties": {
            **totals,
            "input_tokens_details": {
                "type": "object",
                "properties": details,
                "required": list(details),
                "additionalProperties": False,
                "description": "The tokens that went in, by kind.",
            },
        },
        "required": [*totals, "input_tokens_details"],
        "additionalProperties": False,
    }


def _property_schema(parameter: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of one parameter, from its public description."""
    if parameter["type"] == "file[]":
        accepted = ", ".join(parameter["media_types"])
        return {
            "type": "array",
            "minItems": parameter["min_items"],
            "maxItems": parameter["max_items"],
            "items": {
                "anyOf": [
                    {"type": "string", "contentMediaType": "application/octet-stream"},
                    {"type": "string", "pattern": UPLOAD_ID_PATTERN},
                ]
            },
            "description": f"{parameter['description']} Accepted are {accepted}, of at most "
            f"{parameter['max_pixels']:,} pixels each.",
        }
    renamed = {"min_length": "minLength", "max_length": "maxLength"}
    kept = ("type", "enum", "default", "minimum", "maximum", "min_length", "max_length", "description")
    schema = {renamed.get(key, key): parameter[key] for key in kept if key in parameter}
    if "sizes" in parameter:
        schema["description"] += " " + "; ".join(
            f"{resolution}: "
            + ", ".join(f"{ratio} {size['width']}x{size['height']}" for ratio, size in sizes.items())
            for resolution, sizes in parameter["sizes"].items()
        )
    return schema


def error_schema(codes: list[str]) -> dict[str, Any]:
    error = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "enum": codes, "description": "The cause; safe to switch on."},
            "message": {
                "type": "string",
                "description": "What is wrong, for a person; its words may change.",
            },
            "request_id": {"type": "string", "description": "The same as X-Request-Id."},
        },
        "required": ["code", "message", "request_id"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"error": error},
        "required": ["error"],
        "additionalProperties": False,
    }


def _parameter_schema() -> dict[str, Any]:
    """What is told of a parameter; which bounds there are depends on its type."""
    whole = {"type": "integer"}
    sides = {name: {**whole, "description": f"{name.title()} in pixels."} for name in ("width", "height")}
    by_ratio = {
        "type": "object",
        "additionalProperties": {"type": "object", "properties": sides, "required": list(sides)},
    }
    bounds = {
        "minimum": "The least value.",
        "maximum": "The greatest value.",
        "min_length": "The fewest characters, after trimming.",
        "max_length": "The most characters, after trimming.",
        "min_items": "The fewest files.",
        "max_items": "The most files.",
        "max_pixels": "The most pixels of one file.",
    }
    return {
        "type": "object",
        "properties": {
            "type": {
                "type": "string",
                "enum": ["string", "integer", "file[]"],
                "description": "What the field carries.",
            },
            "required": {"type": "boolean", "description": "Whether the field must come."},
            "description": {"type": "string", "description": "What it means."},
            "default": {"description": "What an absent field stands for."},
            "enum": {"type": "array", "items": {"type": "string"}, "description": "The allowed values."},
            **{name: {**whole, "description": text} for name, text in bounds.items()},
            "media_types": {
                "type": "array",
                "items": {"type": "string"},
                "description": "The kinds of file that are accepted.",
            },
            "random": {"type": "array", "items": whole, "description": "Values that mean: choose one."},
            "sizes": {
                "type": "object",
                "additionalProperties": by_ratio,
                "description": "Pixels by resolution and aspect ratio.",
            },
        },
        "required": ["type", "required", "description"],
    }


def models_schema() -> dict[str, Any]:
    meanings = {"id": "Its public id.", "name": "Its name, for people.", "modality": "What becomes what."}
    texts = {name: {"type": "string", "description": text} for name, text in meanings.items()}
    model = {
        "type": "object",
        "properties": {
            **texts,
            "parameters": {
                "type": "object",
                "description": "What the model accepts, by the name of the field.",
                "additionalProperties": _parameter_schema(),
            },
            "object": {"const": "model", "description": "As OpenAI's clients expect it: `model`."},
            "created": {"type": "integer", "description": "Since when it is offered, in Unix seconds."},
            "owned_by": {"type": "string", "description": "Who offers it."},
        },
        "required": ["id", "name", "modality", "parameters", "object", "created", "owned_by"],
    }
    return {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": model, "description": "The models."},
            "object": {"const": "list", "description": "As OpenAI's clients expect it: `list`."},
        },
        "required": ["data", "object"],
    }
