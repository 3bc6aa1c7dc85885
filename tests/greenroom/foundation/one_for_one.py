"""A supervisor that starts without a word, for tests that try every kind of supervisor."""

from dataclasses import dataclass

from greenroom import Supervisor
from greenroom.foundation.restart import Strategy


@dataclass
class OneForOne(Supervisor):
    strategy: Strategy = "one_for_one"
