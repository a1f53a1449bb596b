"""`smoke`: one image or other file from each configured backend."""

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from rich.console import Console

from cli.services import OperatorServices
from imagineart.images.kinds import PNG
from imagineart.images.model import ReferenceImage
from imagineart.images.sizes import Size
from imagineart.secrets_manager import CachedSecret

if TYPE_CHECKING:
    from imagineart.backends.try_backends import Trial

_SIDE: Final = 512


def try_backends(services: OperatorServices) -> Iterator["Trial"]:
    """The trials of every backend of every model, as they end."""
    # Other commands need no HTTP client and no Pillow.
    from imagineart.backends import try_backends as trials
    from imagineart.backends.http import HttpClient
    from imagineart.backends.keys import BACKEND_KEYS_CACHED_SECONDS, BackendKeys
    from imagineart.backends.route_builder import RouteBuilder
    from imagineart.media.engine_builder import EngineBuilder
    from imagineart.media.try_media import try_media

    http, http_of_media = HttpClient(), HttpClient()
    secret = CachedSecret(
        services.clients, services.credential_secret, cached_seconds=BACKEND_KEYS_CACHED_SECONDS
    )
    keys = BackendKeys(secret.read)
    builder = RouteBuilder(services.clients, keys, http)
    engines = EngineBuilder(services.clients, keys, lambda: http_of_media)
    document = services.manage_models.current().document
    yield from trials.try_backends(
        [(each, builder.build(each.backends)) for each in document.image_models], make_reference(), http
    )
    yield from try_media([(each, engines.build(each)) for each in document.media_models], http_of_media)


def make_reference() -> ReferenceImage:
    """A reference image: a gradient of 512 x 512 pixels."""
    from PIL import Image

    ramp = Image.linear_gradient("L").resize((_SIDE, _SIDE))
    image = Image.merge("RGB", (ramp, ramp.rotate(90), ramp.rotate(180)))
    content = io.BytesIO()
    image.save(content, "PNG")
    return ReferenceImage(content.getvalue(), PNG, Size(_SIDE, _SIDE))


def show_trials(trials: Iterable["Trial"], out: Console) -> bool:
    """Print each trial as it ends; return whether each returned a file."""
    all_succeeded = True
    for each in trials:
        name = f"{each.model_id}, {each.route}"
        if each.failure is None:
            line, style = f"{each.file_bytes:,} bytes in {each.seconds:.1f} s", "green"
        else:
            all_succeeded = False
            line, style = f"failed after {each.seconds:.1f} s: {each.failure}\n  {each.advice}", "red"
        out.print(f"{name}: {line}", style=style, markup=False, highlight=False, soft_wrap=True)
    return all_succeeded
