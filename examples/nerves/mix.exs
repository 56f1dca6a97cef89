# SPDX-License-Identifier: Apache-2.0
defmodule Fwssh.MixProject do
  use Mix.Project

  def project do
    [app: :fwssh, version: "0.1.0", elixir: "~> 1.11", deps: []]
  end

  # On the host only the mix tasks are used: the server starts where a device is configured.
  def application do
    [mod: {Fwssh.Application, []}, extra_applications: [:logger]]
  end
end
