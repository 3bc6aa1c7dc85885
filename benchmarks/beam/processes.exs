# The same work on the BEAM: elixir --erl "+S 1 +P 4000000" processes.exs WORKLOAD SECONDS PROCESSES
# Prints one line for each figure: its name and its value. Times are in seconds.

:logger.set_primary_config(:level, :none)

defmodule Counter do
  use GenServer

  def start(name \\ nil), do: GenServer.start(__MODULE__, 0, options(name))
  def start_link(name), do: GenServer.start_link(__MODULE__, 0, options(name))
  def child_spec(name), do: %{id: __MODULE__, start: {__MODULE__, :start_link, [name]}}

  def add(server), do: GenServer.call(server, :add)
  def cast_add(server), do: GenServer.cast(server, :add)

  @impl true
  def init(value), do: {:ok, value}

  @impl true
  def handle_call(:add, _from, value), do: {:reply, value + 1, value + 1}
  def handle_call(:crash, _from, _value), do: raise(ArgumentError, "wrong")

  @impl true
  def handle_cast(:add, value), do: {:noreply, value + 1}

  defp options(nil), do: []
  defp options(name), do: [name: name]
end

defmodule Stop do
  use GenServer

  def start(following), do: GenServer.start(__MODULE__, following)

  @impl true
  def init(following), do: {:ok, following}

  @impl true
  def handle_cast({:follow, following}, _), do: {:noreply, following}

  def handle_cast({:ping, 0, waiting}, following) do
    send(waiting, :arrived)
    {:noreply, following}
  end

  def handle_cast({:ping, hops, waiting}, following) do
    GenServer.cast(following, {:ping, hops - 1, waiting})
    {:noreply, following}
  end
end

defmodule Reader do
  use GenServer

  def start(delivered), do: GenServer.start(__MODULE__, delivered)

  @impl true
  def init(delivered) do
    {:ok, _} = Registry.register(News, "news", nil)
    {:ok, delivered}
  end

  @impl true
  def handle_info({:news, _}, delivered) do
    :counters.add(delivered, 1, 1)
    {:noreply, delivered}
  end
end

defmodule Gauge do
  def now, do: System.monotonic_time(:nanosecond)
  def since(started), do: (now() - started) / 1.0e9

  # Units per second, over at least this time; the first round is to warm up.
  def rate(seconds, work) do
    work.()
    repeat(seconds, work, now(), 0)
  end

  defp repeat(seconds, work, started, done) do
    elapsed = since(started)
    if elapsed < seconds, do: repeat(seconds, work, started, done + work.()), else: done / elapsed
  end

  def times(0, _work), do: :ok

  def times(count, work) do
    work.()
    times(count - 1, work)
  end

  def percentile(values, percent) do
    ordered = Enum.sort(values)
    Enum.at(ordered, min(length(ordered) - 1, trunc(length(ordered) * percent / 100)))
  end
end

defmodule Named do
  # So many counters under one supervisor, each under a name in one Registry.
  def start(count) do
    {:ok, supervisor} = prepare()
    add(supervisor, count)
  end

  def prepare do
    {:ok, _} = Registry.start_link(keys: :unique, name: Names)
    DynamicSupervisor.start_link(strategy: :one_for_one)
  end

  def add(supervisor, count) do
    for number <- 1..count do
      {:ok, _} = DynamicSupervisor.start_child(supervisor, {Counter, via(number)})
      via(number)
    end
  end

  def via(number), do: {:via, Registry, {Names, number}}
end

