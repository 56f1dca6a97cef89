# SPDX-License-Identifier: Apache-2.0
defmodule Fwssh.Daemon do
  @moduledoc """
  Runs fwsshd, writes what it logs to Logger, and lets the supervisor start it again when it ends. It ends with this
  process: `priv/until-closed` ends it when the port is closed, which the VM's death does as well. A running update is
  completed first.
  """
  use GenServer
  require Logger

  # Between two starts, whatever it fails of: it may be the only way to the device.
  @pause 2_000

  def start_link(config), do: GenServer.start_link(__MODULE__, config, name: __MODULE__)

  @impl true
  def init(config) do
    Process.flag(:trap_exit, true)
    {:ok, open(config)}
  end

  defp open(config) do
    program = Keyword.get(config, :fwsshd) || System.find_executable("fwsshd") || "/usr/sbin/fwsshd"
    wrapper = Application.app_dir(:fwssh, "priv/until-closed")

    Port.open({:spawn_executable, wrapper}, [
      :binary,
      :exit_status,
      :stderr_to_stdout,
      {:line, 2048},
      args: [program | Fwssh.arguments(config)]
    ])
  end

  @impl true
  def handle_info({port, {:data, {_, line}}}, port) do
    Logger.info(line)
    {:noreply, port}
  end

  def handle_info({port, {:exit_status, status}}, port) do
    Logger.error("fwsshd ended with status #{status}")
    Process.sleep(@pause)
    {:stop, {:fwsshd_ended, status}, port}
  end

  def handle_info(_, port), do: {:noreply, port}
end
