"""Several data owners in one process, each with its key, its journal, its nodes and a thread: `python -m ... FILE...`.

They share nothing but memory; it is what `omnilytics do run` does, as often as there are files. Each has its log and
its result beside its settings.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from queue import Queue

from omnilytics.cli.files import Outputs
from omnilytics.cli.member import take_part
from omnilytics.cli.settings import member_settings
from omnilytics.cli.village import LOG, RESULT
from omnilytics.errors import OmniLyticsError


def run(configs: Sequence[Path]) -> int:
    """Takes part with all of them, to the end; gives the exit code of the first one that fails, at once, else 0."""
    codes: Queue[int] = Queue()

    def one(config: Path) -> None:
        codes.put(_take_part(config))

    for config in configs:
        threading.Thread(target=one, args=(config,), daemon=True).start()
    return next((code for code in (codes.get() for _ in configs) if code), 0)


def _take_part(config: Path) -> int:
    folder = config.parent
    with (folder / LOG).open("a", encoding="utf-8", buffering=1) as log:

        def say(line: str) -> None:
            log.write(f"{line}\n")

        try:
            with Outputs(folder / RESULT) as files:
                files.json(folder / RESULT, take_part(member_settings(config), None, None, say, yes=True))
        except OmniLyticsError as error:
            say(f"error: {error}")
            print(f"{folder.name}: {error}", file=sys.stderr)
            return error.exit_code
        except Exception as error:
            traceback.print_exc(file=log)
            print(f"{folder.name}: unexpected {type(error).__name__}, told in {log.name}", file=sys.stderr)
            return OmniLyticsError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(run([Path(name) for name in sys.argv[1:]]))
