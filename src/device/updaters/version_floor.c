#include "device/updaters/version_floor.h"

#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *version_floor_path(const struct device_config *config, const char *name)
{
    return memory_printf("%s/%s", config->state_dir, name);
}

static void version_floor_load(struct version_floor *floor, const char *path)
{
    struct buffer text = {0};
    struct error err;

    if (io_read_file(path, VERSION_FLOOR_SIZE - 1, &text, &err)) {
        log_warning("%s; older firmware will be accepted", err.text);
    } else {
        const char *line = buffer_text(&text);
        int len = (int)strcspn(line, "\n");
        if (isdigit((unsigned char)*line))
            snprintf(floor->version, sizeof floor->version, "%.*s", len, line);
        else
            log_warning("%s contains no version; older firmware will be accepted", path);
    }
    buffer_free(&text);
}

void version_floor_read(struct version_floor *floor, const struct device_config *config)
{
    *floor = (struct version_floor){0};
    if (!config->refuse_older)
        return;
    char *path = version_floor_path(config, "newest-version");
    char *override = version_floor_path(config, "allow-older");
    floor->overridden = !access(override, F_OK);
    if (!access(path, F_OK))
        version_floor_load(floor, path);
    free(override);
    free(path);
}

static int version_floor_use_override(const struct device_config *config, struct error *err)
{
    char *override = version_floor_path(config, "allow-older");
    int rc =
        unlink(override) && errno != ENOENT ? error_errno(err, "cannot remove %s", override) : 0;

    free(override);
    return rc;
}

int version_floor_raise(const struct version_floor *floor, const struct device_config *config,
                        const char *version, struct error *err)
{
    if (!config->refuse_older)
        return 0;
    if (floor->overridden)
        return version_floor_use_override(config, err);
    if (!isdigit((unsigned char)*version) || !strcmp(version, floor->version))
        return 0;
    char *path = version_floor_path(config, "newest-version");
    char *line = memory_printf("%s\n", version);
    int rc = io_write_file(path, line, strlen(line), 0644, err);
    free(line);
    free(path);
    return rc;
}
