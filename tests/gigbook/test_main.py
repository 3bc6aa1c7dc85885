import subprocess
import sys


def test_without_its_extra_gigbook_says_what_to_install() -> None:
    bare = "import sys; sys.path.insert(0, 'src'); import gigbook.__main__"

    ended = subprocess.run([sys.executable, "-S", "-c", bare], capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith("gigbook: needs the extra 'gigbook', as in pip install 'greenroom[gigbook]': ")
