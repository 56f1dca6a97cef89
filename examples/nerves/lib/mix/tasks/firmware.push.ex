# SPDX-License-Identifier: Apache-2.0
defmodule Mix.Tasks.Firmware.Push do
  @shortdoc "Pushes firmware to a device over SSH (fwssh push)"
  @moduledoc """
  #{@shortdoc}

      mix firmware.push [HOST...] [--firmware FILE] [--port N] [--target TARGET] [--passphrase TEXT] [--user-dir DIR]

  All options are those of `fwssh push`, which finds the firmware in `_build` as `mix firmware` has left it.
  """
  use Mix.Task

  @impl true
  def run(words) do
    case Fwssh.host(["push" | words]) do
      0 -> :ok
      status -> exit({:shutdown, status})
    end
  end
end
