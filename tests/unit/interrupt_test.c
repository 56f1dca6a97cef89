/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "host/remote/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

/* The signal that arrives after the caller's last look and before its wait. */
TEST(wait_after_the_signal_does_not_begin)
{
    interrupt_watch();
    assert_int_equal(interrupt_poll(NULL, 0, 1), 0);
    raise(SIGTERM);
    alarm(20);
    assert_int_equal(interrupt_poll(NULL, 0, -1), -1);
    assert_int_equal(errno, EINTR);
    assert_int_equal(interrupt_count(), 1);
    interrupt_pause(3600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wait_after_the_signal_does_not_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
