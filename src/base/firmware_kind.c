/* SPDX-License-Identifier: Apache-2.0 */
#include "base/firmware_kind.h"

#include <stdbool.h>
#include <string.h>

static bool firmware_kind_has(const char *data, size_t len, size_t at, const char *bytes,
                              size_t count)
{
    return at + count <= len && !memcmp(data + at, bytes, count);
}

const char *firmware_kind_by_start(const void *data, size_t len)
{
    static const char zip[] = "PK\3\4", description[] = "sw-description", version[] = "version";

    if (firmware_kind_has(data, len, 0, zip, sizeof zip - 1))
        return "fw";
    /* cpio, the new format and the one with checksums: its first name is at 110 */
    if ((firmware_kind_has(data, len, 0, "070701", 6) ||
         firmware_kind_has(data, len, 0, "070702", 6)) &&
        firmware_kind_has(data, len, 110, description, sizeof description))
        return "swu";
    if (firmware_kind_has(data, len, 257, "ustar", 5) &&
        firmware_kind_has(data, len, 0, version, sizeof version))
        return "mender";
    return "";
}
