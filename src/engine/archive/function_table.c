/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/function_table.h"

#include "base/number.h"

#include <inttypes.h>
#include <string.h>

const struct function_spec function_specs[] = {
    {"raw_write", 1, 9, "ot", "a block offset", true, false},
    {"raw_memset", 3, 3, "ocb", "a block offset, count, and value", false, false},
    {"fat_mkfs", 2, 2, "oc", "a block offset and block count", false, false},
    {"fat_write", 1, 2, "ot", "a block offset and destination filename", true, false},
    {"fat_mv", 3, 3, "ott", "a block offset, old filename, new filename", false, false},
    {"fat_mv!", 3, 3, "ott", "a block offset, old filename, new filename", false, false},
    {"fat_rm", 2, 2, "ot", "a block offset and filename", false, false},
    {"fat_rm!", 2, 2, "ot", "a block offset and filename", false, false},
    {"fat_cp", 3, 4, "ottt", "a block offset, from filename, to filename", false, false},
    {"fat_mkdir", 2, 2, "ot", "a block offset and directory name", false, false},
    {"fat_setlabel", 2, 2, "ot", "a block offset and volume label", false, false},
    {"fat_touch", 2, 2, "ot", "a block offset and filename", false, false},
    {"fat_attrib", 3, 3, "ota", "a block offset, filename, and attributes of R, H, S", false,
     false},
    {"mbr_write", 1, 1, "m", "the name of an mbr section", false, false},
    {"gpt_write", 1, 1, "g", "the name of a gpt section", false, false},
    {"trim", 2, 2, "oc", "a block offset and count", false, false},
    {"uboot_clearenv", 1, 1, "u", "the name of a uboot-environment section", false, false},
    {"uboot_setenv", 3, 3, "uvt", "a uboot-environment section, variable name and value", false,
     false},
    {"uboot_unsetenv", 2, 2, "ut", "a uboot-environment section and variable name", false, false},
    {"uboot_recover", 1, 1, "u", "the name of a uboot-environment section", false, false},
    {"error", 1, 1, "t", "a message", false, false},
    {"info", 1, 1, "t", "a message", false, false},
    {"path_write", 1, 1, "t", "a file path", true, false},
    {"pipe_write", 1, 1, "t", "a command", true, false},
    {"ubi_volume_write", 1, 1, "t", "a UBI volume device", true, false},
    {"execute", 1, 1, "t", "a command", false, false},
    {"reboot_param", 1, 1, "t", "a parameter", false, false},
    {"require-partition-offset", 2, 2, "no", "a partition number (0 to 3) and block offset", false,
     true},
    {"require-fat-file-exists", 2, 2, "ot", "a block offset and filename", false, true},
    {"require-fat-file-match", 3, 3, "ott", "a block offset, filename, and pattern", false, true},
    {"require-uboot-variable", 3, 3, "utt", "a uboot-environment section, variable name and value",
     false, true},
    {"require-path-on-device", 2, 2, "tt", "a path and device", false, true},
    {"require-path-at-offset", 2, 2, "to", "a path and block offset", false, true},
    {"require-execute", 1, 1, "t", "a command", false, true},
    {0},
};

const struct function_spec *function_find(const char *name)
{
    for (const struct function_spec *s = function_specs; s->name; s++)
        if (!strcmp(s->name, name))
            return s;
    return NULL;
}

static bool function_argument_fits(char kind, const char *arg, bool creating)
{
    uint64_t n;

    if (creating && strstr(arg, "${"))
        return true;
    switch (kind) {
    case 'o':
        return !number_parse(arg, &n);
    case 'c':
        return !number_parse(arg, &n) && n > 0;
    case 'b':
        return !number_parse(arg, &n) && n <= 255;
    case 'n':
        return !number_parse(arg, &n) && n <= 3;
    case 'a':
        return arg[strspn(arg, "RHSrhs")] == '\0';
    case 'v':
        return *arg && !strchr(arg, '=');
    default:
        return true;
    }
}

int function_check(const struct function_spec *spec, int argc, const char *const *argv,
                   bool creating, struct error *err)
{
    /* The four-argument fat_cp copies between file systems: offset, from, offset, to. */
    const char *kinds = !strcmp(spec->name, "fat_cp") && argc == 4 ? "otot" : spec->kinds;
    size_t last = strlen(kinds) - 1;

    if (argc < spec->min_args || argc > spec->max_args)
        return error_set(err, EXIT_FAILED, "%s requires %s", spec->name, spec->usage);
    for (int i = 0; i < argc; i++) {
        if (function_argument_fits(kinds[(size_t)i < last ? (size_t)i : last], argv[i], creating))
            continue;
        /* A misplaced argument may be a secret. */
        if (strstr(argv[i], "secret"))
            return error_set(err, EXIT_FAILED, "%s requires %s, but argument %d is not", spec->name,
                             spec->usage, i + 1);
        return error_set(err, EXIT_FAILED, "%s requires %s, but argument %d is '%s'", spec->name,
                         spec->usage, i + 1, argv[i]);
    }
    return 0;
}
