#include "host/command/host_list.h"

#include "base/io.h"
#include "base/memory.h"

#include <string.h>

#define HOST_LIST_MAX (1u << 20)

int host_list_add(struct fleet_options *f, const char *host, struct error *err)
{
    if (*host == '-' || !*host)
        return error_set(err, EXIT_USAGE, "'%s' is not a valid host", host);
    f->hosts = memory_resize(f->hosts, (f->host_count + 1) * sizeof *f->hosts);
    f->hosts[f->host_count++] = host;
    return 0;
}

int host_list_read(struct fleet_options *f, const char *path, struct error *err)
{
    struct buffer text = {0};

    if (f->hosts_text)
        return error_set(err, EXIT_USAGE, "--hosts can only be given once");
    if (strcmp(path, "-") ? io_read_file(path, HOST_LIST_MAX, &text, err)
                          : io_read_fd(0, "standard input", HOST_LIST_MAX, &text, err)) {
        buffer_free(&text);
        return -1;
    }
    char *rest = f->hosts_text = text.data ? text.data : memory_text("");
    for (char *line; (line = strsep(&rest, "\n"));) {
        line[strcspn(line, "#\r")] = '\0';
        line += strspn(line, " \t");
        line[strcspn(line, " \t")] = '\0';
        if (*line && host_list_add(f, line, err))
            return -1;
    }
    return f->host_count ? 0 : error_set(err, EXIT_USAGE, "no hosts in %s", path);
}
