"""What this project's functions cost on Lambda: cold and warm, for a large image, and for several."""

import subprocess
import sys
import time
from typing import Final

from PIL import Image

from benchmarks.environments import environment
from benchmarks.figures import Figure
from benchmarks.functions import Function, function
from benchmarks.stand_ins import FORM_1K, FORM_2K, JSON_REQUEST, SLOW, png, request_event, stand_ins
from imagineart.images.decoding import decode_image
from imagineart.images.encoding import encode_png

_UNCOUNTED: Final = 10


def measure_cold() -> list[Figure]:
    """Cold starts, each in a new process, against the naive stack's."""
    with stand_ins() as (url, _):
        naive, ours, health = (function(name, url) for name in ("naive", "generate_image", "health"))
        # The first of each fills the disk's cache and is not counted.
        starts = [(_start(ours), _start(naive)) for _ in range(10)][1:]
        imports = [(_import(health), _import(naive)) for _ in range(10)][1:]
    cpu, memory, first_cpu, first_memory = zip(*[zip(*each, strict=True) for each in starts], strict=True)
    return [
        Figure("cold", "init: CPU", "ms", cpu, 0.80),
        Figure("cold", "init: memory", "MB", memory, 0.80),
        Figure("cold", "init and first response: CPU", "ms", first_cpu, 0.90),
        Figure("cold", "init and first response: memory", "MB", first_memory, 0.90),
        Figure("cold", "import of health: CPU", "ms", imports, 0.05),
    ]


def _start(function: Function) -> tuple[float, ...]:
    """Milliseconds and MB of an environment after its init, and after its first response."""
    with environment(function) as started:
        init = started.process.cpu_ms(), started.process.peak_mb()
        started.invoke(request_event(files=FORM_1K))
        return *init, started.process.cpu_ms(), started.process.peak_mb()


def _import(function: Function) -> float:
    """Milliseconds of a process that imports the handler, without AWS's runtime client."""
    command = [sys.executable, "-S", "-c", "import handler, time; print(time.process_time())"]
    output = subprocess.check_output(command, cwd=function.code, env=function.variables)
    return float(output.splitlines()[-1]) * 1e3


def measure_warm() -> list[Figure]:
    """The processor time of a request for a 1K image, against the naive stack's."""
    event = request_event(files=FORM_1K)
    with stand_ins() as (url, _):
        # Neither traces: what a tracer sends with each request is not compared.
        naive = function("naive", url, POWERTOOLS_TRACE_DISABLED="true")
        with environment(naive) as theirs, environment(function("generate_image", url)) as ours:
            pairs = [(ours.cpu_ms(event), theirs.cpu_ms(event)) for _ in range(_UNCOUNTED + 60)]
    return [Figure("warm", "1K: CPU", "ms", pairs[_UNCOUNTED:], 0.60)]


def measure_delivery() -> list[Figure]:
    """A whole request for an image of 8 MiB against the stock path alone, and the extra memory."""
    large = request_event(files=FORM_2K)
    stock_large = request_event(json={"model": "fast", "size": "2048x2048", "response_format": "png"})
    memory = []
    with stand_ins() as (url, _):
        ours_raw = function("generate_image", url, model="fast response_format=png")
        with environment(function("forward", url)) as stock, environment(ours_raw) as ours:
            pairs = [(ours.cpu_ms(large), stock.cpu_ms(stock_large)) for _ in range(_UNCOUNTED + 20)]
        for _ in range(3):
            with environment(function("generate_image", url)) as ours:
                for _ in range(_UNCOUNTED):
                    ours.invoke(request_event(files=FORM_1K))
                ours.process.forget_peak()
                before = ours.process.peak_mb()
                ours.invoke(large)
                memory.append((ours.process.peak_mb() - before, len(png(2048)) / 1e6))
    cpu = Figure("delivery", "8 MiB: CPU", "ms", pairs[_UNCOUNTED:], 0.35)
    return [cpu, Figure("delivery", "8 MiB: extra memory to the image's size", "MB", memory, 4.0)]


def measure_series() -> list[Figure]:
    """The time of a request for four images against that for one, where the backend takes 2 s."""
    one, four = request_event(json=JSON_REQUEST), request_event(json=JSON_REQUEST | {"n": 4})
    with stand_ins() as (url, _), environment(function("generate_image", url, model=SLOW)) as ours:
        ours.invoke(one)
        pairs = [(ours.invoke(four), ours.invoke(one)) for _ in range(3)]
    return [Figure("series", "n=4 to n=1: wall", "ms", pairs, 1.3)]


def measure_events() -> list[Figure]:
    """Four images as server-sent events against the same in one body."""
    body, events = (request_event(json=JSON_REQUEST | {"n": 4, "stream": stream}) for stream in (False, True))
    with stand_ins() as (url, _), environment(function("generate_image", url)) as ours:
        pairs = [(ours.cpu_ms(events), ours.cpu_ms(body)) for _ in range(_UNCOUNTED + 20)]
    return [Figure("events", "4 events of 2 MB to one body: CPU", "ms", pairs[_UNCOUNTED:], 1.3)]


def measure_operation() -> list[Figure]:
    """An edit with a mask, less the decoding and encoding that it needs, against one that needs none."""
    image, pixels = png(1024), decode_image(png(1024)).pixels
    half = Image.linear_gradient("L").resize(pixels.size).point(lambda level: 255 * (level > 128))
    mask = encode_png(half)
    files = {**FORM_1K, "images": ("image.png", image, "image/png")}
    masked_files = files | {"mask": ("mask.png", mask, "image/png")}
    edit, masked = (request_event(path="/v1/images/edits", files=each) for each in (files, masked_files))

    def codec_ms() -> float:
        """What it decodes (mask and image; result, image and mask) and encodes (image and mask; result)."""
        began = time.process_time()
        for content in (mask, image, image, image, mask):
            decode_image(content)
        for _ in range(2):
            encode_png(pixels)
        encode_png(half)
        return (time.process_time() - began) * 1e3

    with stand_ins() as (url, _), environment(function("edit_image", url)) as ours:
        pairs = [(ours.cpu_ms(masked) - codec_ms(), ours.cpu_ms(edit)) for _ in range(_UNCOUNTED + 30)]
    return [Figure("masks", "a mask, beside its codec, to an edit: CPU", "ms", pairs[_UNCOUNTED:], 1.2)]
