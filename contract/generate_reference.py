"""`make openapi`: write docs/api.md, the reference for people, from openapi.yaml's own document.

The prose is in contract/reference.md; tables, examples and numbers are put into it here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from contract.code_samples import PUBLIC_URL, code_samples
from contract.error_reference import error_references
from contract.generate_openapi import SAMPLE_NAMES, build_document
from imagineart.domain.consumers import TIERS
from imagineart.domain.limits import CONCURRENCY_RETRY_SECONDS
from imagineart.domain.openai_parameters import OPENAI_EDIT_PARAMETERS
from imagineart.domain.operations import Scope
from imagineart.domain.repeatable_answers import KEPT_SECONDS
from imagineart.domain.sizes import EDIT_ASPECT_RATIOS, GENERATION_ASPECT_RATIOS, RESOLUTIONS, output_size
from imagineart.domain.tokens import ROTATION_DAYS
from imagineart.web.calls import PATIENCE_SECONDS
from local.template import PROJECT, load_template

TEMPLATE_FILE: Final = Path(__file__).parent / "reference.md"
REFERENCE_FILE: Final = PROJECT / "docs" / "api.md"
CLIENT_SECONDS: Final = 300
"""How long the API reference has clients wait."""

_NODE_MAJOR: Final = 20
_METHODS: Final = ("get", "post")
_SCOPE_USES: Final = {
    Scope.GENERATE_IMAGES: "`POST /v1/images/generations`",
    Scope.EDIT_IMAGES: "`POST /v1/images/edits`",
    Scope.READ_MODELS: "`GET /v1/models`",
    Scope.WRITE_UPLOADS: "`POST /v1/uploads`",
}
_NOTICE: Final = (
    "<!-- Written by `make openapi` from contract/reference.md and the code: change those -->\n\n"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """The tables and examples of the reference; each method gives Markdown."""

    base_url: str
    document: Mapping[str, Any]

    def samples(self, name: str) -> str:
        """Programs that do the same thing, one after another: the page makes tabs of them."""
        return "\n\n".join(
            f"```{sample.language.fence} {sample.language.label}\n{sample.source(self.base_url)}\n```"
            for sample in code_samples(name)
        )

    def endpoint(self, operation_id: str) -> str:
        """How one operation is called, and what comes back."""
        _, _, operation = self._operation(operation_id)
        parts = [_scope_line(operation)]
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]
            # What is sent to the image endpoints as JSON is OpenAI's, and has a section of its own.
            media_types = [name for name, body in content.items() if "$ref" not in body["schema"]]
            parts += [
                f"Body: {_alternatives(f'`{name}`' for name in media_types)}.",
                _field_table(content["multipart/form-data"]["schema"]),
            ]
        if "parameters" in operation:
            parts += ["Header, optional:", _parameter_table(operation["parameters"])]
        parts += [self.samples(SAMPLE_NAMES[operation_id])]
        answers = operation["responses"]["200"]["content"]
        if "image/png" not in answers:
            parts += ["The answer:", self.answer(operation_id)]
        return "\n\n".join([*parts, _status_table(operation["responses"])])

    def route(self, operation_id: str) -> str:
        """Method and path of one operation."""
        method, path, _ = self._operation(operation_id)
        return f"```http\n{method.upper()} {path}\n```"

    def answer(self, operation_id: str) -> str:
        """What is answered in JSON: an example, and every field."""
        _, _, operation = self._operation(operation_id)
        content = operation["responses"]["200"]["content"]["application/json"]
        rows = self._answer_rows(content["schema"], "")
        example = _json_block(_shortened(content["example"]))
        return f"{example}\n\n{_table(('Answer field', 'Type', 'Meaning'), rows)}"

    def _answer_rows(self, schema: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, ...]]:
        """The fields of an answer, those of objects and lists below their own."""
        if "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for name, field in schema.get("properties", {}).items():
            kind = _plain_kind(field) + ("" if name in schema.get("required", ()) else ", optional")
            yield f"`{prefix}{name}`", kind, field["description"]
            yield from self._answer_rows(field, f"{prefix}{name}.")
            yield from self._answer_rows(field.get("items", {}), f"{prefix}{name}[].")
        if isinstance(schema.get("additionalProperties"), dict):
            yield from self._answer_rows(schema["additionalProperties"], f"{prefix}*.")

    def json_fields(self, schema: str) -> str:
        """The fields of a JSON body."""
        return _field_table(self.document["components"]["schemas"][schema])

    def picture_head(self) -> str:
        """The headers of a picture's answer, as an example."""
        headers = self._headers_of_pictures()
        shown = [name for name in headers if name not in ("X-Seed-Supported", "Idempotent-Replayed")]
        return "\n".join(f"{name}: {_plain(headers[name]['example'])}" for name in shown)

    def header_rows(self) -> str:
        """Every header that answers have."""
        common = self.document["components"]["headers"]
        every = common | self._headers_of_pictures()
        return _rows(
            (f"`{name}`", _where_header_comes(name, common), header["description"])
            for name, header in every.items()
        )

    def scope_rows(self) -> str:
        """Every scope and what it is for."""
        return _rows((f"`{scope}`", _SCOPE_USES[scope]) for scope in Scope)

    def size_rows(self) -> str:
        """The pixels of every ratio and resolution."""
        return _rows(
            (
                ratio if ratio in EDIT_ASPECT_RATIOS else f"{ratio} (generations alone)",
                *(str(output_size(ratio, resolution)) for resolution in RESOLUTIONS),
            )
            for ratio in GENERATION_ASPECT_RATIOS
        )

    def tier_rows(self) -> str:
        """The limits of every tier."""
        return _rows(
            (f"`{tier}`", str(limits.requests_per_minute), str(limits.concurrent_requests))
            for tier, limits in TIERS.items()
        )

    def error_rows(self) -> str:
        """Every error."""
        return _rows(
            (str(error.status), f"`{error.code}`", f"`{error.retry}`".replace(" or ", "` or `"), error.advice)
            for error in error_references()
        )

    def error_example(self, code: str) -> str:
        """One error as it is answered."""
        (error,) = [error for error in error_references() if error.code == code]
        return json.dumps(error.envelope, indent=2)

    def error_examples(self) -> str:
        """The message of every error, as an example."""
        return _table(
            ("Code", "Message"), ((f"`{error.code}`", error.message) for error in error_references())
        )

    def refused_fields(self) -> str:
        """The fields of OpenAI's that are never taken."""
        names = [name for name, _ in OPENAI_EDIT_PARAMETERS.refusals if name != "reasoning"]
        return ", ".join(f"`{name}`" for name in sorted(names))

    def _operation(self, operation_id: str) -> tuple[str, str, Mapping[str, Any]]:
        for path, item in self.document["paths"].items():
            for method in _METHODS:
                if item.get(method, {}).get("operationId") == operation_id:
                    return method, path, item[method]
        raise KeyError(operation_id)

    def _headers_of_pictures(self) -> dict[str, Any]:
        _, _, operation = self._operation("generateImage")
        common = self.document["components"]["headers"]
        return {
            name: common[name] if "$ref" in header else header
            for name, header in operation["responses"]["200"]["headers"].items()
        }


