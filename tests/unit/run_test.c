/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/argv.h"
#include "base/io.h"
#include "base/nearest.h"
#include "base/run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A run of /bin/sh that keeps what it prints. */
static struct run shell(char *argv[4], char *script)
{
    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = script;
    argv[3] = NULL;
    return (struct run){.argv = argv,
                        .output = RUN_KEEP,
                        .errors = RUN_KEEP,
                        .keep = 1000,
                        .seconds = 60,
                        .detached = true};
}

TEST(arguments_are_never_dropped)
{
    struct argv a = {0};

    for (int i = 0; i < 1000; i++)
        argv_printf(&a, "%d", i);
    argv_add_pair(&a, "-f", "with blanks in it");
    argv_split(&a, "  two\twords ");
    assert_int_equal(a.count, 1004);
    assert_string_equal(a.word[999], "999");
    assert_string_equal(a.word[1001], "with blanks in it");
    assert_string_equal(a.word[1003], "words");
    assert_null(a.word[1004]);
    argv_free(&a);
    assert_int_equal(a.count, 0);
}

TEST(text_status_and_input)
{
    char *argv[4], big[200000];
    struct run run = shell(argv, "cat | wc -c; echo not now >&2; exit 3");
    struct run_result r;
    struct error err;

    memset(big, 'x', sizeof big);
    run.input = big;
    run.input_size = sizeof big;
    assert_int_equal(run_expect(&run, "it", &r, &err), -1);
    assert_false(run_succeeded(&r));
    assert_non_null(strstr(buffer_text(&r.text), "200000\nnot now\n"));
    assert_string_equal(err.text, "it exited with status 3: 200000");
    run_free(&r);
    /* What it prints may be a secret, if that is not where its errors go. */
    run.errors = RUN_DROP;
    assert_int_equal(run_expect(&run, "it", &r, &err), -1);
    assert_string_equal(err.text, "it exited with status 3");
    run_free(&r);
}

TEST(input_that_nobody_reads)
{
    char *argv[4], big[200000] = {0};
    struct run run = shell(argv, "exit 0");
    struct run_result r;
    struct error err;

    signal(SIGPIPE, SIG_IGN);
    run.input = big;
    run.input_size = sizeof big;
    assert_int_equal(run_program(&run, &r, &err), 0);
    assert_true(run_succeeded(&r));
    run_free(&r);
}

TEST(text_is_bounded_and_its_writer_goes_on)
{
    char *argv[4];
    struct run run = shell(argv, "head -c 300000 /dev/zero | tr '\\0' y; exit 4");
    struct run_result r;
    struct error err;

    assert_int_equal(run_program(&run, &r, &err), 0);
    assert_int_equal(r.text.len, 1000);
    assert_true(r.truncated);
    assert_int_equal(WEXITSTATUS(r.status), 4);
    run_free(&r);
}

/* A process of the group, not ours to reap. */
static void await_end(pid_t pid)
{
    double end = io_now() + 20;

    while (!kill(pid, 0) && io_now() < end)
        usleep(1000);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

TEST(nothing_of_the_group_stays)
{
    char *argv[4];
    struct run run = shell(argv, "sleep 1000 >/dev/null 2>&1 & echo $!");
    struct run_result r;
    struct error err;

    assert_int_equal(run_program(&run, &r, &err), 0);
    await_end(atoi(buffer_text(&r.text)));
    run_free(&r);
}

/* With its output open, in the group or outside: it is not waited for, and no time is up. */
TEST(what_stays_does_not_hold_its_parent_up)
{
    char *argv[4];
    char *scripts[] = {"sleep 1000 & echo $!; exit 3", "echo $$; setsid sleep 15 & exit 3"};

    for (int i = 0; i < 2; i++) {
        struct run run = shell(argv, scripts[i]);
        struct run_result r;
        struct error err;
        double begin = io_now();
        run.seconds = 12;
        assert_int_equal(run_program(&run, &r, &err), 0);
        assert_false(r.timed_out);
        assert_int_equal(WEXITSTATUS(r.status), 3);
        assert_true(r.text.len > 0 && io_now() < begin + 10);
        await_end(atoi(buffer_text(&r.text)));
        run_free(&r);
    }
}

TEST(time_limits_hold)
{
    char *argv[4];
    /* It closes its output and goes on; and it keeps it open and goes on. */
    char *scripts[] = {"echo $$; exec sleep 1000 >/dev/null 2>&1", "echo $$; sleep 1000"};

    for (int i = 0; i < 2; i++) {
        struct run run = shell(argv, scripts[i]);
        struct run_result r;
        struct error err;
        run.seconds = 1;
        assert_int_equal(run_program(&run, &r, &err), 0);
        assert_true(r.timed_out);
        assert_false(run_succeeded(&r));
        char *how = run_describe_end(&run, &r);
        assert_string_equal(how, "was killed after 1 second");
        free(how);
        await_end(atoi(buffer_text(&r.text)));
        run_free(&r);
    }
}

TEST(programs_that_cannot_be_run)
{
    char *missing[] = {"/nonexistent/program", NULL}, *none[] = {NULL};
    struct run run = {.argv = missing};
    struct run_result r;
    struct error err;

    assert_int_equal(run_program(&run, &r, &err), -1);
    assert_non_null(strstr(err.text, "/nonexistent/program"));
    run.argv = none;
    assert_int_equal(run_program(&run, &r, &err), -1);
    run.argv = NULL;
    assert_int_equal(run_program(&run, &r, &err), -1);
}

TEST(the_nearest_word)
{
    struct nearest n = {.word = "psuh"};

    nearest_try(&n, "status");
    assert_null(n.best);
    nearest_try(&n, "push");
    assert_string_equal(n.best, "push");
    nearest_try(&n, "pushes");
    assert_string_equal(n.best, "push");
    n = (struct nearest){.word = ""};
    nearest_try(&n, "push");
    assert_null(n.best);
    n = (struct nearest){.word = "a-very-long-word-of-more-than-thirty-two-letters"};
    nearest_try(&n, "a-very-long-word-of-more-than-thirty-two-letters");
    assert_null(n.best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_never_dropped),
        cmocka_unit_test(text_status_and_input),
        cmocka_unit_test(input_that_nobody_reads),
        cmocka_unit_test(text_is_bounded_and_its_writer_goes_on),
        cmocka_unit_test(nothing_of_the_group_stays),
        cmocka_unit_test(what_stays_does_not_hold_its_parent_up),
        cmocka_unit_test(time_limits_hold),
        cmocka_unit_test(programs_that_cannot_be_run),
        cmocka_unit_test(the_nearest_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
