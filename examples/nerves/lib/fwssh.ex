# SPDX-License-Identifier: Apache-2.0
defmodule Fwssh do
  @moduledoc """
  Takes firmware updates with fwsshd, in place of nerves_firmware_ssh: the same configuration, the same port, the same
  clients. And runs fwssh on the host.
  """

  @doc """
  The words of fwsshd's command line for a configuration as that of nerves_firmware_ssh:

    * `:authorized_keys` - lines as in authorized_keys
    * `:port`, 8989 by default
    * `:system_dir` - where the host keys are, if they are not fwsshd's own
    * `:state_dir`, `/data/fwssh` by default: fwsshd's own host key, and what it remembers
    * `:fwsshd_options` - more keys of fwsshd.conf, such as `[updater: "fwpack", device: "/dev/mmcblk0"]`
  """
  def arguments(config) do
    own = [
      {"authorized-keys", Keyword.get(config, :authorized_keys, [])},
      {"authorized-keys-files", []},
      {"port", Keyword.get(config, :port, 8989)},
      {"state-dir", Keyword.get(config, :state_dir, "/data/fwssh")}
    ]

    system_dir = for dir <- List.wrap(config[:system_dir]), do: {"system-dir", dir}
    more = for {name, value} <- Keyword.get(config, :fwsshd_options, []), do: {key(name), value}
    Enum.flat_map(own ++ system_dir ++ more, fn {name, value} -> ["-o", "#{name}=#{value(value)}"] end)
  end

  defp key(name), do: name |> to_string() |> String.replace("_", "-")

  # -o takes the text of a value of fwsshd.conf.
  defp value(list) when is_list(list), do: "{" <> Enum.map_join(list, ", ", &quoted/1) <> "}"
  defp value(other), do: to_string(other)

  defp quoted(text) do
    escaped = text |> String.trim() |> String.replace("\\", "\\\\") |> String.replace("\"", "\\\"") |> String.replace("$", "\\$")
    "\"" <> escaped <> "\""
  end

  @doc """
  Runs fwssh with the terminal of this VM, and returns its exit status. A port with pipes would leave it no bar, and ssh
  could ask for nothing.
  """
  def host(words) do
    program = System.find_executable("fwssh") || Mix.raise("fwssh is not in PATH; install it first")
    port = Port.open({:spawn_executable, program}, [:nouse_stdio, :exit_status, args: words])

    receive do
      {^port, {:exit_status, status}} -> status
    end
  end
end