def render(base_url: str = PUBLIC_URL, *, openapi_link: str = "../openapi.yaml") -> str:
    """The reference of the deployment at `base_url`, as Markdown."""
    document = build_document(base_url)
    reference = Reference(base_url, document)
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    text = environment.from_string(TEMPLATE_FILE.read_text(encoding="utf-8")).render(
        {
            name: getattr(reference, name)
            for name in dir(Reference)
            if not name.startswith("_") and callable(getattr(reference, name))
        },
        title=document["info"]["title"],
        base_url=base_url,
        openapi_link=openapi_link,
        client_seconds=CLIENT_SECONDS,
        function_seconds=_function_seconds(),
        rotation_days=ROTATION_DAYS,
        kept_hours=KEPT_SECONDS // 3600,
        patience_seconds=round(PATIENCE_SECONDS),
        concurrency_seconds=CONCURRENCY_RETRY_SECONDS,
        node_major=_NODE_MAJOR,
    )
    return _NOTICE + text


def _function_seconds() -> int:
    resources = load_template().document["Resources"]
    seconds: int = resources["GenerateImageFunction"]["Properties"]["Timeout"]
    return seconds


def _scope_line(operation: Mapping[str, Any]) -> str:
    if operation["security"] == []:
        return "No token."
    (requirement,) = operation["security"]
    return f"Scope: `{requirement['bearerToken'][0]}`."


