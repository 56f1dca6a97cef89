#include "base/reboot_param.h"

#include "base/argv.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/io.h"

#include <stdio.h>
#include <stdlib.h>
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

void reboot_param_read(char *param, size_t size)
{
    const char *const paths[] = {systemd_path, other_path};
    struct buffer text = {0};
    struct error ignored;

    for (size_t i = 0; i < sizeof paths / sizeof *paths && !text.len; i++)
        (void)io_read_file(paths[i], size - 1, &text, &ignored);
    snprintf(param, size, "%.*s", (int)strcspn(buffer_text(&text), "\n"), buffer_text(&text));
    buffer_free(&text);
}

static const char *reboot_param_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Without systemd, neither BusyBox's nor sysvinit's programs read the file. Of a script of the site
 * nothing is known. */
bool reboot_param_is_passed_by(const char *command)
{
    static const char *const deaf[] = {"reboot", "shutdown", "init", "telinit", "busybox"};
    struct argv argv = {0};
    bool passed = true;

    if (!strcmp(command, REBOOT_BY_KERNEL) || reboot_param_has_systemd())
        return true;
    argv_split(&argv, command);
    for (size_t i = 0; argv.count && i < sizeof deaf / sizeof *deaf; i++)
        passed = passed && strcmp(reboot_param_name(argv.word[0]), deaf[i]) != 0;
    argv_free(&argv);
    return passed;
}
