/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/private_dir.h"

#include "base/memory.h"

#include <stdlib.h>

char *private_dir_make(const char *what, struct error *err)
{
    const char *base = getenv("XDG_RUNTIME_DIR");
    char *dir = memory_printf("%s/fwssh-XXXXXX", base && *base ? base : "/tmp");

    if (mkdtemp(dir))
        return dir;
    error_errno(err, "cannot create a private directory for %s", what);
    free(dir);
    return NULL;
}
