"""Files of audio and video, for backends of tests; what is under test does not make them."""

import io
import wave
from functools import cache

import av
import numpy as np

SECONDS = 2
_RATE = 16_000


@cache
def wav(seconds: float = SECONDS) -> bytes:
    """A WAV file of silence."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, _RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * int(_RATE * seconds)))
    return content.getvalue()


@cache
def mp3(seconds: float = SECONDS) -> bytes:
    """An MP3 file of silence."""
    content = io.BytesIO()
    with av.open(content, "w", format="mp3") as file:
        stream = file.add_stream("libmp3lame", rate=_RATE, layout="mono")
        samples = np.zeros((1, int(_RATE * seconds)), dtype=np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = _RATE
        file.mux([*stream.encode(frame), *stream.encode(None)])
    return content.getvalue()


@cache
def mp4(seconds: int = SECONDS) -> bytes:
    """An MP4 file of 64 x 64 black pixels."""
    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=4, width=64, height=64, pix_fmt="yuv420p")
        black = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), dtype=np.uint8), format="rgb24")
        for _ in range(4 * seconds):
            file.mux(stream.encode(black))
        file.mux(stream.encode(None))
    return content.getvalue()
