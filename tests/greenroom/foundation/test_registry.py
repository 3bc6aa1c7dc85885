from uuid import uuid4

from greenroom import DynamicSupervisor, GenServer, Ref, Registry, Via, child, namespace


class Named(GenServer, restart="temporary"):
    async def answer(self) -> int:
        return 42


async def test_a_crash_of_one_who_registered_reaches_neither_the_registry_nor_the_others() -> None:
    with namespace(f"test:{uuid4().hex}"):
        registry = await child(Registry, "unique").named("names").start()
        supervisor = await DynamicSupervisor.start()
        for key in ("a", "b"):
            await supervisor.call(DynamicSupervisor.start_child, child(Named).named(Via("names", key)))
        crashed = Ref(Named, Via("names", "a"))

        crashed.exit("kill")
        await crashed.down()

        assert registry.alive
        assert await Ref(Named, Via("names", "b")).call(Named.answer) == 42
        assert not crashed.alive
        await supervisor.stop()
        await registry.stop()
