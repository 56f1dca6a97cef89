#include "engine/pack/pack_result.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

int pack_result_fd(void)
{
    const char *text = getenv("FWSSH_RESULT_FD");
    uint64_t fd;

    return text && !number_parse_decimal(text, strlen(text), &fd) && fd <= 1023 ? (int)fd : -1;
}

static void pack_result_line(const char *line)
{
    int fd = pack_result_fd();

    if (fd >= 0)
        (void)io_write_all(fd, line, strlen(line));
}

void pack_result_switching(bool begins)
{
    pack_result_line(begins ? "switching\n" : "switched back\n");
}

void pack_result_tell(int status, const struct meta_identity *identity)
{
    char *line = memory_printf("%d %s %s\n", status, identity->uuid, identity->version);

    pack_result_line(line);
    free(line);
}
