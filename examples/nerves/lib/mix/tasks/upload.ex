# SPDX-License-Identifier: Apache-2.0
defmodule Mix.Tasks.Upload do
  @shortdoc "Pushes firmware to a device over SSH (fwssh push)"
  @moduledoc "#{@shortdoc}: `mix upload [HOST] [--firmware FILE]`, as `mix firmware.push`."
  use Mix.Task

  @impl true
  def run(words), do: Mix.Tasks.Firmware.Push.run(words)
end
