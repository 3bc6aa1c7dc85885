import subprocess
import sys
from importlib.metadata import version


def test_without_its_extra_gigbook_says_what_to_install() -> None:
    bare = "import sys; sys.path.insert(0, 'src'); import gigbook.__main__"

    ended = subprocess.run([sys.executable, "-S", "-c", bare], capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith("gigbook: needs the extra 'gigbook', as in pip install 'greenroom[gigbook]': ")


def test_gigbook_tells_its_version() -> None:
    told = subprocess.run([sys.executable, "-m", "gigbook", "--version"], capture_output=True, text=True, check=True)

    assert told.stdout == f"gigbook {version('greenroom')}\n"