defmodule Work do
  import Gauge

  @calls 5_000
  @casts 10_000

  def run("call_idle", seconds, _) do
    {:ok, counter} = Counter.start()
    [rate: rate(seconds, fn -> call_many(counter) end)]
  end

  def run("call_1000", seconds, count) do
    counters = counters(count)

    work = fn ->
      Enum.each(counters, &Counter.add/1)
      count
    end

    [rate: rate(seconds, work)]
  end

  def run("call_100x100", seconds, count) do
    counters = counters(count)
    each = div(@calls, 10)

    work = fn ->
      counters
      |> Enum.map(fn counter -> Task.async(fn -> times(each, fn -> Counter.add(counter) end) end) end)
      |> Task.await_many(:infinity)

      count * each
    end

    [rate: rate(seconds, work)]
  end

  def run("call_named", seconds, _) do
    [name] = Named.start(1)
    [rate: rate(seconds, fn -> call_many(name) end)]
  end

  def run("call_busy", seconds, _) do
    {:ok, counter} = Counter.start()

    work = fn ->
      times(@calls, fn ->
        Counter.cast_add(counter)
        Counter.add(counter)
      end)

      @calls
    end

    [rate: rate(seconds, work)]
  end

  def run("cast", seconds, _) do
    {:ok, counter} = Counter.start()

    work = fn ->
      times(@casts, fn -> Counter.cast_add(counter) end)
      Counter.add(counter)
      @casts
    end

    [rate: rate(seconds, work)]
  end

  # The BEAM has no such thing: its casts are handled one by one.
  def run("cast_batch", seconds, processes), do: run("cast", seconds, processes)

  def run("start", _, count) do
    {:ok, supervisor} = Named.prepare()
    started = now()
    Named.add(supervisor, count)
    [rate: count / since(started)]
  end

  def run("memory", _, count) do
    {:ok, supervisor} = Named.prepare()
    before = :erlang.memory(:total)
    add_apart(supervisor, count)
    [bytes: (:erlang.memory(:total) - before) / count]
  end

  def run("lookup", seconds, count) do
    Named.start(count)
    names = for number <- 1..count, do: :"counter-#{number}"
    Enum.each(names, &Counter.start/1)

    by_key = fn ->
      for number <- 1..count, do: [{_, _}] = Registry.lookup(Names, number)
      count
    end

    by_name = fn ->
      for name <- names, do: true = is_pid(Process.whereis(name))
      count
    end

    [rate: rate(seconds, by_key), where: rate(seconds, by_name)]
  end

  def run("restart", _, count) do
    names = supervised(count, 100)

    seconds =
      for _ <- 1..5, name <- names do
        before = Process.whereis(name)
        started = now()
        Process.exit(before, :kill)
        await_other(name, before)
        since(started)
      end

    [p50: percentile(seconds, 50), p99: percentile(seconds, 99)]
  end

  def run("crashes", _, count) do
    names = supervised(min(1_000, count), count)
    turns = names |> Stream.cycle() |> Enum.take(count)
    started = now()

    Enum.each(turns, fn name ->
      before = await_other(name, nil)

      try do
        GenServer.call(before, :crash)
      catch
        :exit, _ -> await_other(name, before)
      end
    end)

    [rate: count / since(started)]
  end

  def run("publish", seconds, count), do: publish(seconds, count, 1)

  def run("publish_burst", seconds, count), do: publish(seconds, count, 10)

  def run("timers", seconds, count) do
    for number <- 1..count do
      Process.send_after(self(), :ring, 600_000 + rem(number * 7_919, 3_600_000))
    end

    work = fn ->
      times(@calls, fn -> Process.cancel_timer(Process.send_after(self(), :ring, 5_000)) end)
      @calls
    end

    [rate: rate(seconds, work)]
  end

  def run("ring", seconds, count) do
    {:ok, first} = Stop.start(nil)

    last =
      Enum.reduce(2..max(2, count), first, fn _, following ->
        {:ok, stop} = Stop.start(following)
        stop
      end)

    GenServer.cast(first, {:follow, last})

    work = fn ->
      GenServer.cast(first, {:ping, 10 * count, self()})

      receive do
        :arrived -> 10 * count
      end
    end

    [rate: rate(seconds, work)]
  end

  def run("load", seconds, count) do
    for counter <- counters(count), do: spawn(fn -> call_for_ever(counter) end)
    stalls = Task.async(fn -> stalls(seconds, now(), now(), []) end)
    lags = Task.async(fn -> lags(seconds, now(), []) end)
    found = Task.await(stalls, :infinity)

    [
      stall_p50: percentile(found, 50),
      stall_p99: percentile(found, 99),
      stall_max: Enum.max(found),
      lag_p99: percentile(Task.await(lags, :infinity), 99)
    ]
  end

  defp publish(seconds, count, burst) do
    {:ok, _} = Registry.start_link(keys: :duplicate, name: News)
    delivered = :counters.new(1, [])
    for _ <- 1..count, do: {:ok, _} = Reader.start(delivered)

    work = fn ->
      expected = :counters.get(delivered, 1) + burst * count

      for number <- 1..burst do
        Registry.dispatch(News, "news", fn entries -> for {reader, _} <- entries, do: send(reader, {:news, number}) end)
      end

      await_count(delivered, expected)
      burst * count
    end

    [rate: rate(seconds, work)]
  end

  defp await_count(delivered, expected) do
    if :counters.get(delivered, 1) < expected do
      :erlang.yield()
      await_count(delivered, expected)
    end
  end

  defp counters(count) do
    for _ <- 1..count do
      {:ok, counter} = Counter.start()
      counter
    end
  end

  # A supervisor for each: one that restarts often walks a long list of its restarts every time.
  defp supervised(count, restarts) do
    for number <- 1..count do
      name = :"counter-#{number}"
      {:ok, _} = Supervisor.start_link([{Counter, name}], strategy: :one_for_one, max_restarts: restarts)
      name
    end
  end

  defp call_many(counter) do
    times(@calls, fn -> Counter.add(counter) end)
    @calls
  end

  defp call_for_ever(counter) do
    Counter.add(counter)
    call_for_ever(counter)
  end

  # In a process of its own, so that its garbage does not count.
  defp add_apart(supervisor, count) do
    task =
      Task.async(fn ->
        Enum.each(1..count, fn number ->
          {:ok, _} = DynamicSupervisor.start_child(supervisor, {Counter, Named.via(number)})
        end)
      end)

    Task.await(task, :infinity)
    :erlang.garbage_collect()
  end

  defp await_other(name, before) do
    case Process.whereis(name) do
      found when found == nil or found == before ->
        :erlang.yield()
        await_other(name, before)

      found ->
        found
    end
  end

  defp stalls(seconds, begun, last, found) do
    :erlang.yield()
    now = now()
    found = [(now - last) / 1.0e9 | found]
    if (now - begun) / 1.0e9 < seconds, do: stalls(seconds, begun, now, found), else: found
  end

  defp lags(seconds, begun, found) do
    before = now()

    receive do
    after
      1 -> :ok
    end

    found = [max(0.0, since(before) - 0.001) | found]
    if since(begun) < seconds, do: lags(seconds, begun, found), else: found
  end
end

[workload, seconds, processes] = System.argv()
{seconds, _} = Float.parse(seconds)

for {figure, value} <- Work.run(workload, seconds, String.to_integer(processes)) do
  IO.puts("#{figure} #{value}")
end

# Not in good order: that takes longer than the work.
System.halt(0)
