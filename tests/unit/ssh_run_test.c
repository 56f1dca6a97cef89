/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/io.h"
#include "host/remote/ssh_run.h"

#include <string.h>
#include <unistd.h>

/* A run whose ssh is this process, begun so many seconds ago. */
struct fake {
    int in[2], out[2];
    struct ssh_run run;
};

static void fake_start(struct fake *f, double seconds)
{
    assert_int_equal(io_pipe(f->in), 0);
    assert_int_equal(io_pipe(f->out), 0);
    f->run = (struct ssh_run){
        .pid = -1, .in = f->in[1], .out = {f->out[0], -1}, .began = io_now() - seconds};
}

static void fake_end(struct fake *f)
{
    io_close(&f->run.in);
    io_close(&f->run.out[0]);
    io_close(&f->in[0]);
    io_close(&f->out[1]);
    buffer_free(&f->run.text[0]);
}

/* As with an agent that never answers. */
TEST(login_has_an_end)
{
    struct error err;
    struct fake f;

    fake_start(&f, 1000);
    ssh_run_say(&f.run, "a request\n");
    assert_int_equal(ssh_run_next(&f.run, false, 0, &err), -1);
    assert_int_equal(err.status, EXIT_ACCESS);
    assert_non_null(strstr(err.text, "has not logged in within 300 s"));
    assert_int_equal(ssh_run_next(&f.run, false, io_now() + 1000, &err), -1);
    assert_false(f.run.late);
    fake_end(&f);
}

TEST(callers_limit_comes_first)
{
    struct error err;
    struct fake f;

    fake_start(&f, 299);
    ssh_run_say(&f.run, "a request\n");
    assert_int_equal(ssh_run_next(&f.run, false, io_now() + 0.01, &err), SSH_RUN_LATE);
    assert_true(f.run.late);
    fake_end(&f);
}

/* Whoever has read something, or said something, may think as long as the caller allows. */
TEST(who_has_logged_in_has_time)
{
    struct error err;
    struct fake f;
    char text[10];

    fake_start(&f, 1000);
    ssh_run_say(&f.run, "a request\n");
    assert_int_equal(read(f.in[0], text, 1), 1);
    assert_int_equal(ssh_run_next(&f.run, false, io_now() + 0.01, &err), SSH_RUN_LATE);
    fake_end(&f);

    fake_start(&f, 1000);
    assert_int_equal(write(f.out[1], "x", 1), 1);
    assert_int_equal(ssh_run_next(&f.run, false, 0, &err), SSH_RUN_HEARD);
    assert_int_equal(ssh_run_next(&f.run, false, io_now() + 0.01, &err), SSH_RUN_LATE);
    fake_end(&f);

    fake_start(&f, 1000);
    ssh_run_close_input(&f.run);
    assert_int_equal(ssh_run_next(&f.run, false, io_now() + 0.01, &err), SSH_RUN_LATE);
    fake_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(login_has_an_end),
        cmocka_unit_test(callers_limit_comes_first),
        cmocka_unit_test(who_has_logged_in_has_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
