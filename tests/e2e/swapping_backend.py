"""The load backend with the fault that matters most: now and then a picture is another caller's."""

from load.backend import PaintOrder, StampingStudio, main
from load.stamps import Stamp


class SwappingStudio(StampingStudio):
    """Paints every fifth picture for the prompt of the one before it."""

    _earlier: bytes = bytes(32)

    def stamp(self, order: PaintOrder) -> Stamp:
        own = super().stamp(order)
        swapped = Stamp(self._earlier, own.references, own.seed, own.serial)
        self._earlier = own.prompt
        return own if own.serial % 5 else swapped


if __name__ == "__main__":
    main(SwappingStudio)
