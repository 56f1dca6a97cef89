/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/io.h"
#include "base/spawn.h"
#include "device/receive/updater_pump.h"
#include "device/receive/updater_run.h"
#include "device/updaters/updater_driver.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEYS 20

/* The command line with | between its words, for one job. */
static char *arguments(const struct updater_driver *driver, const struct device_config *config,
                       const struct updater_job *job)
{
    struct updater u = {.driver = driver, .program = "/bin/u", .name = "u", .handshake = true};
    struct buffer text = {0};
    struct argv argv = {0};

    updater_arguments(&u, config, job, &argv);
    for (size_t i = 0; i < argv.count; i++)
        buffer_printf(&text, "%s%s", i ? "|" : "", argv.word[i]);
    argv_free(&argv);
    return text.data;
}

static void expect_arguments(const struct updater_driver *driver,
                             const struct device_config *config, const struct updater_job *job,
                             const char *expected)
{
    char *text = arguments(driver, config, job);

    assert_string_equal(text, expected);
    free(text);
}

static const char *no_options[] = {"--verbose"};

static struct device_config configuration(void)
{
    struct device_config c = {.task = "upgrade", .minimum_version = ""};

    c.updater_options.item = no_options;
    c.updater_options.count = 1;
    return c;
}

TEST(fwup_as_nerves_firmware_ssh_calls_it)
{
    struct device_config c = configuration();
    struct updater_job job = {.verb = UPDATER_WRITE, .device = "/dev/x"};

    expect_arguments(&updater_fwup, &c, &job,
                     "/bin/u|--exit-handshake|--apply|--no-unmount|-d|/dev/x|--task|upgrade|"
                     "--verbose");
    job = (struct updater_job){
        .verb = UPDATER_TASK, .device = "/dev/x", .task = "status", .path = "/ops.fw"};
    expect_arguments(&updater_fwup, &c, &job,
                     "/bin/u|-a|-q|--no-unmount|-i|/ops.fw|-t|status|-d|/dev/x");
}

TEST(fwpack_refuses_what_is_older_and_stages)
{
    struct device_config c = configuration();
    struct version_floor floor = {.kept = true, .version = "2.0"};
    struct updater_job job = {.verb = UPDATER_STAGE,
                              .device = "/dev/x",
                              .task = "other",
                              .path = "/state dir/staged",
                              .floor = &floor};

    c.minimum_version = "1.0";
    c.state_dir = "/state dir";
    expect_arguments(&updater_fwpack, &c, &job,
                     "/bin/u|--exit-handshake|--apply|--no-unmount|-d|/dev/x|--task|other|"
                     "--minimum-version|1.0|--stage|/state dir/staged|--minimum-version|2.0|"
                     "--pending-version|/state dir/pending-version|--verbose");
    floor.overridden = true;
    job.verb = UPDATER_WRITE;
    expect_arguments(&updater_fwpack, &c, &job,
                     "/bin/u|--exit-handshake|--apply|--no-unmount|-d|/dev/x|--task|other|"
                     "--minimum-version|1.0|--use-up|/state dir/allow-older|--pending-version|"
                     "/state dir/pending-version|--verbose");
    floor.kept = false;
    expect_arguments(&updater_fwpack, &c, &job,
                     "/bin/u|--exit-handshake|--apply|--no-unmount|-d|/dev/x|--task|other|"
                     "--minimum-version|1.0|--verbose");
}

/* Every key and the limit arrive, however many there are, and a blank in a path breaks nothing. */
TEST(activate_keeps_every_key_and_the_limit)
{
    struct device_config c = configuration();
    struct version_floor floor = {.kept = true, .version = "2.0"};
    struct updater_job job = {
        .verb = UPDATER_ACTIVATE, .device = "/dev/x", .path = "/state dir/staged", .floor = &floor};
    static const char limits[] =
        "|--minimum-version|1.0|--minimum-version|2.0|--pending-version|/s/pending-version";
    const char *keys[KEYS];
    size_t found = 0;

    for (size_t i = 0; i < KEYS; i++)
        keys[i] = KEY;
    c.firmware_public_keys.item = keys;
    c.firmware_public_keys.count = KEYS;
    c.minimum_version = "1.0";
    c.state_dir = "/s";
    char *text = arguments(&updater_fwpack, &c, &job);
    assert_non_null(strstr(text, "|-i|/state dir/staged|"));
    assert_string_equal(text + strlen(text) - strlen(limits), limits);
    for (const char *p = text; (p = strstr(p, "--public-key|" KEY)); p++)
        found++;
    assert_int_equal(found, KEYS);
    free(text);
}

