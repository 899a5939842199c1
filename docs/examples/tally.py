"""A light that is on while the studio is heard: `python tally.py /sys/class/leds/tally/brightness`.

It goes off when the sound is muted, when the mixer is gone, and when the daemon is: then no heartbeat comes.
"""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from ag06d.client import AsyncClient
from ag06d.errors import Ag06Error


async def main(lamp: Path) -> None:
    async with AsyncClient() as ag06, ag06.follow("heartbeat.", "state.", "audio.state.") as news:
        while True:
            try:
                status = await ag06.status()
                heard = status["state"] == "running" and not status["switches"]["mute"]
            except Ag06Error:
                heard = False
            lamp.write_text("1" if heard else "0")  # noqa: ASYNC240 - a few bytes, to the kernel
            await news.receive(timeout_s=3.0)


with suppress(KeyboardInterrupt):
    asyncio.run(main(Path(sys.argv[1])))
