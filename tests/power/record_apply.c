/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies a task to an image and keeps what reached the medium, in order:
 *   record_apply ARCHIVE TASK IMAGE LOG
 * LOG: for each write "W", offset and length (8 bytes each, little-endian), the bytes; for each
 * flush "F". tests/power/test_power.py replays it up to every point.
 */
#include "base/bytes.h"
#include "base/io.h"
#include "engine/apply/apply.h"
#include "engine/medium/medium_file.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct recorder {
    struct medium medium;
    struct medium *image;
    FILE *log;
};

static struct recorder *self(struct medium *m)
{
    return (struct recorder *)m;
}

static int record_read(struct medium *m, uint64_t offset, void *buf, size_t len, struct error *err)
{
    return self(m)->image->read(self(m)->image, offset, buf, len, err);
}

static int record_write(struct medium *m, uint64_t offset, const struct iovec *pieces, int count,
                        struct error *err)
{
    uint8_t head[17] = {'W'};
    uint64_t len = 0;

    for (int i = 0; i < count; i++)
        len += pieces[i].iov_len;
    bytes_put_le64(head + 1, offset);
    bytes_put_le64(head + 9, len);
    fwrite(head, sizeof head, 1, self(m)->log);
    for (int i = 0; i < count; i++)
        fwrite(pieces[i].iov_base, pieces[i].iov_len, 1, self(m)->log);
    return self(m)->image->write(self(m)->image, offset, pieces, count, err);
}

static int record_flush(struct medium *m, struct error *err)
{
    (void)err;
    fputc('F', self(m)->log);
    return 0;
}

int main(int argc, char **argv)
{
    struct medium_options options = {0};
    struct report report = {.program = "record_apply", .progress = REPORT_QUIET, .high = 100};
    struct meta_identity identity = {0};
    struct recorder r = {0};
    struct error err = {0};

    if (argc != 5 || sodium_init() < 0)
        return 2;
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    r.image = medium_file_open(argv[3], &options, &err);
    r.log = fopen(argv[4], "we");
    if (fd < 0 || !r.image || !r.log)
        return 2;
    r.medium = *r.image;
    r.medium.read = record_read;
    r.medium.write = record_write;
    r.medium.flush = record_flush;
    r.medium.extend = NULL;
    struct apply_request request = {
        .archive = source_from_fd(&fd), .task = argv[2], .medium = &r.medium};
    int rc = apply_run(&request, &report, &identity, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    medium_file_close(r.image);
    close(fd);
    return fclose(r.log) || rc ? 1 : 0;
}