/* An updater that copies its input, the firmware coming from a pipe that is not the client's. */
TEST(adapters_get_a_verb_and_the_options)
{
    struct device_config c = configuration();
    struct updater_job job = {
        .verb = UPDATER_WRITE, .device = "/dev/x", .task = "other", .run_dir = "/run/x", .size = 5};
    struct argv env = {0};

    c.firmware_public_keys = (struct text_list){0};
    expect_arguments(&updater_adapter, &c, &job, "/bin/u|write|--verbose");
    updater_adapter.environment(&c, &job, &env);
    assert_int_equal(env.count, 4);
    assert_string_equal(env.word[0], "FWSSH_DEVICE=/dev/x");
    assert_string_equal(env.word[1], "FWSSH_TASK=other");
    assert_string_equal(env.word[2], "FWSSH_RUN=/run/x");
    assert_string_equal(env.word[3], "FWSSH_SIZE=5");
    argv_free(&env);
}

static int exited(int status)
{
    return status << 8; /* as waitpid(2) has it */
}

TEST(adapters_say_whose_fault_it_is)
{
    static const enum exit_status expected[] = {[1] = EXIT_FAILED,
                                                [2] = EXIT_FAILED,
                                                [3] = EXIT_REFUSED,
                                                [4] = EXIT_MISMATCH,
                                                [5] = EXIT_FAILED};
    struct updater_job job = {.verb = UPDATER_WRITE};

    for (int status = 1; status <= 5; status++)
        assert_int_equal(updater_adapter.judge(&job, exited(status)), expected[status]);
    assert_int_equal(updater_adapter.judge(&job, SIGKILL), EXIT_FAILED);
    assert_int_equal(updater_adapter.judge(&job, 3), EXIT_FAILED); /* a signal */
}

TEST(the_pump_takes_any_descriptor)
{
    static const char firmware[] = "the firmware, put together on the device";
    struct client client;
    struct buffer ahead = {0};
    struct error err;
    int out[2], err_pipe[2], in[2], from[2], client_out[2];
    char text[100] = "";
    char *argv[] = {"cat", NULL};

    assert_int_equal(io_pipe(out) || io_pipe(err_pipe) || io_pipe(in) || io_pipe(from) ||
                         io_pipe(client_out),
                     0);
    client_open(&client, false, -1, 30);
    client.in = -1; /* nothing is read from it */
    client.out = client.err = client_out[1];
    struct spawn s = {.program = "cat",
                      .argv = argv,
                      .fds = {in[0], out[1], err_pipe[1]},
                      .fd_count = 3,
                      .new_group = true};
    pid_t pid = spawn_start(&s, &err);
    assert_true(pid > 0);
    io_close(&in[0]);
    io_close(&out[1]);
    io_close(&err_pipe[1]);
    for (int i = 0; i < 3; i++)
        io_set_nonblocking((int[]){in[1], out[0], err_pipe[0]}[i]);
    buffer_add(&ahead, firmware, 4); /* some of it was read before */
    assert_int_equal(io_write_all(from[1], firmware + 4, sizeof firmware - 4), 0);
    struct updater_result said;
    int result = -1;
    updater_result_init(&said);
    struct updater_pump pump = {.client = &client,
                                .from = from[0],
                                .ahead = &ahead,
                                .pid = pid,
                                .in = &in[1],
                                .out = &out[0],
                                .err = &err_pipe[0],
                                .result = &result,
                                .said = &said,
                                .timeout = 30,
                                .left = sizeof firmware,
                                .last = true};
    assert_int_equal(updater_pump_run(&pump, &err), 0);
    assert_true(WIFEXITED(pump.wait_status) && pump.past_return && pump.left == 0);
    assert_int_equal(read(client_out[0], text, sizeof text), sizeof firmware);
    assert_string_equal(text, firmware);
    buffer_free(&ahead);
    io_close(&out[0]);
    io_close(&err_pipe[0]);
    for (int i = 0; i < 2; i++) {
        close(from[i]);
        close(client_out[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fwup_as_nerves_firmware_ssh_calls_it),
        cmocka_unit_test(fwpack_refuses_what_is_older_and_stages),
        cmocka_unit_test(activate_keeps_every_key_and_the_limit),
        cmocka_unit_test(adapters_get_a_verb_and_the_options),
        cmocka_unit_test(adapters_say_whose_fault_it_is),
        cmocka_unit_test(the_pump_takes_any_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
