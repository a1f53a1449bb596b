"""Samples and frames as files that say in their metadata where they come from."""

import io
from collections.abc import Iterable
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

STAND_IN: Final = "Made by the studio of the local stack, a stand-in that is no model"
SAMPLE_RATE: Final = 22_050
FRAME_RATE: Final = 12

_CODECS: Final = {"mp3": "libmp3lame", "wav": "pcm_s16le"}


def audio_file(samples: NDArray[np.float32], file_format: str, *, how: str = "") -> bytes:
    """Mono samples from -1 to 1 as an MP3 or WAV file; `how` is added to the metadata."""
    content = io.BytesIO()
    with av.open(content, "w", format=file_format) as file:
        file.metadata["comment"] = f"{STAND_IN}{how}"
        stream = file.add_stream(_CODECS[file_format], rate=SAMPLE_RATE, layout="mono")
        assert isinstance(stream, av.AudioStream)
        levels = (np.clip(samples, -1, 1) * 32_000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(levels, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        file.mux([*stream.encode(frame), *stream.encode(None)])
    return content.getvalue()


def video_file(frames: Iterable[NDArray[np.uint8]], width: int, height: int) -> bytes:
    """Frames of red, green and blue as an MP4 file."""
    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as file:
        file.metadata["comment"] = STAND_IN
        stream = file.add_stream(
            "libx264", rate=FRAME_RATE, width=width, height=height, pix_fmt="yuv420p",
            options={"preset": "veryfast", "crf": "30"},
        )  # fmt: skip
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode(None))
    return content.getvalue()


def read_audio(content: bytes) -> NDArray[np.float32]:
    """The mono samples, at `SAMPLE_RATE`, of an audio file."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    with av.open(io.BytesIO(content), "r") as file:
        frames = [each for frame in file.decode(audio=0) for each in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in (*frames, *resampler.resample(None))])
