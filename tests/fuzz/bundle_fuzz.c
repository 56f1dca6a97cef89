/* SPDX-License-Identifier: Apache-2.0 */
/* A firmware file of RAUC, SWUpdate or Mender, or an image, as fwssh push looks at it. */
#include "fuzz.h"

#include "base/io.h"
#include "engine/archive/firmware_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct firmware_file f;
    struct error err;
    char path[32];

    int fd = memfd_create("bundle", MFD_CLOEXEC);
    if (fd < 0 || io_write_all(fd, data, size))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    (void)firmware_file_open_any(&f, path, &err);
    firmware_file_close(&f);
    close(fd);
    return 0;
}
