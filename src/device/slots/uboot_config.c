/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/uboot_config.h"

#include "base/bytes.h"
#include "base/io.h"
#include "device/slots/boot_file.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_MAX 65536
#define CONFIG_COPIES 2
#define CONFIG_BOM "\xef\xbb\xbf"
#define CONFIG_DEVICE_SIZE 256
/* Sizes that are tried to find the one that is meant. */
#define CONFIG_SIZE_LEAST 512
#define CONFIG_SIZE_MOST (1u << 20)

/* A line "DEVICE OFFSET SIZE [SECTOR [SECTORS]]" of libubootenv's, and U-Boot's, fw_env.config. */
struct config_copy {
    char device[CONFIG_DEVICE_SIZE];
    long long offset; /* negative: from the end */
    size_t size;
};

struct config {
    const char *path;
    struct config_copy copy[CONFIG_COPIES];
    int count;
};

/* CRC-32 as in U-Boot and zlib, of which a device needs only this. */
static uint32_t config_crc(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static int config_line(struct config *c, const char *line, int number, struct error *err)
{
    struct config_copy copy;

    while (isspace((unsigned char)*line))
        line++;
    if (!*line || *line == '#' || c->count == CONFIG_COPIES)
        return 0;
    if (sscanf(line, "%255s %lli %zx", copy.device, &copy.offset, &copy.size) != 3 || !copy.size)
        return error_set(err, EXIT_FAILED,
                         "bad syntax in %s, line %d: a line is DEVICE OFFSET SIZE, such as "
                         "\"/dev/mmcblk0 0x2000 0x2000\"",
                         c->path, number);
    c->copy[c->count++] = copy;
    return 0;
}

static int config_parse(struct config *c, char *text, struct error *err)
{
    int number = 0;

    for (char *line; (line = strsep(&text, "\n"));)
        if (config_line(c, line, ++number, err))
            return -1;
    return c->count ? 0
                    : error_set(err, EXIT_FAILED,
                                "bad syntax in %s: it has no line DEVICE OFFSET SIZE", c->path);
}

static bool config_crc_fits(const uint8_t *data, size_t size, size_t header)
{
    return size > header && bytes_le32(data) == config_crc(data + header, size - header);
}

/* The header is the CRC, and in one of two copies a flag byte. */
static size_t config_header(const struct config *c)
{
    return c->count == CONFIG_COPIES ? 5 : 4;
}

/* Whether what is there has a good checksum, but for another size or another number of copies. */
static int config_find_size(const struct config *c, const struct config_copy *copy,
                            const uint8_t *data, size_t len, struct error *err)
{
    for (size_t size = CONFIG_SIZE_LEAST; size <= len; size *= 2)
        for (size_t header = 4; header <= 5; header++)
            if (config_crc_fits(data, size, header))
                return error_set(
                    err, EXIT_FAILED,
                    "wrong size in %s: at offset %lld of %s is an environment of 0x%zx bytes, %s, "
                    "but the file describes 0x%zx bytes, %s (SIZE is hexadecimal)",
                    c->path, copy->offset, copy->device, size,
                    header == 5 ? "one of two copies" : "a single copy", copy->size,
                    c->count == CONFIG_COPIES ? "two copies" : "a single copy");
    return 0;
}

static int config_check_range(const struct config *c, const struct config_copy *copy, int fd,
                              uint64_t *at, struct error *err)
{
    off_t end = lseek(fd, 0, SEEK_END);

    if (end < 0)
        return error_errno(err, "cannot find out the size of %s (in %s)", copy->device, c->path);
    long long offset = copy->offset < 0 ? (long long)end + copy->offset : copy->offset;
    if (offset < 0 || copy->size > (uint64_t)end || (uint64_t)offset > (uint64_t)end - copy->size)
        return error_set(err, EXIT_FAILED,
                         "wrong size in %s: 0x%zx bytes at offset %lld of %s, which has only %lld "
                         "bytes",
                         c->path, copy->size, copy->offset, copy->device, (long long)end);
    *at = (uint64_t)offset;
    return 0;
}

/* 1 if this copy is good, 0 if it has no good checksum, -1 with the error set. */
static int config_check_copy(const struct config *c, const struct config_copy *copy,
                             struct error *err)
{
    size_t most = copy->size > CONFIG_SIZE_MOST ? copy->size : CONFIG_SIZE_MOST;
    uint8_t *data = NULL;
    uint64_t at = 0;
    int rc = -1;

    int fd = open(copy->device, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_errno(err, "missing device: cannot open %s, which %s names", copy->device,
                           c->path);
    if (config_check_range(c, copy, fd, &at, err))
        goto cleanup;
    data = calloc(1, most);
    if (!data || lseek(fd, (off_t)at, SEEK_SET) < 0) {
        error_errno(err, "cannot read %s", copy->device);
        goto cleanup;
    }
    ssize_t len = io_read_full(fd, data, most);
    if (len < (ssize_t)copy->size)
        error_errno(err, "cannot read %s", copy->device);
    else if (config_crc_fits(data, copy->size, config_header(c)))
        rc = 1;
    else
        rc = config_find_size(c, copy, data, (size_t)len, err);
cleanup:
    free(data);
    io_close(&fd);
    return rc;
}

static int config_check(const struct config *c, struct error *err)
{
    for (int i = 0; i < c->count; i++) {
        int rc = config_check_copy(c, &c->copy[i], err);
        if (rc > 0)
            return error_set(err, EXIT_FAILED,
                             "cannot read the environment, although the copy at offset %lld of %s "
                             "is good",
                             c->copy[i].offset, c->copy[i].device);
        if (rc < 0)
            return -1;
    }
    return error_set(err, EXIT_FAILED,
                     "bad checksum: no environment was ever saved at offset %lld of %s%s, or it is "
                     "damaged, or %s names another place than U-Boot uses",
                     c->copy[0].offset, c->copy[0].device,
                     c->count == CONFIG_COPIES ? ", nor in the second copy" : "", c->path);
}

/* libubootenv's other syntax is YAML, which newer versions of it read. */
static bool config_is_yaml(const struct buffer *text)
{
    return strstr(buffer_text(text), "devices:") != NULL;
}

bool uboot_config_has_copy(const char *path)
{
    struct config c = {.path = path};
    struct buffer text = {0};
    struct error ignored;
    bool has = io_read_file(path, CONFIG_MAX, &text, &ignored) || config_is_yaml(&text);
    char *rest = text.data;

    for (char *line; !has && (line = strsep(&rest, "\n"));)
        has = !config_line(&c, line, 0, &ignored) && c.count;
    buffer_free(&text);
    return has;
}

static int config_prepare_copy(const struct config_copy *copy, struct error *err)
{
    struct stat st;

    if (stat(copy->device, &st))
        return 0;
    if (S_ISREG(st.st_mode))
        return boot_file_check_mount(copy->device, err);
    int fd = S_ISBLK(st.st_mode) ? open(copy->device, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd >= 0 && !fsync(fd))
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    io_close(&fd);
    return 0;
}

int uboot_config_prepare(const char *path, struct error *err)
{
    struct config c = {.path = path};
    struct buffer text = {0};
    struct error ignored;
    int rc = 0;

    /* What is wrong with it is explained later. */
    if (!io_read_file(path, CONFIG_MAX, &text, &ignored) && text.len && !config_is_yaml(&text))
        (void)config_parse(&c, text.data, &ignored);
    for (int i = 0; !rc && i < c.count; i++)
        rc = config_prepare_copy(&c.copy[i], err);
    buffer_free(&text);
    return rc;
}

int uboot_config_explain(const char *path, struct error *err)
{
    struct config c = {.path = path};
    struct buffer text = {0};
    int rc = io_read_file(path, CONFIG_MAX, &text, err);

    if (!rc && !strncmp(buffer_text(&text), CONFIG_BOM, strlen(CONFIG_BOM)))
        rc = error_set(err, EXIT_FAILED,
                       "bad syntax in %s, line 1: it starts with a byte order mark; save the file "
                       "without one",
                       path);
    if (!rc && config_is_yaml(&text))
        rc = error_set(err, EXIT_FAILED, "cannot read the environment that %s describes in YAML",
                       path);
    if (!rc)
        rc = text.len ? config_parse(&c, text.data, err) : config_parse(&c, (char[]){""}, err);
    if (!rc)
        rc = config_check(&c, err);
    buffer_free(&text);
    return rc;
}
