/* SPDX-License-Identifier: Apache-2.0 */
#include "device/updaters/version_floor.h"

#include "base/io.h"
#include "base/memory.h"
#include "device/config/state_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The whole file has to be one version: anything else may be the rest of another one. */
static int version_floor_parse(const char *path, const struct buffer *text, char *version,
                               struct error *err)
{
    const char *line = buffer_text(text);
    size_t len = strcspn(line, "\n");

    if (len < VERSION_SIZE && len + (line[len] == '\n') == text->len) {
        snprintf(version, VERSION_SIZE, "%.*s", (int)len, line);
        if (version_is_valid(version))
            return 0;
    }
    *version = '\0';
    return error_set(err, EXIT_REFUSED, "%s contains no version", path);
}

static int version_floor_load(const struct device_config *config, char *version, struct error *err)
{
    int there = state_dir_has(config, VERSION_FLOOR_NEWEST, err);
    struct buffer text = {0};

    *version = '\0';
    if (there <= 0)
        return there;
    char *path = state_dir_path(config, VERSION_FLOOR_NEWEST);
    int rc = io_read_regular_file(path, VERSION_SIZE, &text, err);
    if (!rc)
        rc = version_floor_parse(path, &text, version, err);
    buffer_free(&text);
    free(path);
    return rc;
}

/* Only a file that the owner of the device can have made counts. */
static bool version_floor_is_overridden(const struct device_config *config)
{
    char *path = state_dir_path(config, VERSION_FLOOR_OVERRIDE);
    struct stat st;
    bool is =
        !lstat(path, &st) && S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid());

    free(path);
    return is;
}

int version_floor_read(struct version_floor *floor, const struct device_config *config,
                       struct error *err)
{
    struct error ignored;

    *floor = (struct version_floor){.kept = config->refuse_older};
    if (!floor->kept)
        return 0;
    floor->overridden = version_floor_is_overridden(config);
    int rc = state_dir_make(config, err);
    if (!rc && version_floor_load(config, floor->version, floor->overridden ? &ignored : err))
        rc = floor->overridden ? 0 : -1;
    if (!rc)
        return 0;
    err->status = EXIT_REFUSED;
    error_suffix(err, "no update is accepted, since it might be older (key refuse-older); nothing "
                      "was done");
    return -1;
}

int version_floor_raise(const struct device_config *config, const char *version, struct error *err)
{
    char newest[VERSION_SIZE];
    int order = 1;

    if (version_floor_load(config, newest, err))
        return -1;
    if (*newest && (version_compare(version, newest, &order) || order <= 0))
        return 0;
    char *line = memory_printf("%s\n", version);
    int rc = state_dir_write(config, VERSION_FLOOR_NEWEST, line, strlen(line), err);
    free(line);
    return rc;
}

int version_floor_test(const struct device_config *config, struct error *err)
{
    char newest[VERSION_SIZE];

    if (*config->minimum_version && !version_is_valid(config->minimum_version))
        return error_set(err, EXIT_USAGE,
                         "minimum-version is '%s', which no version can be compared with",
                         config->minimum_version);
    if (!config->refuse_older)
        return 0;
    if (state_dir_try(config, err) || version_floor_load(config, newest, err))
        return error_suffix(err, "no update will be accepted (key refuse-older)");
    return 0;
}
