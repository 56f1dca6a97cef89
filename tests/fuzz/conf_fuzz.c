/* SPDX-License-Identifier: Apache-2.0 */
/* A fwup.conf, parsed to create an archive. */
#include "fuzz.h"

#include "base/io.h"
#include "engine/archive/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer out = {0};
    struct error err;
    char path[32];

    clearenv(); /* definitions of the last input */
    int fd = memfd_create("fwup.conf", MFD_CLOEXEC);
    if (fd < 0 || io_write_all(fd, data, size))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    cfg_t *cfg = conf_parse_file(path, &err);
    close(fd);
    if (cfg) {
        conf_print(cfg, &out);
        cfg_free(cfg);
    }
    buffer_free(&out);
    return 0;
}
