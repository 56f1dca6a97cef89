# SPDX-License-Identifier: Apache-2.0
defmodule Fwssh.Application do
  @moduledoc false
  use Application

  @impl true
  def start(_type, _args) do
    config = Application.get_all_env(:nerves_firmware_ssh)
    # Without keys nobody could log in; on the host there are none.
    children = if config[:authorized_keys], do: [{Fwssh.Daemon, config}], else: []
    Supervisor.start_link(children, strategy: :one_for_one, name: Fwssh.Supervisor, max_restarts: 1_000_000)
  end
end
