/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/updater_result.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char switching[] = "switching", switched_back[] = "switched back",
                  complete[] = "complete", untouched[] = "untouched", because[] = "because ";

int updater_result_fd(void)
{
    const char *text = getenv(UPDATER_RESULT_VARIABLE);
    uint64_t fd;

    return text && !number_parse_decimal(text, strlen(text), &fd) && fd <= 1023 ? (int)fd : -1;
}

void updater_result_look(void)
{
    int fd = updater_result_fd();

    if (fd >= 0 && !io_is_open(fd))
        unsetenv(UPDATER_RESULT_VARIABLE);
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

void updater_result_tell_complete(void)
{
    updater_result_write(complete);
}

void updater_result_tell_untouched(void)
{
    updater_result_write(untouched);
}

void updater_result_tell(int status, const char *uuid, const char *version)
{
    char *text = memory_printf("%d %s %s", status, uuid, version);

    updater_result_write(text);
    free(text);
}

void updater_result_init(struct updater_result *result)
{
    *result = (struct updater_result){.status = EXIT_FAILED};
}

static void updater_result_line(struct updater_result *result, const char *line)
{
    char uuid[sizeof result->uuid] = "", version[sizeof result->version] = "";
    int status;

    if (!strcmp(line, switching) || !strcmp(line, switched_back)) {
        result->switching = !strcmp(line, switching);
    } else if (!strcmp(line, complete)) {
        result->complete = true;
    } else if (!strcmp(line, untouched)) {
        result->untouched = true;
    } else if (!strncmp(line, because, strlen(because))) {
        snprintf(result->because, sizeof result->because, "%s", line + strlen(because));
    } else if (sscanf(line, "%d %39s %255s", &status, uuid, version) >= 1) {
        result->status = status == EXIT_MISMATCH || status == EXIT_REFUSED
                             ? (enum exit_status)status
                             : EXIT_FAILED;
        memcpy(result->uuid, uuid, sizeof uuid);
        memcpy(result->version, version, sizeof version);
    }
}

int updater_result_read(int fd, struct updater_result *result)
{
    char piece[UPDATER_RESULT_LINE];
    ssize_t n = read(fd, piece, sizeof piece);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    for (ssize_t i = 0; i < n; i++) {
        if (piece[i] != '\n') {
            /* One that is too long keeps its last byte free, and is dropped at its end. */
            result->line_len += result->line_len < sizeof result->line;
            if (result->line_len < sizeof result->line)
                result->line[result->line_len - 1] = piece[i];
            continue;
        }
        if (result->line_len < sizeof result->line) {
            result->line[result->line_len] = '\0';
            updater_result_line(result, result->line);
        }
        result->line_len = 0;
    }
    return n > 0 ? 1 : -1;
}
