"""Speech by espeak-ng where it is installed, else tones in its rhythm; and a melody from a seed."""

import random
import shutil
import subprocess
from typing import Final

import numpy as np
from numpy.typing import NDArray

from local.studio.files import SAMPLE_RATE, audio_file, read_audio
from local.studio.voices import VOICES

_SPEAKER: Final = "espeak-ng"
_SCALE: Final = (0, 2, 4, 7, 9, 12, 14, 16)
"""Semitones of a pentatonic scale: whatever follows whatever, it sounds well."""

_LETTER_SECONDS: Final = 0.06
_MAX_SPOKEN: Final = 4_096


def speak(text: str, voice: str) -> bytes:
    """An MP3 file of the text."""
    if shutil.which(_SPEAKER):
        command = [_SPEAKER, "--stdout", "-v", VOICES.get(voice, "en"), "--stdin"]
        spoken = subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=60)
        return audio_file(read_audio(spoken.stdout), "mp3", how=f"; spoken by {_SPEAKER}")
    low = 110 * 2 ** ([*VOICES, voice].index(voice) / 6)
    notes = [
        _tone(low * 2 ** (_SCALE[ord(letter) % 5] / 12), _LETTER_SECONDS, softness=0.3)
        if letter.isalnum()
        else np.zeros(int(_LETTER_SECONDS * SAMPLE_RATE), np.float32)
        for letter in text[:_MAX_SPOKEN]
    ]
    return audio_file(np.concatenate(notes), "mp3", how="; tones, since espeak-ng is not installed")


def play(prompt: str, seed: int, seconds: float, file_format: str) -> bytes:
    """An MP3 or WAV file of a melody over a bass; equal arguments give equal notes."""
    dice = random.Random(f"{seed} {prompt}")
    beat, root = dice.uniform(0.28, 0.45), 220 * 2 ** (dice.randrange(-4, 5) / 12)
    samples = np.zeros(max(1, int(seconds * SAMPLE_RATE)), np.float32)
    at, step = 0.0, 3
    while at < seconds:
        length = beat * dice.choice((1, 1, 2))
        step = min(len(_SCALE) - 1, max(0, step + dice.choice((-2, -1, -1, 1, 1, 2))))
        _add(samples, at, 0.5 * _tone(root * 2 ** (_SCALE[step] / 12), 1.5 * length))
        at += length
    for bar in np.arange(0, seconds, 4 * beat):
        _add(samples, float(bar), 0.3 * _tone(root / 2 * 2 ** (dice.choice((0, 5, 7, 9)) / 12), 4 * beat))
    return audio_file(samples * np.minimum(1, np.linspace(seconds, 0, len(samples))), file_format)


def _tone(hertz: float, seconds: float, *, softness: float = 1.0) -> NDArray[np.float32]:
    """A note of a plucked string, more or less: harmonics that fade."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    harmonics = sum(np.sin(2 * np.pi * hertz * each * time) / each**2 for each in (1, 2, 3))
    attack = np.minimum(1, time / 0.01)
    return np.asarray(0.6 * harmonics * attack * np.exp(-3 * softness * time / seconds), np.float32)


def _add(samples: NDArray[np.float32], at: float, note: NDArray[np.float32]) -> None:
    begin = int(at * SAMPLE_RATE)
    room = samples[begin : begin + len(note)]
    room += note[: len(room)]
