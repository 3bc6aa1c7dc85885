"""How processes end, and how others hear of it: exit signals, links, monitors. After the Erlang reference manual."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Iterable
from sys import getrecursionlimit, setrecursionlimit
from typing import Any, Final, cast

from greenroom.foundation.answering import Ended
from greenroom.foundation.exits import KILLED, NOPROC, NORMAL, SHUTDOWN, ProcessExit
from greenroom.foundation.handling import HEADROOM, Handling
from greenroom.foundation.mailbox import CLOSED, NOTHING, Message, Waiter
from greenroom.foundation.ref import Down, Exit, Monitor, Ref, process_at
from greenroom.foundation.report import report_end
from greenroom.foundation.server import Server, gone
from greenroom.foundation.ties import Ending, Ties
from greenroom.foundation.timer import Timer
from greenroom.foundation.worker import current_worker

PATIENCE: Final = 1000
"""How many turns of the loop the children of a process that was killed have to end, before its parent replaces it."""

NEWEST: Final = 100
"""How many messages `amend` looks at: the mailbox of a process that can not keep up may be long."""


class Signals(Handling):
    """The ties of a process to others, and its end."""

    __slots__ = ()

    def signal(self, reason: object, sender: Any, *, orderly: bool = False) -> None:
        """Take an exit signal, as a link or another process sends it; an orderly one is the parent's."""
        if self.queue is CLOSED:
            return
        if self.ties is not None and self.ties.trapping:
            if orderly or self._is_under(sender, self.ties):
                self.ask_to_stop(reason)
            else:
                self.put((self.server.__class__.__info__, (Exit(sender, reason),), NOTHING, None))
        elif not (isinstance(reason, str) and reason == NORMAL) or sender is self:
            self._end(reason)

    def ask_to_stop(self, reason: object) -> None:
        """End in its turn, with `terminate`; at once if it is suspended, since no turn would come."""
        if self.halted:
            stop_server(self.server, reason)
            self.namespace.scheduler.schedule(self)
        else:
            self.put((stop_server, (reason,), NOTHING, None))

    def kill(self) -> None:
        """End at once, whatever it does; a handler on the stack is let through to where it suspends."""
        worker = self.worker
        if self.queue is CLOSED:
            return
        if worker is not None and worker.process is self and worker.running:
            self.demand().exit = Ending(KILLED)
            if worker.detached:
                # The event loop drives it: nobody else looks when it suspends.
                self.namespace.scheduler.loop.call_soon(self.kill)
            return
        self.die(KILLED)
        if worker is not None and worker.detached and worker.process is self:
            worker.cut_off()

    def die(self, reason: object) -> None:
        """End now: free the names, answer who waits, and tell parent, links and monitors."""
        if self.queue is CLOSED:
            return
        # Where the stack is full, an end must not stop half way, with the name held by nobody.
        limit = getrecursionlimit()
        setrecursionlimit(limit + HEADROOM)
        try:
            self._perish(reason)
        finally:
            try:
                setrecursionlimit(limit)
            except RecursionError:
                # This call alone is one too many.
                self.namespace.scheduler.loop.call_soon(setrecursionlimit, limit)

    def _perish(self, reason: object) -> None:
        # A queue that is but a mark is empty.
        waiting: list[Message] = [*(self.backlog or ()), *(self.queue or ())]
        self.queue, self.backlog = CLOSED, None
        ties = self.ties
        self._forget(ties)
        orphans = self.server.orphans()
        report_end(self, reason)
        self.ties = None
        if waiting or ties is not None or self.worker is not None:
            self._fail_callers(waiting, ties, reason)
        kind: type[Server] = self.server.__class__
        self.server = gone(kind)
        if ties is not None:
            # Before anyone is pulled along: who watches several hears of the ends in their order.
            self._tell(ties, reason)
        if orphans:
            # OTP: what was started under it, or by it, ends with `shutdown` when it ends in good order.
            self._pull_along(orphans, SHUTDOWN if isinstance(reason, str) and reason == NORMAL else reason)
        if ties is not None and ties.links:
            self._pull_along(ties.links, reason)
        if self.parent is not None and self.parent.queue is not CLOSED:
            self._tell_parent(reason, [orphan for orphan in orphans if orphan.parent is self], PATIENCE)

    def gone(self) -> Waiter:
        """A future that gets the exit reason; `noproc` when it is too late to ask. It is kept until `look_away`."""
        waiter = self.namespace.scheduler.loop.create_future()
        if self.queue is CLOSED:
            waiter.set_result(NOPROC)
        else:
            self.tie().tell(waiter, _tell_waiter)
        return waiter

    def look_away(self, gone: Waiter) -> None:
        """Keep a future that nobody waits for no longer."""
        if self.ties is not None:
            self.ties.watchers.pop(gone, None)

    def link(self, ref: Ref[Any]) -> None:
        """Let each end with the other; OTP: whoever asks for a link to what is not there exits right there."""
        other = process_at(ref)
        if not isinstance(other, Signals) or other.queue is CLOSED:
            worker = current_worker()
            if worker is not None and worker.process is self and not (self.ties is not None and self.ties.trapping):
                raise ProcessExit(NOPROC)
            self.signal(NOPROC, ref if other is None else other)
        elif other is not self:
            self.tie().link(other)
            other.tie().link(self)

    def unlink(self, ref: Ref[Any]) -> None:
        """Undo the link from both sides."""
        other = process_at(ref)
        if isinstance(other, Signals):
            if self.ties is not None:
                self.ties.links.pop(other, None)
            if other.ties is not None:
                other.ties.links.pop(self, None)

    def monitor(self, ref: Ref[Any]) -> Monitor:
        """Get one `Down` when the other ends, at once if it is not there."""
        monitor = Monitor(ref)
        self.watch(monitor)
        return monitor

    def watch(self, monitor: Monitor) -> None:
        """Begin with a monitor that was made elsewhere."""
        other = process_at(monitor.ref)
        if isinstance(other, Signals) and other.queue is not CLOSED:
            self.tie().watch(monitor, other)
            other.tie().tell(monitor, self._told)
        else:
            self._told(monitor, NOPROC)

    def demonitor(self, monitor: Monitor) -> bool:
        """Undo the monitor, and take its `Down` back if it waits already; False if it was over."""
        if not isinstance(cast(object, monitor), Monitor):
            raise TypeError(f"expected what monitor answered, got {monitor!r}")
        other = self.tie().watching.pop(monitor, None)
        if other is not None and other.ties is not None:
            other.ties.watchers.pop(monitor, None)
            # OTP: nobody watches itself, since nobody would be there to hear of it.
            return other is not self
        if self.queue:
            self.queue[:] = [message for message in self.queue if not _is_down_of(message, monitor)]
        if self.backlog is not None:
            self.backlog = iter([message for message in self.backlog if not _is_down_of(message, monitor)])
        return False

    def inform(self, message: object) -> None:
        """Put a message for `handle_info` into the mailbox."""
        self.put((self.server.__class__.__info__, (message,), NOTHING, None))

    def amend(self, message: object, other: object) -> bool:
        """Put another message for `handle_info` in the place of one that waits among the newest; False if none does."""
        queue = self.queue
        if queue is None:
            return False
        for at in range(len(queue) - 1, max(len(queue) - NEWEST, 0) - 1, -1):
            function, args, kwargs, waiter = queue[at]
            if len(args) == 1 and args[0] is message:
                queue[at] = (function, (other,), kwargs, waiter)
                return True
        return False

    def later(self, seconds: float, message: Message) -> Timer:
        """Put the message into the mailbox in this many seconds, unless the process ends before."""
        return self.namespace.scheduler.timers.schedule_for(self.tie().own_timers(), seconds, self.put, (message,))

    def _tell_parent(self, reason: object, orphans: list[Any], turns: int) -> None:
        if self.parent is None or self.parent.queue is CLOSED or self.namespace.scheduler.is_ending:
            # With the loop everyone ends: there is nothing to be restarted.
            return
        while orphans and orphans[-1].queue is CLOSED:
            orphans.pop()
        if orphans and turns:
            # The parent starts another in its place, which would find names held that are about to be free.
            self.namespace.scheduler.loop.call_soon(self._tell_parent, reason, orphans, turns - 1)
        else:
            self.parent.deliver((_child_ended, (self, reason), NOTHING, None))

    def _is_under(self, sender: Any, ties: Ties) -> bool:
        if self.parent is None and ties.starter is None:
            # OTP: whoever was started by nobody is its own parent.
            return sender is self
        return sender is not None and (sender is self.parent or sender is ties.starter)

    def _told(self, monitor: Any, reason: object) -> None:
        if self.ties is not None:
            self.ties.watching.pop(monitor, None)
        self.inform(Down(monitor, monitor.ref, reason))

    def _end(self, reason: object) -> None:
        worker = self.worker
        if worker is None or not self.working:
            self.die(reason)
            return
        control = self.demand()
        if control.exit is None:
            control.exit = Ending(reason)
            if worker.detached or not worker.running:
                worker.cancel()

    def _forget(self, ties: Ties | None) -> None:
        self.namespace.processes.discard(self)
        if self.name is not None:
            self.namespace.unregister(self.name, self)
        if ties is not None:
            ties.release()

    def _fail_callers(self, waiting: list[Message], ties: Ties | None, reason: object) -> None:
        waiters = [waiter for _, _, _, waiter in waiting]
        if self.worker is not None and self.worker.process is self:
            waiters.append(self.worker.waiter)
        if ties is not None:
            for promised in list(ties.promises):
                ties.forgive(promised)
                waiters.append(promised)
        for waiter in waiters:
            if waiter is not None and not waiter.done():
                waiter.set_exception(Ended(reason))

    def _tell(self, ties: Ties, reason: object) -> None:
        for worker in ties.home or ():
            worker.close()
        for monitor, watched in ties.watching.items():
            if watched.ties is not None:
                watched.ties.watchers.pop(monitor, None)
        for linked in ties.links:
            if linked.ties is not None:
                linked.ties.links.pop(self, None)
        for watch, watcher in ties.watchers.items():
            watcher(watch, reason)

    def _pull_along(self, others: Iterable[Signals], reason: object) -> None:
        # One end pulls the next along, and that one others: in turn, since a long chain is too deep for the stack.
        scheduler = self.namespace.scheduler
        if scheduler.falling is not None:
            scheduler.falling.extend((other, reason, self) for other in others)
            return
        scheduler.falling = falling = deque[tuple[Any, object, object]]((other, reason, self) for other in others)
        try:
            while falling:
                other, why, sender = falling.popleft()
                other.signal(why, sender)
        finally:
            scheduler.falling = None


def stop_server(server: Server, reason: object) -> None:
    """The message that ends a process in its turn, with its `terminate`; for the reason of whoever asked first."""
    control = server.__process__.demand()
    control.stop = control.stop or Ending(reason)


def _tell_waiter(waiter: Any, reason: object) -> None:
    if not waiter.done():
        waiter.set_result(reason)


def _child_ended(server: Server, child: object, reason: object) -> Awaitable[None] | None:
    return server.child_ended(child, reason)


def _is_down_of(message: Message, monitor: Monitor) -> bool:
    _, args, _, _ = message
    return len(args) == 1 and isinstance(args[0], Down) and args[0].monitor is monitor
