#include "wire/updater_result.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char switching[] = "switching", switched_back[] = "switched back";
static const char because[] = "because ";

int updater_result_fd(void)
{
    const char *text = getenv(UPDATER_RESULT_VARIABLE);
    uint64_t fd;

    return text && !number_parse_decimal(text, strlen(text), &fd) && fd <= 1023 ? (int)fd : -1;
}

/* In one write(): a line that is cut off by a kill is ignored. */
static void updater_result_write(const char *text)
{
    char *line = memory_printf("%s\n", text);
    int fd = updater_result_fd();

    if (fd >= 0)
        (void)io_write_all(fd, line, strlen(line));
    free(line);
}

void updater_result_tell_switching(bool begins)
{
    updater_result_write(begins ? switching : switched_back);
}

void updater_result_tell_because(const char *text)
{
    struct updater_result size;
    char *line = memory_printf("%s%.*s", because, (int)sizeof size.because - 1, text);

    for (char *p = line; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    updater_result_write(line);
    free(line);
}

void updater_result_tell(int status, const char *uuid, const char *version)
{
    char *text = memory_printf("%d %s %s", status, uuid, version);

    updater_result_write(text);
    free(text);
}

void updater_result_read(int fd, struct updater_result *result)
{
    char text[1024] = "", *rest = text;
    ssize_t n = read(fd, text, sizeof text - 1);
    int status;

    *result = (struct updater_result){.status = EXIT_FAILED};
    text[n > 0 ? n : 0] = '\0';
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (!strcmp(line, switching) || !strcmp(line, switched_back))
            result->switching = !strcmp(line, switching);
        else if (!strncmp(line, because, strlen(because)))
            snprintf(result->because, sizeof result->because, "%s", line + strlen(because));
        else if (sscanf(line, "%d %39s %255s", &status, result->uuid, result->version) >= 1)
            result->status = status == EXIT_MISMATCH || status == EXIT_REFUSED
                                 ? (enum exit_status)status
                                 : EXIT_FAILED;
    }
}
