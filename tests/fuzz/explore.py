"""One target explored by coverage in this process, with atheris: `python -m tests.fuzz.explore NAME --seconds 600`.

Says on stderr what libFuzzer says. Ends with a status other than 0 when an input makes the target raise (it stands in
FOLDER then), when one takes over 10 s, or when the process grows (`watched.py`). Inputs that reached something new stay
in FOLDER/found, from where `minimise` takes them into the corpus.
"""

import argparse
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Final

from tests.fuzz.watched import Watched

INPUT_S_MAX: Final = 10


def main() -> None:
    """Read the command line and explore; does not return."""
    words = argparse.ArgumentParser(prog="tests.fuzz.explore")
    words.add_argument("name")
    words.add_argument("--seconds", type=int, default=600)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--folder", type=Path, default=None)
    given = words.parse_args()
    atheris = import_module("atheris")  # an extra, installed by hand
    with atheris.instrument_imports(include=["fsw", "tools"]):
        targets = import_module("tests.fuzz.targets")
    folder = given.folder or Path(tempfile.mkdtemp(prefix=f"kratai-fuzz-{given.name}-"))
    found, state = folder / "found", folder / "state"
    state.mkdir(exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(targets.corpus(given.name)):
        (found / f"corpus-{number:04}").write_bytes(octets)
    options = [
        f"-max_total_time={given.seconds}", f"-seed={given.seed}", f"-max_len={targets.INPUT_OCTETS_MAX}",
        f"-timeout={INPUT_S_MAX}", "-rss_limit_mb=0", "-print_final_stats=1", f"-artifact_prefix={folder}/", str(found),
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options], Watched(targets.TARGETS[given.name](state)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
