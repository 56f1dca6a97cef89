# SPDX-License-Identifier: Apache-2.0
"""The TCP connection under a push that sends only what the device lacks is cut after a number of bytes: fwssh's messages
and its exit status are true, the device is in the right state, and the next push goes through."""
import random

from cut.assembled import Assembled
from cut.test_connection import check_cut, whole_push


def make(t, *options):
    v = Assembled(t)
    v.push_options += options
    d = v.daemon()
    return v, d, whole_push(t, d, v)


def check_to_device(t, *options):
    v, d, (total, _) = make(t, *options)
    assert total < v.missing, "only what is missing is sent"
    r = random.Random(5)
    places = sorted(r.sample(range(total), 16) + [total - n for n in r.sample(range(1, 600), 12)])
    for n, at in enumerate(places):
        check_cut(t, d, v, f"{at} of {total} bytes to the device", to_device=at, reset=bool(n & 1))
        if n % 5 == 0:
            v.assert_daemon_works(d)


def test_cut_to_the_device(t):
    check_to_device(t)


def test_cut_to_the_device_with_a_base(t):
    check_to_device(t, "--base", "1.fw")


def test_cut_to_the_client(t):
    """Answers, credit, the updater's words, the exit status."""
    v, d, (_, total) = make(t)
    r = random.Random(3)
    for n, back in enumerate((1, 30, 40, 80, 120, 160, 250, 400, *sorted(r.sample(range(500, total), 12)))):
        check_cut(t, d, v, f"{back} bytes before the end, to the client", to_client=total - back, reset=bool(n & 1))
        if n % 5 == 0:
            v.assert_daemon_works(d)
