"""What a client makes of an event stream: the steps of the HTML standard, section 9.2.6, written down once more."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Received:
    """An event as a page gets it."""

    type: str
    data: str
    last_id: str = ""


@dataclass
class EventSource:
    """Takes the stream in pieces of any size."""

    events: list[Received] = field(default_factory=list[Received])
    comments: list[str] = field(default_factory=list[str])
    retry: int | None = None
    _rest: bytes = b""
    _type: str = ""
    _data: list[str] = field(default_factory=list[str])
    _last_id: str = ""

    def feed(self, piece: bytes) -> None:
        """Take a piece. What we send has no carriage returns at line ends, so a line ends at each LF."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._line(line.decode())

    def of_type(self, type_: str) -> list[Received]:
        return [event for event in self.events if event.type == type_]

    def _line(self, line: str) -> None:
        if not line:
            self._dispatch()
        elif line.startswith(":"):
            self.comments.append(line[1:])
        else:
            name, _, value = line.partition(":")
            self._field(name, value.removeprefix(" "))

    def _field(self, name: str, value: str) -> None:
        match name:
            case "event":
                self._type = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._last_id = value
            case "retry" if value.isascii() and value.isdecimal():
                self.retry = int(value)
            case _:
                pass

    def _dispatch(self) -> None:
        if self._data:
            self.events.append(Received(self._type or "message", "\n".join(self._data), self._last_id))
        self._type, self._data = "", []
