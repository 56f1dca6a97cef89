/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reboot_param.h"

#include "base/argv.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/io.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char systemd_path[] = "/run/systemd/reboot-param", other_path[] = "/run/reboot-param";

static bool reboot_param_has_systemd(void)
{
    return !access("/run/systemd", F_OK);
}

const char *reboot_param_path(void)
{
    return reboot_param_has_systemd() ? systemd_path : other_path;
}

static const char *const reboot_param_paths[] = {systemd_path, other_path};

#define REBOOT_PARAM_PATHS (sizeof reboot_param_paths / sizeof *reboot_param_paths)

void reboot_param_read(char *param, size_t size)
{
    struct buffer text = {0};
    struct error ignored;

    for (size_t i = 0; i < REBOOT_PARAM_PATHS && !text.len; i++)
        (void)io_read_file(reboot_param_paths[i], size - 1, &text, &ignored);
    snprintf(param, size, "%.*s", (int)strcspn(buffer_text(&text), "\n"), buffer_text(&text));
    buffer_free(&text);
}

int reboot_param_remove(struct error *err)
{
    for (size_t i = 0; i < REBOOT_PARAM_PATHS; i++)
        if (io_remove_file(reboot_param_paths[i], err))
            return -1;
    return 0;
}

static const char *reboot_param_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* BusyBox as init, which everything but a script or our own reboot ends up with, knows no
 * parameter. systemd does; of other inits and of scripts nothing is known. */
bool reboot_param_is_passed_by(const char *command)
{
    static const char *const asks_init[] = {"reboot", "shutdown", "busybox", "poweroff", "init"};
    char init[256] = "";
    struct argv argv = {0};
    bool asks = false;

    if (reboot_param_has_systemd() || readlink("/proc/1/exe", init, sizeof init - 1) < 0 ||
        strcmp(reboot_param_name(init), "busybox") != 0)
        return true;
    argv_split(&argv, command);
    for (size_t i = 0; argv.count && i < sizeof asks_init / sizeof *asks_init; i++)
        asks = asks || !strcmp(reboot_param_name(argv.word[0]), asks_init[i]);
    argv_free(&argv);
    return !asks;
}
