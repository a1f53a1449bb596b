"""The load backend with the fault that matters most: now and then a picture is another caller's."""

from dataclasses import replace

from load.backend import PaintOrder, StampingStudio, main
from load.stamps import Stamp


class SwappingStudio(StampingStudio):
    """Paints every fifth picture for the latest prompt that was another one."""

    _other: bytes = bytes(32)
    _latest: bytes = bytes(32)

    def stamp(self, order: PaintOrder) -> Stamp:
        own = super().stamp(order)
        with self.turn:
            if own.prompt != self._latest:
                self._other, self._latest = self._latest, own.prompt
            return own if own.serial % 5 else replace(own, prompt=self._other)


if __name__ == "__main__":
    main(SwappingStudio)
