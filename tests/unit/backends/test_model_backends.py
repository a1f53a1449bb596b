"""The backends of a model outlive a new version of the document that names the same ones."""

from imagineart.backends.call_backends import Backends
from imagineart.backends.model import Route
from imagineart.backends.model_backends import ModelBackends
from imagineart.models.model import Model
from imagineart.models.read_document import packaged_document
from tests.fakes.image_making import FakeImageBackend, fake_backends

MODEL, OTHER = packaged_document().image_models


def model_backends() -> ModelBackends[Model, Backends]:
    return ModelBackends(
        lambda model: fake_backends([Route(each.kind, FakeImageBackend()) for each in model.backends])
    )


def changed(**values: object) -> Model:
    """The model as a later version of the document has it."""
    return Model.model_validate_json(MODEL.model_copy(update=values).model_dump_json())


def test_a_model_keeps_its_circuit_breakers_until_other_backends_are_named() -> None:
    backends = model_backends()
    first = backends.of(MODEL)
    assert backends.of(changed(name="Another name")) is first
    (route,) = MODEL.backends
    assert backends.of(changed(backends=(route.model_copy(update={"retries": 0}),))) is not first


def test_each_model_has_backends_of_its_own() -> None:
    backends = model_backends()
    assert backends.of(MODEL) is not backends.of(OTHER)
    assert backends.of(OTHER) is backends.of(OTHER)