def _field_table(schema: Mapping[str, Any]) -> str:
    return _table(
        ("Field", "Type", "Allowed", "Default", "Meaning"),
        (
            _field_row(name, field, required=name in schema["required"])
            for name, field in schema["properties"].items()
        ),
    )


def _parameter_table(parameters: Iterable[Mapping[str, Any]]) -> str:
    return _table(
        ("Field", "Type", "Allowed", "Default", "Meaning"),
        (
            _field_row(
                each["name"],
                {**each["schema"], "description": each["description"]},
                required=each["required"],
            )
            for each in parameters
        ),
    )


def _field_row(name: str, field: Mapping[str, Any], *, required: bool) -> tuple[str, ...]:
    default = f"`{_plain(field['default'])}`" if "default" in field else ""
    kind = _kind(field) + (", required" if required else "")
    return f"`{name}`", kind, _allowed(field), default, _meaning(field)


def _plain_kind(field: Mapping[str, Any]) -> str:
    kind: str = field.get("type", "any" if "const" not in field else type(field["const"]).__name__)
    return {"bool": "boolean", "str": "string", "array": "list"}.get(kind, kind)


def _kind(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return "upload ids"
    kind: str = field["type"]
    return "files or upload ids" if kind == "array" else kind


def _allowed(field: Mapping[str, Any]) -> str:
    """The values that a field may have, from its schema."""
    if "enum" in field:
        return ", ".join(f"`{_plain(value)}`" for value in field["enum"])
    bounds = next((each for each in field.get("anyOf", [field]) if "maxItems" in each), None)
    if bounds:
        return f"{bounds['minItems']} to {bounds['maxItems']}"
    if "maxLength" in field:
        return f"{field.get('minLength', 0)} to {field['maxLength']} characters"
    return f"{field['minimum']} to {field['maximum']}" if "maximum" in field else ""


def _meaning(field: Mapping[str, Any]) -> str:
    text: str = field["description"]
    # The sizes have a table of their own here.
    return text.partition(" `sizes` gives exact pixels.")[0]


def _status_table(responses: Mapping[str, Any]) -> str:
    return _table(
        ("Answer", "When"),
        (
            (f"{status} {HTTPStatus(int(status)).phrase}", _linked_codes(response["description"]))
            for status, response in responses.items()
        ),
    )


def _linked_codes(text: str) -> str:
    meaning, separator, codes = text.rstrip(".").partition(" Codes: ")
    if not separator:
        return text
    return f"{meaning} {', '.join(f'`{code}`' for code in codes.split(', '))}"


def _where_header_comes(name: str, common: Mapping[str, Any]) -> str:
    if name.startswith("X-RateLimit"):
        return "known callers"
    if name == "Retry-After":
        return "429"
    if name == "X-Should-Retry":
        return "errors"
    return "every answer" if name in common else "pictures"


def _shortened(example: Any) -> Any:
    """The example without the table of sizes, which has its place elsewhere."""
    if not isinstance(example, dict):
        return [_shortened(each) for each in example] if isinstance(example, list) else example
    return {name: {"...": "..."} if name == "sizes" else _shortened(each) for name, each in example.items()}


def _json_block(value: Any) -> str:
    return f"```json\n{json.dumps(value, indent=2)}\n```"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _alternatives(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([f"| {' | '.join(header)} |", "|---" * len(header) + "|", _rows(rows)])


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(map(_escaped, row))} |" for row in rows)


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|")


if __name__ == "__main__":
    REFERENCE_FILE.write_text(render(), encoding="utf-8")
