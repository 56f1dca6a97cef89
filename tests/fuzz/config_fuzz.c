/* SPDX-License-Identifier: Apache-2.0 */
/* fwsshd.conf and, after a NUL byte, an option -o. What is accepted must come out the same when it
 * is passed to fwssh-receive. */
#include "fuzz.h"

#include "base/io.h"
#include "device/config/device_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int fuzz_file(const void *bytes, size_t size)
{
    int fd = memfd_create("fwsshd.conf", MFD_CLOEXEC);

    if (fd < 0 || io_write_all(fd, bytes, size) || lseek(fd, 0, SEEK_SET))
        abort();
    return fd;
}

static void fuzz_values(const struct device_config *c)
{
    if (c->port < 1 || c->port > 65535 || c->session_uid < 1 || c->max_sessions < 1 ||
        c->max_unauthenticated < 1 || c->login_grace_time < 1 || c->idle_timeout < 1 ||
        c->hook_timeout < 1 || c->lock_file[0] != '/' || c->session_program[0] != '/' ||
        !*c->updater || c->log_level > LOG_LEVEL_DEBUG)
        __builtin_trap();
    free(text_list_join(&c->kex));
}

/* As update.c does. */
static void fuzz_hand_over(const struct device_config *c)
{
    struct buffer before = {0}, after = {0};
    struct device_config received;
    struct error err;

    device_config_print(c, &before);
    if (device_config_load_fd(&received, fuzz_file(before.data, before.len), &err))
        __builtin_trap();
    device_config_print(&received, &after);
    if (before.len != after.len || memcmp(before.data, after.data, before.len))
        __builtin_trap();
    device_config_free(&received);
    buffer_free(&before);
    buffer_free(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct device_config config;
    struct text_list overrides = {0};
    struct error err;
    char path[32];

    clearenv();
    setenv("NAME", "va\"lue $x", 1);
    const uint8_t *nul = memchr(data, 0, size);
    size_t len = nul ? (size_t)(nul - data) : size;
    char *option = fuzz_text(data + len, size - len);
    if (nul)
        text_list_add(&overrides, option + 1);
    int fd = fuzz_file(data, len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (!device_config_load(&config, path, &overrides, size & 1, &err)) {
        fuzz_values(&config);
        fuzz_hand_over(&config);
        device_config_free(&config);
    }
    close(fd);
    free(overrides.item);
    free(option);
    return 0;
}
