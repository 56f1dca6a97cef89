# SPDX-License-Identifier: Apache-2.0
defmodule Mix.Tasks.Firmware.Gen.Script do
  @shortdoc "Writes upload.sh, which pushes with ssh alone (fwssh gen-script)"
  @moduledoc @shortdoc
  use Mix.Task

  @impl true
  def run(words) do
    case Fwssh.host(["gen-script" | words]) do
      0 -> :ok
      status -> exit({:shutdown, status})
    end
  end
end
