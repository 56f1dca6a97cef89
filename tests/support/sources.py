# SPDX-License-Identifier: Apache-2.0
"""The files in the repository, for tests that read them."""
import subprocess


def sources(t, *patterns):
    names = subprocess.run(["git", "-C", str(t.src), "ls-files", *patterns], stdout=subprocess.PIPE, text=True,
                           check=True).stdout.split()
    return [t.src / name for name in names if (t.src / name).exists()]
